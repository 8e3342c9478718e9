package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"strconv"
)

var errAnswerLost = errors.New("front door: answer lost")

// exchange is one request on its way through a door.
type exchange struct {
	door    *door
	request *http.Request
	client  *clientConnection
	who     *identity
	entry   *entry
	fault   fault
	change  transform
	writer  *recorder
}

func (x *exchange) setStatus(code int) {
	x.door.journal.update(x.entry, func(e *entry) { e.Status = code })
}

func (x *exchange) setUpstreamStatus(code int) {
	x.door.journal.update(x.entry, func(e *entry) { e.UpstreamStatus = code })
}

func (x *exchange) complete() { x.door.journal.complete(x.entry) }

// reset cuts the connection with a TCP RST instead of an answer.
func (x *exchange) reset() {
	x.complete()
	x.client.reset()
	abort()
}

// abort ends the request without an answer; net/http closes the connection.
func abort() { panic(http.ErrAbortHandler) }

// serve applies the fault around the answer, which comes from local if that is not nil.
func (x *exchange) serve(local func() *answer) {
	switch {
	case x.fault.Reset:
		x.reset()
	case x.fault.Hang:
		<-x.request.Context().Done()
		abort()
	}
	if injected := x.fault.answer(); injected != nil {
		injected.write(x.writer)
		return
	}
	if local == nil {
		x.forward()
		return
	}
	own := local()
	if x.fault.AnswerLost {
		x.reset()
	}
	own.write(x.writer)
}

func (x *exchange) forward() {
	proxy := &httputil.ReverseProxy{
		Rewrite:        x.outgoing,
		Transport:      x.door.upstream.transport(x.who),
		FlushInterval:  -1, // a watch event must not wait in a buffer
		ModifyResponse: x.incoming,
		ErrorHandler:   x.failed,
		ErrorLog:       log.New(io.Discard, "", 0), // cut bodies and clients that leave are the purpose here
	}
	proxy.ServeHTTP(x.writer, x.request)
}

func (x *exchange) outgoing(p *httputil.ProxyRequest) {
	p.SetURL(x.door.upstream.url)
	p.Out.URL.RawQuery = p.In.URL.RawQuery // as sent: the proxy would drop what it cannot parse
	stripRemoteHeaders(p.Out.Header)
	if x.who != nil {
		assertIdentity(p.Out.Header, x.who)
	}
	if x.change != nil {
		readableHeaders(p.Out.Header)
	}
}

// incoming notes the upstream's answer and applies rewrites and faults to it.
func (x *exchange) incoming(res *http.Response) error {
	x.setUpstreamStatus(res.StatusCode)
	if res.StatusCode == http.StatusSwitchingProtocols {
		if x.fault.AnswerLost {
			return errAnswerLost
		}
		x.setStatus(res.StatusCode) // the proxy takes the connection over: no WriteHeader follows
		return nil
	}
	if x.fault.AnswerLost {
		io.Copy(io.Discard, res.Body)
		return errAnswerLost
	}
	stream := isStream(x.request)
	if x.change != nil {
		if err := rewriteResponse(res, x.change, stream); err != nil {
			return err
		}
	}
	if x.fault.SlowWatchMS > 0 && stream {
		res.Body = &slowBody{res.Body, x.request.Context(), milliseconds(x.fault.SlowWatchMS)}
	}
	if x.fault.CutAfterBytes != nil {
		res.Body = &cutBody{res.Body, *x.fault.CutAfterBytes, x.writer.FlushError}
	}
	return nil
}

// failed answers when upstream gave no usable answer.
func (x *exchange) failed(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case errors.Is(err, errAnswerLost):
		x.reset()
	case errors.Is(err, context.Canceled):
		abort()
	}
	statusAnswer(http.StatusBadGateway, "front door: "+err.Error(), nil).write(w)
}

// readBody takes the whole body in, so that the log has it even if nothing is forwarded.
func readBody(r *http.Request) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Upgrade") != "" {
		return nil, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, fmt.Errorf("request body is larger than %d bytes", maxBody)
	}
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	r.Body = io.NopCloser(bytes.NewReader(body))
	// lets the transport repeat a request of which a dying idle connection took nothing
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	return body, nil
}

// maxBody is well above the API server's own limit of 3 MiB.
const maxBody = 16 << 20

// bodyLength is how many bytes of body follow a response's headers, -1 if unknown.
func bodyLength(method string, code int, header http.Header) int64 {
	if method == http.MethodHead || code == http.StatusNoContent || code == http.StatusNotModified {
		return 0
	}
	length, err := strconv.ParseInt(header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return length
}
