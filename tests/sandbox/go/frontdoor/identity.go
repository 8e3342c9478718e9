package main

import (
	"crypto/tls"
	"net/http"
	"strings"
)

// identity is a user the door has authenticated and vouches for upstream.
type identity struct {
	user   string
	groups []string
}

// certificateIdentity reads a verified client certificate as Kubernetes does: CN and O.
func certificateIdentity(state *tls.ConnectionState) *identity {
	if state == nil || len(state.VerifiedChains) == 0 {
		return nil
	}
	subject := state.VerifiedChains[0][0].Subject
	return &identity{user: subject.CommonName, groups: subject.Organization}
}

// stripRemoteHeaders removes identity headers a client made up.
func stripRemoteHeaders(header http.Header) {
	for name := range header {
		if strings.HasPrefix(strings.ToLower(name), "x-remote-") {
			delete(header, name)
		}
	}
}

// assertIdentity says upstream who the client is; credentials of the client must not compete with it.
func assertIdentity(header http.Header, who *identity) {
	header.Del("Authorization")
	header.Set("X-Remote-User", who.user)
	for _, group := range who.groups {
		header.Add("X-Remote-Group", group)
	}
}
