package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
)

// doorView is a door as the admin API shows it, without passwords.
type doorView struct {
	Name      string     `json:"name"`
	URL       string     `json:"url"`
	Rules     []ruleView `json:"rules"`
	Rewrite   *rewrite   `json:"rewrite"`
	OAuth     *oauthView `json:"oauth"`
	LatencyMS float64    `json:"latency_ms"`
	Seed      int64      `json:"seed"`
}

type oauthView struct {
	Users        []string `json:"users"`
	TokenSeconds float64  `json:"token_seconds"`
}

func viewOf(d *door) doorView {
	now := d.current()
	view := doorView{
		Name: d.name, URL: d.url, Rules: now.rules.views(), Rewrite: now.rewrite,
		LatencyMS: now.latencyMS, Seed: now.seed,
	}
	if now.oauth != nil {
		view.OAuth = &oauthView{
			Users:        slices.Sorted(maps.Keys(now.oauth.config.Users)),
			TokenSeconds: now.oauth.config.TokenSeconds,
		}
	}
	return view
}

// adminHandler serves the loopback-only API that opens, changes and closes doors.
func adminHandler(doors *doorSet) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		textAnswer(http.StatusOK, "text/plain; charset=utf-8", "ok").write(w)
	})
	mux.HandleFunc("POST /doors", func(w http.ResponseWriter, r *http.Request) {
		handleOpen(doors, r).write(w)
	})
	mux.HandleFunc("GET /doors", func(w http.ResponseWriter, r *http.Request) {
		views := []doorView{}
		for _, d := range doors.all() {
			views = append(views, viewOf(d))
		}
		jsonAnswer(http.StatusOK, views).write(w)
	})
	mux.HandleFunc("DELETE /doors/{name}", func(w http.ResponseWriter, r *http.Request) {
		if err := doors.close(r.PathValue("name")); err != nil {
			adminError(err).write(w)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	handleDoor := func(pattern string, handle func(*door, *http.Request) *answer) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			d, err := doors.find(r.PathValue("name"))
			if err != nil {
				adminError(err).write(w)
				return
			}
			handle(d, r).write(w)
		})
	}
	handleDoor("GET /doors/{name}", func(d *door, r *http.Request) *answer {
		return jsonAnswer(http.StatusOK, viewOf(d))
	})
	handleDoor("PATCH /doors/{name}", handleChange)
	handleDoor("GET /doors/{name}/log", func(d *door, r *http.Request) *answer {
		return jsonAnswer(http.StatusOK, d.journal.snapshot())
	})
	handleDoor("DELETE /doors/{name}/log", func(d *door, r *http.Request) *answer {
		d.journal.clear()
		return jsonAnswer(http.StatusOK, struct{}{})
	})
	handleDoor("GET /doors/{name}/oauth", func(d *door, r *http.Request) *answer {
		return jsonAnswer(http.StatusOK, d.current().oauth.state())
	})
	return mux
}

func handleOpen(doors *doorSet, r *http.Request) *answer {
	fields, err := readFields(r)
	if err != nil {
		return adminError(err)
	}
	var name string
	var port int
	if err := errors.Join(takeField(fields, "name", &name), takeField(fields, "port", &port)); err != nil {
		return adminError(err)
	}
	d, err := doors.open(name, port, fields)
	if err != nil {
		return adminError(err)
	}
	return jsonAnswer(http.StatusCreated, map[string]string{"name": d.name, "url": d.url})
}

func handleChange(d *door, r *http.Request) *answer {
	fields, err := readFields(r)
	if err == nil {
		err = d.change(fields)
	}
	if err != nil {
		return adminError(err)
	}
	return jsonAnswer(http.StatusOK, viewOf(d))
}

func readFields(r *http.Request) (map[string]rawJSON, error) {
	var fields map[string]rawJSON
	if err := json.NewDecoder(r.Body).Decode(&fields); err != nil {
		return nil, fmt.Errorf("body: %w", err)
	}
	return fields, nil
}

func takeField(fields map[string]rawJSON, name string, target any) error {
	raw, given := fields[name]
	delete(fields, name)
	if !given {
		return nil
	}
	if err := decodeStrict(raw, target); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return nil
}

func adminError(err error) *answer {
	code := http.StatusBadRequest
	switch {
	case errors.Is(err, errUnknown):
		code = http.StatusNotFound
	case errors.Is(err, errExists):
		code = http.StatusConflict
	}
	return jsonAnswer(code, map[string]string{"error": err.Error()})
}
