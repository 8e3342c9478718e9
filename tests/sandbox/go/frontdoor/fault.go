package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"
)

// fault is what happens to a request. Empty, the request passes unharmed, which makes
// a rule an exemption from the rules after it. A latency combines with any other fault.
type fault struct {
	Status        *int              `json:"status,omitempty"`
	RetryAfter    *int              `json:"retry_after,omitempty"`
	Body          json.RawMessage   `json:"body,omitempty"`
	Headers       map[string]string `json:"headers,omitempty"`
	Reset         bool              `json:"reset,omitempty"`
	AnswerLost    bool              `json:"answer_lost,omitempty"`
	LatencyMS     float64           `json:"latency_ms,omitempty"`
	SlowWatchMS   float64           `json:"slow_watch_ms,omitempty"`
	Garbage       *string           `json:"garbage,omitempty"`
	ContentType   string            `json:"content_type,omitempty"`
	Hang          bool              `json:"hang,omitempty"`
	CutAfterBytes *int64            `json:"cut_after_bytes,omitempty"`
	Choice        []fault           `json:"choice,omitempty"`
	Weight        int               `json:"weight,omitempty"` // within a choice; 0 counts as 1
}

func (f *fault) validate() error {
	kinds := 0
	for _, present := range []bool{
		f.Status != nil || f.Garbage != nil, f.Reset, f.AnswerLost, f.SlowWatchMS != 0,
		f.Hang, f.CutAfterBytes != nil, f.Choice != nil,
	} {
		if present {
			kinds++
		}
	}
	switch {
	case kinds > 1:
		return errors.New("a fault is one of status, reset, answer_lost, slow_watch_ms, garbage, hang, cut_after_bytes, choice")
	case f.Status != nil && (*f.Status < 200 || *f.Status > 599):
		return fmt.Errorf("status %d is not between 200 and 599", *f.Status)
	case f.LatencyMS < 0 || f.SlowWatchMS < 0 || f.Weight < 0:
		return errors.New("latency_ms, slow_watch_ms and weight cannot be negative")
	case f.CutAfterBytes != nil && *f.CutAfterBytes < 0:
		return errors.New("cut_after_bytes cannot be negative")
	case f.Choice != nil && len(f.Choice) == 0:
		return errors.New("choice is empty")
	}
	for i := range f.Choice {
		if err := f.Choice[i].validate(); err != nil {
			return fmt.Errorf("choice %d: %w", i, err)
		}
	}
	return nil
}

// answer is the response of a status or garbage fault, nil for all others.
func (f *fault) answer() *answer {
	var a *answer
	switch {
	case f.Garbage != nil:
		a = f.garbageAnswer()
	case f.Status != nil:
		a = f.statusAnswer()
	default:
		return nil
	}
	if f.ContentType != "" {
		a.set("Content-Type", f.ContentType)
	}
	for name, value := range f.Headers {
		a.set(name, value)
	}
	return a
}

func (f *fault) garbageAnswer() *answer {
	code := http.StatusOK
	if f.Status != nil {
		code = *f.Status
	}
	return textAnswer(code, "application/json", *f.Garbage)
}

func (f *fault) statusAnswer() *answer {
	a := f.statusBody()
	if f.RetryAfter != nil {
		a.set("Retry-After", strconv.Itoa(*f.RetryAfter))
	}
	return a
}

func (f *fault) statusBody() *answer {
	code := *f.Status
	if isNull(f.Body) {
		var details map[string]any
		if f.RetryAfter != nil {
			details = map[string]any{"retryAfterSeconds": *f.RetryAfter}
		}
		return statusAnswer(code, fmt.Sprintf("front door: injected %d", code), details)
	}
	var text string
	if json.Unmarshal(f.Body, &text) == nil {
		return textAnswer(code, "text/plain; charset=utf-8", text)
	}
	return textAnswer(code, "application/json", string(f.Body))
}

func isNull(raw json.RawMessage) bool {
	return len(raw) == 0 || string(raw) == "null"
}

func milliseconds(ms float64) time.Duration {
	return time.Duration(ms * float64(time.Millisecond))
}
