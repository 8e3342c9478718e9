package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestIdentityOfAClientCertificateIsAsserted(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open("")
	client := s.client(s.ca.issue(t, "alice", "dev", "ops"))
	got := decodeSeen(t, send(client, request(t, "GET", url+"/api/v1/pods?limit=5&x=a;b", "",
		"X-Remote-User", "root", "x-remote-group", "system:masters", "X-Remote-Extra-Scopes", "all", "X-Remote-Uid", "0",
		"Authorization", "Bearer stolen", "Impersonate-User", "bob")))
	if got.Certificate != "front-proxy" {
		t.Errorf("upstream certificate %q, want front-proxy", got.Certificate)
	}
	if user := got.Header.Values("X-Remote-User"); !slices.Equal(user, []string{"alice"}) {
		t.Errorf("X-Remote-User %q", user)
	}
	if groups := got.Header.Values("X-Remote-Group"); !slices.Equal(groups, []string{"dev", "ops"}) {
		t.Errorf("X-Remote-Group %q", groups)
	}
	for _, name := range []string{"X-Remote-Extra-Scopes", "X-Remote-Uid", "Authorization", "X-Forwarded-For"} {
		if got.Header.Get(name) != "" {
			t.Errorf("%s reached upstream: %q", name, got.Header.Get(name))
		}
	}
	if got.Header.Get("Impersonate-User") != "bob" {
		t.Errorf("Impersonate-User was lost")
	}
	if got.URI != "/api/v1/pods?limit=5&x=a;b" {
		t.Errorf("URI %q", got.URI)
	}
	if e := s.only(); e.User != "alice" || e.Path != "/api/v1/pods" || e.Query != "limit=5&x=a;b" {
		t.Errorf("entry %+v", e)
	}
}

func TestTokensPassWithoutTheProxyCertificate(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open("")
	got := decodeSeen(t, send(s.client(), request(t, "GET", url+"/api", "",
		"Authorization", "Bearer abc", "X-Remote-User", "root", "Impersonate-Group", "g")))
	if got.Certificate != "" {
		t.Errorf("the proxy certificate %q vouched for a token's client", got.Certificate)
	}
	if got.Header.Get("Authorization") != "Bearer abc" || got.Header.Get("Impersonate-Group") != "g" {
		t.Errorf("headers %v", got.Header)
	}
	if got.Header.Get("X-Remote-User") != "" {
		t.Errorf("X-Remote-User reached upstream")
	}
	var raw []map[string]any
	s.call("GET", "/doors/d/log", "", 200, &raw)
	if text := fmt.Sprint(raw); strings.Contains(text, "abc") {
		t.Errorf("the token is in the log: %s", text)
	}
}

func TestUntrustedClientCertificateFailsTheHandshake(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open("")
	stranger := newAuthority(t, "stranger-ca").issue(t, "mallory")
	if got := send(s.client(stranger), request(t, "GET", url+"/api", "")); got.err == nil {
		t.Fatalf("answered %d %s", got.code, got.body)
	}
	if entries := s.log(); len(entries) != 0 {
		t.Errorf("logged %+v", entries)
	}
}

func TestLogEntry(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open("")
	client := s.client()
	before := unixSeconds(time.Now())
	big := strings.Repeat("x", bodyLimit+10)
	send(client, request(t, "PATCH", url+"/apis/a", `{"a":1}`, "Content-Type", "application/apply-patch+yaml", "User-Agent", "me/1"))
	send(client, request(t, "GET", url+"/apis/b", ""))
	got := decodeSeen(t, send(client, request(t, "PUT", url+"/apis/c", big)))
	send(s.client(), request(t, "GET", url+"/apis/d", "unlogged"))
	entries := s.log()
	first := entries[0]
	if first.N != 1 || first.Method != "PATCH" || first.Status != 200 || first.UpstreamStatus != 200 || first.Open ||
		first.Body != `{"a":1}` || first.ContentType != "application/apply-patch+yaml" || first.UserAgent != "me/1" || first.Fault != "" {
		t.Errorf("entry %+v", first)
	}
	if first.End == nil || first.Time < before || *first.End < first.Time {
		t.Errorf("times %v %v", first.Time, first.End)
	}
	if len(entries[2].Body) != bodyLimit || len(got.Body) != bodyLimit+10 {
		t.Errorf("body: logged %d, forwarded %d", len(entries[2].Body), len(got.Body))
	}
	if entries[3].Body != "" {
		t.Errorf("a GET's body was logged")
	}
	if entries[0].Connection != 1 || entries[2].Connection != 1 || entries[3].Connection != 2 {
		t.Errorf("connections %d %d %d, want 1 1 2", entries[0].Connection, entries[2].Connection, entries[3].Connection)
	}
	s.call("DELETE", "/doors/d/log", "", 200, nil)
	send(client, request(t, "GET", url+"/apis/e", ""))
	if e := s.only(); e.N != 5 {
		t.Errorf("n %d after a clear, want 5", e.N)
	}
}

