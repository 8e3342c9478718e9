package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

func oneRule(fault string) string {
	return `"rules": [{"name": "r", "fault": ` + fault + `}]`
}

func TestStatusFaults(t *testing.T) {
	cases := []struct {
		fault, reason string
		code          int
	}{
		{`{"status": 429, "retry_after": 3}`, "TooManyRequests", 429},
		{`{"status": 500}`, "InternalError", 500},
		{`{"status": 403, "body": null, "retry_after": null}`, "Forbidden", 403},
		{`{"status": 401}`, "Unauthorized", 401},
		{`{"status": 503}`, "ServiceUnavailable", 503},
		{`{"status": 410}`, "Expired", 410},
		{`{"choice": [{"status": 409}]}`, "Conflict", 409},
	}
	for _, c := range cases {
		t.Run(c.reason, func(t *testing.T) {
			s := newStage(t, http.HandlerFunc(echo))
			url := s.open(oneRule(c.fault))
			got := send(s.client(), request(t, "POST", url+"/api", "{}"))
			check(t, got.err)
			var status struct {
				Kind, Status, Reason, Message string
				Code                          int
			}
			check(t, json.Unmarshal([]byte(got.body), &status))
			if got.code != c.code || status.Code != c.code || status.Kind != "Status" || status.Status != "Failure" ||
				status.Reason != c.reason || status.Message == "" || got.header.Get("Content-Type") != "application/json" {
				t.Errorf("got %d %+v %v", got.code, status, got.header)
			}
			if c.code == 429 && got.header.Get("Retry-After") != "3" {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
			if e := s.only(); e.Status != c.code || e.UpstreamStatus != 0 || e.Fault != "r" || e.Body != "{}" || e.Open {
				t.Errorf("entry %+v", e)
			}
		})
	}
}

func TestStatusBodyHeadersAndGarbage(t *testing.T) {
	cases := []struct {
		fault, body, contentType string
		code                     int
	}{
		{`{"status": 429, "body": "slow down"}`, "slow down", "text/plain; charset=utf-8", 429},
		{`{"status": 500, "body": {"a": 1}}`, `{"a": 1}`, "application/json", 500},
		{`{"status": 502, "body": "<html>", "headers": {"Content-Type": "text/html"}}`, "<html>", "text/html", 502},
		{`{"garbage": "{\"kind"}`, `{"kind`, "application/json", 200},
		{`{"garbage": "<b>", "status": 404, "content_type": "text/html"}`, "<b>", "text/html", 404},
	}
	for _, c := range cases {
		s := newStage(t, http.HandlerFunc(echo))
		got := send(s.client(), request(t, "GET", s.open(oneRule(c.fault))+"/api", ""))
		if got.code != c.code || got.body != c.body || got.header.Get("Content-Type") != c.contentType {
			t.Errorf("%s: got %+v", c.fault, got)
		}
	}
}

func TestResetCutsBeforeForwarding(t *testing.T) {
	var reached atomic.Int32
	s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reached.Add(1) }))
	url := s.open(oneRule(`{"reset": true}`))
	got := send(s.client(), request(t, "POST", url+"/api", "x"))
	if !errors.Is(got.err, syscall.ECONNRESET) {
		t.Errorf("got %+v, want a connection reset", got)
	}
	if reached.Load() != 0 {
		t.Errorf("the request was forwarded")
	}
	if e := s.only(); e.Status != 0 || e.UpstreamStatus != 0 || e.Fault != "r" || e.Open || e.Body != "x" {
		t.Errorf("entry %+v", e)
	}
}

func TestAnswerLostHappensAfterTheWrite(t *testing.T) {
	var body atomic.Value
	s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		body.Store(string(data))
		w.WriteHeader(http.StatusCreated)
		io.WriteString(w, "created")
	}))
	url := s.open(oneRule(`{"answer_lost": true}`))
	got := send(s.client(), request(t, "POST", url+"/api", "x"))
	if !errors.Is(got.err, syscall.ECONNRESET) {
		t.Errorf("got %+v, want a connection reset", got)
	}
	if body.Load() != "x" {
		t.Errorf("upstream got %v", body.Load())
	}
	if e := s.only(); e.Status != 0 || e.UpstreamStatus != 201 || e.Fault != "r" || e.Open {
		t.Errorf("entry %+v", e)
	}
}

func TestLatencies(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open(`"latency_ms": 30, ` + oneRule(`{"latency_ms": 40}`))
	start := time.Now()
	decodeSeen(t, send(s.client(), request(t, "GET", url+"/api", "")))
	if took := time.Since(start); took < 70*time.Millisecond {
		t.Errorf("took %s, want at least 70ms", took)
	}
}

func TestHangNeverAnswers(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open(oneRule(`{"hang": true}`))
	ctx, leave := context.WithCancel(context.Background())
	defer leave()
	done := make(chan reply, 1)
	go func() { done <- send(s.client(), request(t, "POST", url+"/api", "x").WithContext(ctx)) }()
	s.eventually("the request hangs", func(e []entry) bool { return len(e) == 1 && e[0].Fault == "r" && e[0].Open })
	leave()
	if got := <-done; got.err == nil {
		t.Errorf("answered %+v", got)
	}
	s.eventually("the door lets go", func(e []entry) bool { return !e[0].Open && e[0].Status == 0 })
}

