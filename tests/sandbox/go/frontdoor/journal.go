package main

import (
	"net/http"
	"sync"
	"time"
)

// bodyLimit caps what the log keeps of a request body.
const bodyLimit = 64 << 10

// entry is one request as the client made it and what became of it.
type entry struct {
	N              int64    `json:"n"`
	Time           float64  `json:"time"`
	End            *float64 `json:"end"`
	Open           bool     `json:"open"`
	Method         string   `json:"method"`
	Path           string   `json:"path"`
	Query          string   `json:"query"`
	User           string   `json:"user"`
	UserAgent      string   `json:"user_agent"`
	Status         int      `json:"status"`
	UpstreamStatus int      `json:"upstream_status"`
	Fault          string   `json:"fault"`
	ContentType    string   `json:"content_type"`
	Body           string   `json:"body"`
	Connection     int64    `json:"connection"`
}

// journal is the log of one door. Numbers go on after a clear, so that they stay unique.
type journal struct {
	mu      sync.Mutex
	entries []*entry
	last    int64
}

// begin records a request at its arrival; headers other than those two are never kept.
func (j *journal) begin(r *http.Request, connection int64, user string, scrub func(string) string) *entry {
	e := &entry{
		Open:        true,
		Method:      r.Method,
		Path:        scrub(r.URL.Path),
		Query:       scrub(r.URL.RawQuery),
		User:        user,
		UserAgent:   r.UserAgent(),
		ContentType: r.Header.Get("Content-Type"),
		Connection:  connection,
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.last++
	e.N, e.Time = j.last, unixSeconds(time.Now())
	j.entries = append(j.entries, e)
	return e
}

func (j *journal) update(e *entry, change func(*entry)) {
	j.mu.Lock()
	defer j.mu.Unlock()
	change(e)
}

// complete ends an entry; a second call changes nothing.
func (j *journal) complete(e *entry) {
	j.update(e, func(e *entry) {
		if e.Open {
			end := unixSeconds(time.Now())
			e.Open, e.End = false, &end
		}
	})
}

func (j *journal) snapshot() []entry {
	j.mu.Lock()
	defer j.mu.Unlock()
	copied := make([]entry, len(j.entries))
	for i, e := range j.entries {
		copied[i] = *e
	}
	return copied
}

func (j *journal) clear() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.entries = nil
}

func unixSeconds(t time.Time) float64 {
	return float64(t.UnixMicro()) / 1e6
}

// recordedBody is what the log keeps: bodies of writes, up to the limit.
func recordedBody(method string, body []byte) string {
	switch method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return string(body[:min(len(body), bodyLimit)])
	}
	return ""
}
