package main

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
)

const uidRewrite = `"rewrite": {"kube_system_uid": "fleet-1", "version": {"gitVersion": "v1.27.3", "minor": "27"}}`

// jsonUpstream compresses whenever it may and refuses to speak anything but JSON.
func jsonUpstream(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		contentType := "application/json"
		if strings.Contains(r.Header.Get("Accept"), "protobuf") {
			contentType = "application/vnd.kubernetes.protobuf"
		}
		w.Header().Set("Content-Type", contentType)
		if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			w.Header().Set("Content-Encoding", "gzip")
			compressed := gzip.NewWriter(w)
			io.WriteString(compressed, body)
			compressed.Close()
			return
		}
		io.WriteString(w, body)
	}
}

func getRewritten(t *testing.T, body, path string, headers ...string) string {
	t.Helper()
	s := newStage(t, jsonUpstream(body))
	headers = append(headers, "Accept-Encoding", "gzip")
	got := send(s.client(), request(t, "GET", s.open(uidRewrite)+path, "", headers...))
	if got.err != nil || got.code != 200 {
		t.Fatalf("got %+v", got)
	}
	return got.body
}

func TestVersionIsMerged(t *testing.T) {
	body := getRewritten(t, `{"major": "1", "minor": "36", "gitVersion": "v1.36.3", "platform": "<linux>"}`, "/version")
	var version map[string]string
	check(t, json.Unmarshal([]byte(body), &version))
	if version["gitVersion"] != "v1.27.3" || version["minor"] != "27" || version["major"] != "1" || version["platform"] != "<linux>" {
		t.Errorf("version %v", version)
	}
}

func TestKubeSystemUID(t *testing.T) {
	namespace := `{"metadata": {"name": "kube-system", "uid": "real", "generation": 12345678901234567890}}`
	other := `{"metadata": {"name": "default", "uid": "real-default"}}`
	cases := map[string]struct{ path, body string }{
		"get":   {"/api/v1/namespaces/kube-system", namespace},
		"list":  {"/api/v1/namespaces", `{"items": [` + other + `,` + namespace + `]}`},
		"table": {"/api/v1/namespaces?limit=500", `{"rows": [{"object": ` + namespace + `},{"object": ` + other + `}]}`},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := getRewritten(t, c.body, c.path, "Accept", "application/vnd.kubernetes.protobuf,application/json")
			if !strings.Contains(got, `"uid":"fleet-1"`) || strings.Contains(got, `"real"`) {
				t.Errorf("got %s", got)
			}
			if strings.Contains(c.body, other) && !strings.Contains(got, "real-default") {
				t.Errorf("another namespace's UID changed: %s", got)
			}
			if !strings.Contains(got, "12345678901234567890") {
				t.Errorf("a number lost digits: %s", got)
			}
		})
	}
}

func TestOtherPathsKeepTheirBytes(t *testing.T) {
	body := `{"metadata": {"name": "kube-system", "uid": "real"}}`
	s := newStage(t, jsonUpstream(body))
	got := send(s.client(), request(t, "GET", s.open(uidRewrite)+"/api/v1/namespaces/kube-system/configmaps", "", "Accept-Encoding", "gzip"))
	if got.header.Get("Content-Encoding") != "gzip" {
		t.Errorf("Accept-Encoding was dropped: %v", got.header)
	}
}

func TestNamespaceWatchIsRewrittenAsItStreams(t *testing.T) {
	events := make(chan string)
	s := newStage(t, watchUpstream(events))
	res, _ := openWatch(t, s.client(), s.open(uidRewrite)+"/api/v1/namespaces?watch=true")
	lines := bufio.NewReader(res.Body)
	events <- `{"type":"ADDED","object":{"metadata":{"name":"kube-system","uid":"real"}}}`
	line, err := lines.ReadString('\n')
	check(t, err)
	if !strings.Contains(line, `"uid":"fleet-1"`) {
		t.Errorf("event %s", line)
	}
}

func TestReadableHeaders(t *testing.T) {
	cases := map[string]string{
		"": "",
		"application/json;as=Table;v=v1;g=meta.k8s.io,application/json": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
		"application/vnd.kubernetes.protobuf, application/json":         "application/json",
		"application/vnd.kubernetes.protobuf":                           "application/json",
		"application/cbor,*/*":                                          "*/*",
	}
	for accept, want := range cases {
		header := http.Header{"Accept-Encoding": {"gzip"}}
		if accept != "" {
			header.Set("Accept", accept)
		}
		readableHeaders(header)
		if header.Get("Accept") != want || header.Get("Accept-Encoding") != "" {
			t.Errorf("%q became %v", accept, header)
		}
	}
}