func TestCutAfterBytes(t *testing.T) {
	for _, length := range []string{"known", "chunked"} {
		for _, cut := range []int{0, 7, 9000} {
			t.Run(fmt.Sprint(length, cut), func(t *testing.T) {
				s := newStage(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if length == "known" {
						w.Header().Set("Content-Length", "10000")
					}
					io.WriteString(w, strings.Repeat("y", 10000))
				}))
				url := s.open(oneRule(fmt.Sprintf(`{"cut_after_bytes": %d}`, cut)))
				got := send(s.client(), request(t, "GET", url+"/api", ""))
				if got.err == nil || got.code != 200 || len(got.body) != cut {
					t.Errorf("got %d, %d bytes, %v", got.code, len(got.body), got.err)
				}
				if e := s.only(); e.Status != 200 || e.UpstreamStatus != 200 || e.Fault != "r" || e.Open {
					t.Errorf("entry %+v", e)
				}
			})
		}
	}
}

func TestSlowWatchDelaysEventsAndSparesLists(t *testing.T) {
	events := make(chan string, 2)
	s := newStage(t, watchUpstream(events))
	url := s.open(`"rules": [{"name": "r", "times": 1, "fault": {"slow_watch_ms": 60}}]`)
	events <- "listed"
	close(events)
	if got := send(s.client(), request(t, "GET", url+"/api/v1/pods", "")); got.body != "listed\n" {
		t.Fatalf("list: %+v", got)
	}
	start := time.Now()
	events2 := make(chan string, 1)
	slow := newStage(t, watchUpstream(events2))
	events2 <- "event"
	close(events2)
	got := send(slow.client(), request(t, "GET", slow.open(oneRule(`{"slow_watch_ms": 60}`))+"/api/v1/pods?watch=1", ""))
	if took := time.Since(start); got.body != "event\n" || took < 60*time.Millisecond {
		t.Errorf("watch: %+v in %s", got, took)
	}
	if e := s.only(); e.Fault != "" {
		t.Errorf("a list used up the slow watch: %+v", e)
	}
}

func TestRuleSelection(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open(`"rules": [
		{"name": "spared", "user_agent": "^kubectl", "fault": {}},
		{"name": "writes", "methods": ["POST", "PATCH"], "path": "^/apis/", "skip": 1, "times": 2, "fault": {"status": 500}},
		{"name": "never", "probability": 0, "fault": {"status": 418}},
		{"name": "rest", "path": "/apis/", "fault": {"status": 503}}]`)
	client := s.client()
	calls := []struct{ method, path, agent, fault string }{
		{"POST", "/apis/x", "kubectl/1", "spared"},
		{"POST", "/apis/x", "py", "rest"}, // skipped by "writes", so the next rule has it
		{"PATCH", "/apis/x", "py", "writes"},
		{"GET", "/apis/x", "py", "rest"},
		{"POST", "/apis/x", "py", "writes"},
		{"POST", "/apis/x", "py", "rest"}, // "writes" is used up
		{"GET", "/api/v1", "py", ""},
	}
	for _, c := range calls {
		send(client, request(t, c.method, url+c.path, "", "User-Agent", c.agent))
	}
	for i, e := range s.log() {
		if e.Fault != calls[i].fault {
			t.Errorf("call %d %+v: fault %q", i, calls[i], e.Fault)
		}
	}
	var view doorView
	s.call("GET", "/doors/d", "", 200, &view)
	if r := view.Rules[1]; r.Matched != 4 || r.Applied != 2 {
		t.Errorf("counters %+v", r)
	}
}

// faults runs a mixed rule serially and returns what happened to each request.
func faults(s *stage, url string) []int {
	client := s.client()
	var codes []int
	for range 60 {
		codes = append(codes, send(client, request(s.t, "POST", url+"/api", "")).code)
	}
	return codes
}

func TestSeedDecidesTheFaults(t *testing.T) {
	const rules = `[{"probability": 0.5, "fault": {"choice": [{"status": 429, "weight": 3}, {"status": 500}, {"reset": true}]}}]`
	s := newStage(t, http.HandlerFunc(echo))
	url := s.open(`"seed": 7, "rules": ` + rules)
	first := faults(s, url)
	s.call("PATCH", "/doors/d", `{"rules": `+rules+`}`, 200, nil)
	again := faults(s, url)
	s.call("PATCH", "/doors/d", `{"seed": 8}`, 200, nil)
	other := faults(s, url)
	if !slices.Equal(first, again) {
		t.Errorf("one seed, two sequences:\n%v\n%v", first, again)
	}
	if slices.Equal(first, other) {
		t.Errorf("two seeds, one sequence: %v", first)
	}
	count := map[int]int{}
	for _, code := range first {
		count[code]++
	}
	if count[200] == 0 || count[429] <= count[500] || count[500] == 0 || count[0] == 0 {
		t.Errorf("mix %v", count)
	}
}
