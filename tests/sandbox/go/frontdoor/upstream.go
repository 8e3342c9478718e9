package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"time"
)

// upstream is the API server, reached as the client itself (plain) or as the front proxy (vouching).
type upstream struct {
	url      *url.URL
	plain    *http.Transport
	vouching *http.Transport
}

func newUpstream(o options) (*upstream, error) {
	target, err := url.Parse(o.upstream)
	if err != nil {
		return nil, fmt.Errorf("--upstream: %w", err)
	}
	if target.Scheme != "https" || target.Host == "" {
		return nil, fmt.Errorf("--upstream: %q is not an https URL", o.upstream)
	}
	roots, err := readPool(o.upstreamCA)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(o.proxyCert, o.proxyKey)
	if err != nil {
		return nil, fmt.Errorf("front-proxy certificate: %w", err)
	}
	return &upstream{
		url:      target,
		plain:    newTransport(roots),
		vouching: newTransport(roots, certificate),
	}, nil
}

// newTransport speaks HTTP/1.1 only: an upgrade (exec, port-forward) cannot pass HTTP/2.
func newTransport(roots *x509.CertPool, certificates ...tls.Certificate) *http.Transport {
	return &http.Transport{
		TLSClientConfig: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			RootCAs:      roots,
			Certificates: certificates,
			NextProtos:   []string{"http/1.1"},
		},
		TLSHandshakeTimeout: 10 * time.Second,
		MaxIdleConnsPerHost: 256,
		IdleConnTimeout:     30 * time.Second, // shorter than the API server's, so that it never closes first
		DisableCompression:  true,             // the client's own Accept-Encoding passes unchanged
	}
}

func (u *upstream) transport(who *identity) *http.Transport {
	if who == nil {
		return u.plain
	}
	return u.vouching
}

func (u *upstream) closeIdle() {
	u.plain.CloseIdleConnections()
	u.vouching.CloseIdleConnections()
}

func readPool(path string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s: no certificate in it", path)
	}
	return pool, nil
}
