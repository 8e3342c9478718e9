package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// deadline bounds every wait of these tests.
const deadline = 10 * time.Second

type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T, name string) *authority {
	t.Helper()
	template := &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{}
	a.certificate, a.key = sign(t, template, template, nil)
	return a
}

func (a *authority) pem() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.certificate.Raw})
}

func (a *authority) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(a.certificate)
	return pool
}

func (a *authority) issue(t *testing.T, name string, groups ...string) tls.Certificate {
	t.Helper()
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: name, Organization: groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	certificate, key := sign(t, template, a.certificate, a.key)
	return tls.Certificate{Certificate: [][]byte{certificate.Raw}, PrivateKey: key}
}

func sign(t *testing.T, template, parent *x509.Certificate, signer *ecdsa.PrivateKey) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	if signer == nil {
		signer = key
	}
	template.SerialNumber, err = rand.Int(rand.Reader, big.NewInt(1<<62))
	check(t, err)
	template.NotBefore, template.NotAfter = time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	check(t, err)
	certificate, err := x509.ParseCertificate(der)
	check(t, err)
	return certificate, key
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// stage is a door set in front of an upstream, with its admin API.
type stage struct {
	t       *testing.T
	ca      *authority
	doors   *doorSet
	admin   *httptest.Server
	options options
}

func newStage(t *testing.T, upstream http.Handler) *stage {
	t.Helper()
	s := &stage{t: t, ca: newAuthority(t, "stage-ca")}
	server := httptest.NewUnstartedServer(upstream)
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{s.ca.issue(t, "upstream")},
		ClientAuth:   tls.RequestClientCert, // as kube-apiserver does: so the test sees who came with which certificate
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	s.options = s.writeOptions(server.URL)
	var err error
	s.doors, err = newDoorSet(s.options)
	check(t, err)
	t.Cleanup(s.doors.closeAll)
	s.admin = httptest.NewServer(adminHandler(s.doors))
	t.Cleanup(s.admin.Close)
	return s
}

func (s *stage) writeOptions(upstreamURL string) options {
	directory := s.t.TempDir()
	write := func(name string, data []byte) string {
		path := filepath.Join(directory, name)
		check(s.t, os.WriteFile(path, data, 0o600))
		return path
	}
	pair := func(name string) (string, string) {
		certificate := s.ca.issue(s.t, name)
		key, err := x509.MarshalPKCS8PrivateKey(certificate.PrivateKey)
		check(s.t, err)
		return write(name+".crt", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Certificate[0]})),
			write(name+".key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))
	}
	ca := write("ca.crt", s.ca.pem())
	o := options{
		upstream: upstreamURL, upstreamCA: ca, clientCA: ca,
		adminAddress: "127.0.0.1:0", state: filepath.Join(directory, "state.json"),
	}
	o.proxyCert, o.proxyKey = pair("front-proxy")
	o.servingCert, o.servingKey = pair("serving")
	return o
}

// call uses the admin API.
func (s *stage) call(method, path, body string, wantCode int, target any) {
	s.t.Helper()
	request, err := http.NewRequest(method, s.admin.URL+path, strings.NewReader(body))
	check(s.t, err)
	res, err := http.DefaultClient.Do(request)
	check(s.t, err)
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	check(s.t, err)
	if res.StatusCode != wantCode {
		s.t.Fatalf("%s %s: %d %s, want %d", method, path, res.StatusCode, data, wantCode)
	}
	if target != nil {
		check(s.t, json.Unmarshal(data, target))
	}
}

// open opens the door "d" with the fields, given as JSON.
func (s *stage) open(fields string) string {
	s.t.Helper()
	var opened struct{ Name, URL string }
	body := `{"name": "d"}`
	if fields != "" {
		body = `{"name": "d", ` + fields + `}`
	}
	s.call("POST", "/doors", body, 201, &opened)
	return opened.URL
}

func (s *stage) log() []entry {
	s.t.Helper()
	var entries []entry
	s.call("GET", "/doors/d/log", "", 200, &entries)
	return entries
}

// only is the single entry of the log.
func (s *stage) only() entry {
	s.t.Helper()
	entries := s.log()
	if len(entries) != 1 {
		s.t.Fatalf("%d entries, want 1: %+v", len(entries), entries)
	}
	return entries[0]
}

// eventually polls the log, for what the door learns only after the client has left.
func (s *stage) eventually(what string, met func([]entry) bool) {
	s.t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(deadline); time.Now().Before(limit); <-tick.C {
		if met(s.log()) {
			return
		}
	}
	s.t.Fatalf("%s: not within %s: %+v", what, deadline, s.log())
}

// client has no retries and follows no redirects.
func (s *stage) client(certificates ...tls.Certificate) *http.Client {
	transport := &http.Transport{
		DisableCompression: true,
		TLSClientConfig: &tls.Config{
			RootCAs: s.ca.pool(),
			// sent whatever authorities the server names: a client by default withholds untrusted ones
			GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(certificates) == 0 {
					return &tls.Certificate{}, nil
				}
				return &certificates[0], nil
			},
		},
	}
	s.t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{
		Transport:     transport,
		Timeout:       deadline,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

type reply struct {
	code   int
	header http.Header
	body   string
	err    error
}

func request(t *testing.T, method, url, body string, headers ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequest(method, url, bytes.NewBufferString(body))
	check(t, err)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	return r
}

func send(client *http.Client, r *http.Request) reply {
	res, err := client.Do(r)
	if err != nil {
		return reply{err: err}
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	return reply{code: res.StatusCode, header: res.Header, body: string(data), err: err}
}

// echo answers with what upstream saw of the request.
type seen struct {
	Method, URI, Body string
	Header            http.Header
	Certificate       string
}

func echo(w http.ResponseWriter, r *http.Request) {
	data, _ := io.ReadAll(r.Body)
	s := seen{Method: r.Method, URI: r.RequestURI, Body: string(data), Header: r.Header}
	if len(r.TLS.PeerCertificates) > 0 {
		s.Certificate = r.TLS.PeerCertificates[0].Subject.CommonName
	}
	jsonAnswer(http.StatusOK, s).write(w)
}

func decodeSeen(t *testing.T, got reply) seen {
	t.Helper()
	check(t, got.err)
	var s seen
	if err := json.Unmarshal([]byte(got.body), &s); err != nil {
		t.Fatalf("%v in %q", err, got.body)
	}
	return s
}
