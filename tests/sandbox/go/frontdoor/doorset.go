package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"sync"
)

var (
	errExists  = errors.New("a door of this name is open")
	errUnknown = errors.New("no door of this name is open")
	doorName   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]*$`)
)

// doorSet holds the open doors; they share one certificate and one upstream.
type doorSet struct {
	upstream *upstream
	tls      *tls.Config

	mu    sync.Mutex
	doors map[string]*door
}

func newDoorSet(o options) (*doorSet, error) {
	up, err := newUpstream(o)
	if err != nil {
		return nil, err
	}
	certificate, err := tls.LoadX509KeyPair(o.servingCert, o.servingKey)
	if err != nil {
		return nil, fmt.Errorf("serving certificate: %w", err)
	}
	clients, err := readPool(o.clientCA)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.VerifyClientCertIfGiven,
		ClientCAs:    clients,
		NextProtos:   []string{"http/1.1"},
	}
	return &doorSet{upstream: up, tls: config, doors: map[string]*door{}}, nil
}

func (s *doorSet) open(name string, port int, changes map[string]rawJSON) (*door, error) {
	if !doorName.MatchString(name) {
		return nil, fmt.Errorf("name %q does not match %s", name, doorName)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.doors[name] != nil {
		return nil, errExists
	}
	d, err := openDoor(name, port, s.upstream, s.tls)
	if err != nil {
		return nil, err
	}
	if err := d.change(changes); err != nil {
		d.close()
		return nil, err
	}
	s.doors[name] = d
	return d, nil
}

func (s *doorSet) find(name string) (*door, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d := s.doors[name]; d != nil {
		return d, nil
	}
	return nil, errUnknown
}

func (s *doorSet) all() []*door {
	s.mu.Lock()
	defer s.mu.Unlock()
	sorted := make([]*door, 0, len(s.doors))
	for _, name := range slices.Sorted(maps.Keys(s.doors)) {
		sorted = append(sorted, s.doors[name])
	}
	return sorted
}

func (s *doorSet) close(name string) error {
	s.mu.Lock()
	d := s.doors[name]
	delete(s.doors, name)
	s.mu.Unlock()
	if d == nil {
		return errUnknown
	}
	d.close()
	return nil
}

func (s *doorSet) closeAll() {
	for _, d := range s.all() {
		s.close(d.name)
	}
	s.upstream.closeIdle()
}
