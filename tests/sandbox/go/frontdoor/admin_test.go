package main

import (
	"context"
	"encoding/json"
	"net/http"
	"os"
	"testing"
	"time"
)

func TestDoorLifecycle(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(`"latency_ms": 1, "seed": 3, ` + oneRule(`{"status": 500}`))
	s.call("POST", "/doors", `{"name": "other"}`, 201, nil)
	var views []doorView
	s.call("GET", "/doors", "", 200, &views)
	if len(views) != 2 || views[0].Name != "d" || views[0].URL != door || views[0].Seed != 3 || views[0].LatencyMS != 1 || len(views[0].Rules) != 1 {
		t.Errorf("doors %+v", views)
	}
	s.call("PATCH", "/doors/d", `{"rules": null, "latency_ms": 0}`, 200, nil)
	if got := send(s.client(), request(t, "GET", door+"/api", "")); got.code != 200 {
		t.Errorf("after the rules went: %+v", got)
	}
	s.call("DELETE", "/doors/d", "", 204, nil)
	if got := send(s.client(), request(t, "GET", door+"/api", "")); got.err == nil {
		t.Errorf("a closed door answered %+v", got)
	}
	s.call("GET", "/healthz", "", 200, nil)
}

func TestAdminRefusals(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	s.open("")
	cases := []struct {
		method, path, body string
		code               int
	}{
		{"POST", "/doors", `{"name": "d"}`, 409},
		{"POST", "/doors", `{"name": "a/b"}`, 400},
		{"POST", "/doors", `{}`, 400},
		{"POST", "/doors", `not json`, 400},
		{"POST", "/doors", `{"name": "e", "port": "x"}`, 400},
		{"POST", "/doors", `{"name": "e", "rewrites": {}}`, 400},
		{"PATCH", "/doors/d", `{"name": "e"}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"fault": {"rest": true}}]}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"fault": {"reset": true, "hang": true}}]}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"fault": {"choice": []}}]}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"fault": {"status": 99}}]}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"path": "(", "fault": {}}]}`, 400},
		{"PATCH", "/doors/d", `{"rules": [{"probability": 2, "fault": {}}]}`, 400},
		{"PATCH", "/doors/d", `{"rewrite": {"uid": "x"}}`, 400},
		{"PATCH", "/doors/d", `{"oauth": {"users": {}}}`, 400},
		{"PATCH", "/doors/d", `{"latency_ms": -1}`, 400},
		{"GET", "/doors/none/log", "", 404},
		{"DELETE", "/doors/none", "", 404},
		{"PUT", "/doors/d", "", 405},
	}
	for _, c := range cases {
		s.call(c.method, c.path, c.body, c.code, nil)
	}
	var views []doorView
	s.call("GET", "/doors", "", 200, &views)
	if len(views) != 1 || len(views[0].Rules) != 0 || views[0].OAuth != nil {
		t.Errorf("a refused change left traces: %+v", views)
	}
}

func TestRunWritesStateAndStops(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, s.options) }()
	ready := awaitState(t, s.options.state)
	if got := send(s.client(), request(t, "GET", ready.Doors["main"]+"/api", "")); got.code != 200 {
		t.Errorf("main: %+v", got)
	}
	if got := send(http.DefaultClient, request(t, "GET", ready.Admin+"/healthz", "")); got.body != "ok" {
		t.Errorf("healthz: %+v", got)
	}
	stop()
	check(t, <-ended)
	if _, err := os.Stat(s.options.state); !os.IsNotExist(err) {
		t.Errorf("the state file is still there: %v", err)
	}
}

func awaitState(t *testing.T, path string) state {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for limit := time.Now().Add(deadline); time.Now().Before(limit); <-tick.C {
		if data, err := os.ReadFile(path); err == nil {
			var s state
			check(t, json.Unmarshal(data, &s))
			return s
		}
	}
	t.Fatal("no state file")
	return state{}
}

func TestOptions(t *testing.T) {
	if _, err := parseOptions([]string{"--upstream", "https://x"}); err == nil {
		t.Errorf("missing options were accepted")
	}
	for _, address := range []string{"0.0.0.0:0", "localhost:0", "10.0.0.1:0", "127.0.0.1"} {
		if l, err := listenLoopback(address); err == nil {
			l.Close()
			t.Errorf("%s was accepted", address)
		}
	}
}
