package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// rewrite lets one cluster say it is another: responses only, requests pass unchanged.
type rewrite struct {
	Version       map[string]any `json:"version,omitempty"`
	KubeSystemUID string         `json:"kube_system_uid,omitempty"`
}

// transform changes a decoded JSON document in place.
type transform func(any)

// forPath returns the change for responses of a path, nil where nothing is rewritten.
func (w *rewrite) forPath(path string) transform {
	if w == nil {
		return nil
	}
	switch strings.TrimSuffix(path, "/") {
	case "/version":
		if w.Version != nil {
			return w.mergeVersion
		}
	case "/api/v1/namespaces", "/api/v1/namespaces/kube-system":
		if w.KubeSystemUID != "" {
			return w.replaceUID
		}
	}
	return nil
}

func (w *rewrite) mergeVersion(document any) {
	if version, ok := document.(map[string]any); ok {
		maps.Copy(version, w.Version)
	}
}

// replaceUID walks the document, because a Table or a watch event holds the namespace deeper than a list does.
func (w *rewrite) replaceUID(document any) {
	switch value := document.(type) {
	case []any:
		for _, item := range value {
			w.replaceUID(item)
		}
	case map[string]any:
		metadata, _ := value["metadata"].(map[string]any)
		if metadata["name"] == "kube-system" && metadata["uid"] != nil {
			metadata["uid"] = w.KubeSystemUID
		}
		for _, item := range value {
			w.replaceUID(item)
		}
	}
}

// readableHeaders makes upstream answer in uncompressed JSON, the only form the door can rewrite.
func readableHeaders(header http.Header) {
	header.Del("Accept-Encoding")
	accept := strings.Join(header.Values("Accept"), ",")
	if accept == "" {
		return
	}
	var kept []string
	for _, item := range strings.Split(accept, ",") {
		if !strings.Contains(item, "protobuf") && !strings.Contains(item, "cbor") {
			kept = append(kept, strings.TrimSpace(item))
		}
	}
	if len(kept) == 0 {
		kept = []string{"application/json"}
	}
	header.Set("Accept", strings.Join(kept, ","))
}

// rewriteResponse applies the change to a whole document, or line by line to a watch.
func rewriteResponse(res *http.Response, change transform, stream bool) error {
	if !strings.HasPrefix(res.Header.Get("Content-Type"), "application/json") || res.Request.Method == http.MethodHead {
		return nil
	}
	if stream {
		res.Body = &lineBody{lines: bufio.NewReader(res.Body), change: change, Closer: res.Body}
		return nil
	}
	original, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	res.Body.Close()
	changed := changeDocument(original, change)
	res.Body = io.NopCloser(bytes.NewReader(changed))
	res.ContentLength = int64(len(changed))
	res.TransferEncoding = nil
	res.Header.Set("Content-Length", strconv.Itoa(len(changed)))
	return nil
}

// changeDocument keeps numbers as they were written and leaves alone what is not JSON.
func changeDocument(original []byte, change transform) []byte {
	decoder := json.NewDecoder(bytes.NewReader(original))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return original
	}
	change(document)
	return marshal(document)
}

// lineBody rewrites a stream of newline-delimited JSON documents.
type lineBody struct {
	lines   *bufio.Reader
	change  transform
	pending []byte
	io.Closer
}

func (b *lineBody) Read(p []byte) (int, error) {
	if len(b.pending) == 0 {
		line, err := b.lines.ReadBytes('\n')
		if len(line) == 0 {
			return 0, err
		}
		b.pending = changeDocument(line, b.change)
	}
	n := copy(p, b.pending)
	b.pending = b.pending[n:]
	return n, nil
}
