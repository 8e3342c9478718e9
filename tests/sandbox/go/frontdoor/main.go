// Command frontdoor is a TLS reverse proxy in front of a test kube-apiserver.
//
// Every door is one listener with its own request log, fault rules, rewrites and
// OAuth emulation. A loopback-only admin API opens, changes and closes doors.
//
// What it does not prove:
//   - HTTP/2: clients are offered HTTP/1.1 only, so multiplexing, GOAWAY and stream
//     resets are never seen, and connection counts are those of HTTP/1.1 clients.
//   - X.509 authentication by the API server: the door verifies client certificates
//     itself and asserts the identity with front-proxy headers.
//   - Networks: latency is added once per request; handshakes, packet loss and
//     bandwidth stay those of the loopback interface.
//   - Old versions: a rewritten /version changes what the server says, not what it does.
//   - Fleets: doors with their own kube-system UID still share one cluster's objects.
//   - Throttling: an injected 429 is not API Priority and Fairness, and reacts to no load.
//   - OpenShift logins: see the comment on oauthServer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

type options struct {
	upstream     string
	upstreamCA   string
	proxyCert    string
	proxyKey     string
	clientCA     string
	servingCert  string
	servingKey   string
	adminAddress string
	mainPort     int
	state        string
}

// state is what a starter of this program reads once it is ready.
type state struct {
	Admin string            `json:"admin"`
	Doors map[string]string `json:"doors"`
}

func main() {
	log.SetPrefix("frontdoor: ")
	opts, err := parseOptions(os.Args[1:])
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		log.Print(err)
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, opts); err != nil {
		log.Fatal(err)
	}
}

func parseOptions(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("frontdoor", flag.ContinueOnError)
	required := map[string]*string{
		"upstream":     &o.upstream,
		"upstream-ca":  &o.upstreamCA,
		"proxy-cert":   &o.proxyCert,
		"proxy-key":    &o.proxyKey,
		"client-ca":    &o.clientCA,
		"serving-cert": &o.servingCert,
		"serving-key":  &o.servingKey,
		"state":        &o.state,
	}
	usage := map[string]string{
		"upstream":     "URL of the API server",
		"upstream-ca":  "CA file that signed the API server's certificate",
		"proxy-cert":   "front-proxy client certificate",
		"proxy-key":    "key of the front-proxy client certificate",
		"client-ca":    "CA file that signs client certificates",
		"serving-cert": "certificate of the doors",
		"serving-key":  "key of the doors' certificate",
		"state":        "file written once the doors are open",
	}
	for name, target := range required {
		flags.StringVar(target, name, "", usage[name])
	}
	flags.StringVar(&o.adminAddress, "admin-address", "127.0.0.1:0", "loopback address of the admin API")
	flags.IntVar(&o.mainPort, "main-port", 0, "port of the door \"main\" (0: any)")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	for name, target := range required {
		if *target == "" {
			return o, fmt.Errorf("--%s is required", name)
		}
	}
	return o, nil
}

func run(ctx context.Context, o options) error {
	doors, err := newDoorSet(o)
	if err != nil {
		return err
	}
	defer doors.closeAll()
	main, err := doors.open("main", o.mainPort, nil)
	if err != nil {
		return err
	}
	listener, err := listenLoopback(o.adminAddress)
	if err != nil {
		return err
	}
	admin := &http.Server{Handler: adminHandler(doors), ReadHeaderTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- admin.Serve(listener) }()
	defer admin.Close()
	ready := state{Admin: "http://" + listener.Addr().String(), Doors: map[string]string{main.name: main.url}}
	if err := writeState(o.state, ready); err != nil {
		return err
	}
	defer os.Remove(o.state) // a stale state file would name ports of somebody else
	select {
	case <-ctx.Done():
		return nil
	case err := <-failed:
		return fmt.Errorf("admin API: %w", err)
	}
}

// listenLoopback refuses other addresses: the admin API has no authentication.
func listenLoopback(address string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("admin address %q: %w", address, err)
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("admin address %q is not a loopback address", address)
	}
	return net.Listen("tcp", address)
}

// writeState renames a complete file into place, so that a reader never sees half of it.
func writeState(path string, s state) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(append(data, '\n')); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