// watchUpstream sends one event per value from the channel, until that is closed.
func watchUpstream(events <-chan string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush()
		for {
			select {
			case event, more := <-events:
				if !more {
					return
				}
				io.WriteString(w, event+"\n")
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}
}

func openWatch(t *testing.T, client *http.Client, url string) (*http.Response, context.CancelFunc) {
	t.Helper()
	ctx, leave := context.WithCancel(context.Background())
	t.Cleanup(leave)
	res, err := client.Do(request(t, "GET", url, "").WithContext(ctx))
	check(t, err)
	t.Cleanup(func() { res.Body.Close() })
	return res, leave
}

func TestWatchEventsArriveBeforeTheStreamEnds(t *testing.T) {
	events := make(chan string)
	s := newStage(t, watchUpstream(events))
	url := s.open("")
	res, leave := openWatch(t, s.client(), url+"/api/v1/pods?watch=true")
	if e := s.only(); !e.Open || e.Status != 200 || e.UpstreamStatus != 200 || e.End != nil {
		t.Errorf("entry of an open watch %+v", e)
	}
	lines := bufio.NewReader(res.Body)
	for _, want := range []string{"one", "two"} {
		events <- want
		if line, err := lines.ReadString('\n'); err != nil || line != want+"\n" {
			t.Fatalf("read %q, %v", line, err)
		}
	}
	leave()
	s.eventually("the watch ends", func(e []entry) bool { return !e[0].Open && e[0].End != nil && e[0].Status == 200 })
}

func TestUpgradedConnectionPasses(t *testing.T) {
	for _, protocol := range []string{"SPDY/3.1", "websocket"} {
		t.Run(protocol, func(t *testing.T) { testUpgrade(t, protocol) })
	}
}

func testUpgrade(t *testing.T, protocol string) {
	s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, stream, err := http.NewResponseController(w).Hijack()
		if err != nil || r.Header.Get("Upgrade") != protocol || r.Header.Get("X-Remote-User") != "alice" {
			t.Errorf("upstream got %v %v", r.Header, err)
			return
		}
		defer conn.Close()
		fmt.Fprintf(stream, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
		stream.Flush()
		io.Copy(conn, stream)
	}))
	url := s.open("")
	alice := s.ca.issue(t, "alice")
	conn, err := tls.Dial("tcp", strings.TrimPrefix(url, "https://"), &tls.Config{RootCAs: s.ca.pool(), Certificates: []tls.Certificate{alice}})
	check(t, err)
	defer conn.Close()
	check(t, conn.SetDeadline(time.Now().Add(deadline)))
	fmt.Fprintf(conn, "POST /api/v1/namespaces/a/pods/b/exec?command=id HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n", protocol)
	reader := bufio.NewReader(conn)
	res, err := http.ReadResponse(reader, nil)
	check(t, err)
	if res.StatusCode != 101 {
		t.Fatalf("status %d", res.StatusCode)
	}
	fmt.Fprint(conn, "ping\n")
	if line, err := reader.ReadString('\n'); err != nil || line != "ping\n" {
		t.Fatalf("read %q, %v", line, err)
	}
	if e := s.only(); !e.Open || e.Status != 101 || e.UpstreamStatus != 101 {
		t.Errorf("entry %+v", e)
	}
	s.call("DELETE", "/doors/d", "", 204, nil)
	if _, err := reader.ReadString('\n'); err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("the closed door left the upgraded connection open: %v", err)
	}
}

func TestUpstreamGoneIsA502(t *testing.T) {
	s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) }))
	url := s.open("")
	got := send(s.client(), request(t, "POST", url+"/api", "x"))
	if got.code != 502 || !strings.Contains(got.body, `"kind":"Status"`) {
		t.Errorf("got %+v", got)
	}
	if e := s.only(); e.Status != 502 || e.UpstreamStatus != 0 || e.Fault != "" {
		t.Errorf("entry %+v", e)
	}
}

// lastByte is a client that reads the log as soon as it has the whole answer.
type lastByte struct {
	*httptest.ResponseRecorder
	journal *journal
	open    []bool
}

func (w *lastByte) Write(p []byte) (int, error) {
	w.open = append(w.open, w.journal.snapshot()[0].Open)
	return w.ResponseRecorder.Write(p)
}

func TestEntryIsCompleteBeforeTheLastByteLeaves(t *testing.T) {
	for length, want := range map[string][]bool{"6": {true, false}, "": {true, true}} {
		r := httptest.NewRequest("GET", "/api", nil)
		d := &door{journal: &journal{}}
		x := &exchange{door: d, request: r, entry: d.journal.begin(r, 1, "", func(s string) string { return s })}
		client := &lastByte{ResponseRecorder: httptest.NewRecorder(), journal: d.journal}
		w := &recorder{ResponseWriter: client, exchange: x, left: -1}
		if length != "" {
			w.Header().Set("Content-Length", length)
		}
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "abc")
		io.WriteString(w, "def")
		if e := d.journal.snapshot()[0]; !slices.Equal(client.open, want) || e.Status != 200 {
			t.Errorf("length %q: open %v, want %v; status %d", length, client.open, want, e.Status)
		}
	}
}

func TestEntryWithoutABodyIsCompleteWithItsHeaders(t *testing.T) {
	for code, complete := range map[int]bool{http.StatusNoContent: true, http.StatusNotModified: true, http.StatusOK: false} {
		r := httptest.NewRequest("DELETE", "/api", nil)
		d := &door{journal: &journal{}}
		x := &exchange{door: d, request: r, entry: d.journal.begin(r, 1, "", func(s string) string { return s })}
		w := &recorder{ResponseWriter: httptest.NewRecorder(), exchange: x, left: -1}
		w.WriteHeader(code)
		if e := d.journal.snapshot()[0]; e.Open == complete {
			t.Errorf("%d: open %v", code, e.Open)
		}
	}
}
