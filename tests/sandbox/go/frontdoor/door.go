package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"log"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// door is one listener with its own log and settings.
type door struct {
	name        string
	url         string
	upstream    *upstream
	journal     *journal
	server      *http.Server
	stop        context.CancelFunc
	connections atomic.Int64

	mu       sync.Mutex
	settings settings
}

// clientConnection is a client's TCP connection, numbered from 1 within its door.
type clientConnection struct {
	number int64
	tcp    *net.TCPConn
}

type connectionKey struct{}

// reset makes the kernel send RST: no linger, and no TLS close_notify before it.
func (c *clientConnection) reset() {
	c.tcp.SetLinger(0)
	c.tcp.Close()
}

func openDoor(name string, port int, up *upstream, config *tls.Config) (*door, error) {
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	d := &door{
		name:     name,
		url:      "https://" + listener.Addr().String(),
		upstream: up,
		journal:  &journal{},
		stop:     stop,
	}
	d.settings = defaultSettings()
	d.server = &http.Server{
		Handler:           d,
		TLSNextProto:      map[string]func(*http.Server, *tls.Conn, http.Handler){}, // no HTTP/2
		ReadHeaderTimeout: 30 * time.Second,
		ErrorLog:          log.New(log.Writer(), "frontdoor: "+name+": ", 0),
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnContext:       d.numberConnection,
	}
	go d.server.Serve(tls.NewListener(listener, config))
	return d, nil
}

func (d *door) numberConnection(ctx context.Context, c net.Conn) context.Context {
	client := &clientConnection{
		number: d.connections.Add(1),
		tcp:    c.(*tls.Conn).NetConn().(*net.TCPConn),
	}
	return context.WithValue(ctx, connectionKey{}, client)
}

// close also ends watches, hanging requests and upgraded connections, through their context.
func (d *door) close() {
	d.stop()
	d.server.Close()
}

func (d *door) current() settings {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.settings
}

func (d *door) change(changes map[string]rawJSON) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	changed, err := d.settings.with(changes, d.url)
	if err != nil {
		return err
	}
	d.settings = changed
	return nil
}

func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := d.current()
	client := r.Context().Value(connectionKey{}).(*clientConnection)
	who, refused := now.authenticate(r)
	x := &exchange{door: d, request: r, client: client, who: who, change: now.rewrite.forPath(r.URL.Path)}
	x.entry = d.journal.begin(r, client.number, userOf(who), now.oauth.scrub)
	x.writer = &recorder{ResponseWriter: w, exchange: x, left: -1}
	defer x.complete()
	body, err := readBody(r)
	if err != nil {
		statusAnswer(http.StatusBadRequest, "front door: "+err.Error(), nil).write(x.writer)
		return
	}
	var ruleName string
	ruleName, x.fault = now.rules.pick(r)
	d.journal.update(x.entry, func(e *entry) {
		e.Fault = ruleName
		if !now.oauth.secretBody(r) {
			e.Body = now.oauth.scrub(recordedBody(r.Method, body))
		}
	})
	if !sleep(r.Context(), now.latency()+milliseconds(x.fault.LatencyMS)) {
		abort()
	}
	x.serve(now.localAnswer(r, body, who, refused))
}

func userOf(who *identity) string {
	if who == nil {
		return ""
	}
	return who.user
}
