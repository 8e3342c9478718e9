package main

import (
	"context"
	"errors"
	"io"
	"net/http"
	"sync"
	"time"
)

var errCut = errors.New("front door: response cut")

// slowBody delays every chunk of a response body.
type slowBody struct {
	io.ReadCloser
	ctx   context.Context
	delay time.Duration
}

func (b *slowBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if n > 0 && !sleep(b.ctx, b.delay) {
		return 0, b.ctx.Err()
	}
	return n, err
}

// cutBody fails after so many bytes, which makes the proxy abort the client's connection.
type cutBody struct {
	io.ReadCloser
	left  int64
	flush func() error
}

func (b *cutBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		b.flush() // the client gets the headers and all bytes up to the cut
		return 0, errCut
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// sleep reports false if the client left meanwhile.
func sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// recorder notes the status a client gets, and completes the log entry before the last
// byte leaves: who reads the log after a response must find its entry complete.
type recorder struct {
	http.ResponseWriter
	exchange *exchange
	left     int64 // bytes of a known length still to write, -1 if unknown
	started  bool
	flushing sync.Mutex
}

func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// FlushError is serialized, because the proxy's first flush runs beside that of a cut body.
func (w *recorder) FlushError() error {
	w.flushing.Lock()
	defer w.flushing.Unlock()
	return http.NewResponseController(w.ResponseWriter).Flush()
}

func (w *recorder) WriteHeader(code int) {
	if code >= 200 && !w.started {
		w.started = true
		w.left = bodyLength(w.exchange.request.Method, code, w.Header())
		w.exchange.setStatus(code)
		if w.left == 0 {
			w.exchange.complete()
		}
	}
	w.ResponseWriter.WriteHeader(code)
}

func (w *recorder) Write(p []byte) (int, error) {
	if !w.started {
		w.WriteHeader(http.StatusOK)
	}
	if w.left > 0 {
		w.left = max(w.left-int64(len(p)), 0)
		if w.left == 0 {
			w.exchange.complete()
		}
	}
	return w.ResponseWriter.Write(p)
}
