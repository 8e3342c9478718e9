package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

type rawJSON = json.RawMessage

// settings are what the admin API changes at a door; a request keeps those it arrived with.
type settings struct {
	rules     *ruleSet
	rewrite   *rewrite
	oauth     *oauthServer
	latencyMS float64
	seed      int64
}

func defaultSettings() settings {
	rules, _ := newRuleSet(nil, 0) // no rule, no error
	return settings{rules: rules}
}

func (s settings) latency() time.Duration { return milliseconds(s.latencyMS) }

// with returns the settings after the changes; a null restores the default. Rules given
// anew, or a seed, start the counters and the random sequence from the beginning.
func (s settings) with(changes map[string]rawJSON, url string) (settings, error) {
	rules := s.rules.definitions()
	for name, raw := range changes {
		var err error
		switch name {
		case "rules":
			rules = nil
			err = decodeStrict(raw, &rules)
		case "rewrite":
			s.rewrite = nil
			err = decodeStrict(raw, &s.rewrite)
		case "oauth":
			s.oauth, err = decodeOAuth(raw, url)
		case "latency_ms":
			s.latencyMS = 0
			err = decodeStrict(raw, &s.latencyMS)
		case "seed":
			s.seed = 0
			err = decodeStrict(raw, &s.seed)
		default:
			err = fmt.Errorf("unknown field")
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", name, err)
		}
	}
	if s.latencyMS < 0 {
		return s, fmt.Errorf("latency_ms cannot be negative")
	}
	if changes["rules"] == nil && changes["seed"] == nil {
		return s, nil
	}
	var err error
	s.rules, err = newRuleSet(rules, s.seed)
	return s, err
}

func decodeOAuth(raw rawJSON, url string) (*oauthServer, error) {
	var config *oauthConfig
	if err := decodeStrict(raw, &config); err != nil || config == nil {
		return nil, err
	}
	return newOAuthServer(*config, url)
}

// decodeStrict refuses unknown fields: a misspelt fault would test nothing.
func decodeStrict(raw []byte, target any) error {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.DisallowUnknownFields()
	return decoder.Decode(target)
}

// authenticate finds the identity the door vouches for; refused is a token of its own that no longer counts.
func (s settings) authenticate(r *http.Request) (who *identity, refused bool) {
	if who := certificateIdentity(r.TLS); who != nil {
		return who, false
	}
	return s.oauth.authenticate(r)
}

// localAnswer is nil for requests that go upstream.
func (s settings) localAnswer(r *http.Request, body []byte, who *identity, refused bool) func() *answer {
	if refused {
		return func() *answer { return statusAnswer(http.StatusUnauthorized, "Unauthorized", nil) }
	}
	return s.oauth.route(r, body, who)
}
