package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"regexp"
	"slices"
	"sync"
)

// rule applies a fault to the requests it matches. Null means any.
type rule struct {
	Name        string   `json:"name"`
	Methods     []string `json:"methods"`
	Path        *string  `json:"path"`
	UserAgent   *string  `json:"user_agent"`
	Skip        int      `json:"skip"`
	Times       *int     `json:"times"`
	Probability *float64 `json:"probability"`
	Fault       fault    `json:"fault"`
}

// activeRule is a rule with its compiled patterns and counters.
type activeRule struct {
	rule
	path      *regexp.Regexp
	userAgent *regexp.Regexp
	matched   int
	applied   int
}

// ruleSet decides about each request. It starts from its seed, so that the same
// rules, seed and order of requests give the same faults.
type ruleSet struct {
	mu     sync.Mutex
	rules  []*activeRule
	random *rand.Rand
}

func newRuleSet(rules []rule, seed int64) (*ruleSet, error) {
	set := &ruleSet{random: rand.New(rand.NewPCG(uint64(seed), 0))}
	for i, r := range rules {
		if r.Name == "" {
			r.Name = fmt.Sprintf("rule-%d", i)
		}
		active, err := compileRule(r)
		if err != nil {
			return nil, fmt.Errorf("rule %q: %w", r.Name, err)
		}
		set.rules = append(set.rules, active)
	}
	return set, nil
}

func compileRule(r rule) (*activeRule, error) {
	active := &activeRule{rule: r}
	var err error
	if active.path, err = compilePattern(r.Path); err != nil {
		return nil, fmt.Errorf("path: %w", err)
	}
	if active.userAgent, err = compilePattern(r.UserAgent); err != nil {
		return nil, fmt.Errorf("user_agent: %w", err)
	}
	if p := r.Probability; p != nil && (*p < 0 || *p > 1) {
		return nil, fmt.Errorf("probability %v is not between 0 and 1", *p)
	}
	if r.Skip < 0 || r.Times != nil && *r.Times < 0 {
		return nil, fmt.Errorf("skip and times cannot be negative")
	}
	return active, r.Fault.validate()
}

func compilePattern(pattern *string) (*regexp.Regexp, error) {
	if pattern == nil {
		return nil, nil
	}
	return regexp.Compile(*pattern)
}

// pick returns the name and fault of the first rule that applies. A rule that is still
// skipping, used up or lost its draw lets the next rule have the request.
func (s *ruleSet) pick(r *http.Request) (string, fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, candidate := range s.rules {
		if candidate.matches(r) && candidate.applies(s.random) {
			return candidate.Name, resolve(candidate.Fault, s.random)
		}
	}
	return "", fault{}
}

func (r *activeRule) matches(request *http.Request) bool {
	switch {
	case r.Methods != nil && !slices.Contains(r.Methods, request.Method):
		return false
	case r.path != nil && !r.path.MatchString(request.URL.Path):
		return false
	case r.userAgent != nil && !r.userAgent.MatchString(request.UserAgent()):
		return false
	}
	// a slow watch is about watches: a list on the same path must not use it up
	return r.Fault.SlowWatchMS == 0 || isStream(request)
}

func (r *activeRule) applies(random *rand.Rand) bool {
	r.matched++
	switch {
	case r.matched <= r.Skip:
		return false
	case r.Times != nil && r.applied >= *r.Times:
		return false
	case r.Probability != nil && random.Float64() >= *r.Probability:
		return false
	}
	r.applied++
	return true
}

// resolve draws from a choice, and from a choice within it.
func resolve(f fault, random *rand.Rand) fault {
	if f.Choice == nil {
		return f
	}
	total := 0
	for _, option := range f.Choice {
		total += max(option.Weight, 1)
	}
	drawn := random.IntN(total)
	for _, option := range f.Choice {
		if drawn -= max(option.Weight, 1); drawn < 0 {
			chosen := resolve(option, random)
			chosen.LatencyMS += f.LatencyMS
			return chosen
		}
	}
	panic("unreachable: the draw is below the sum of weights")
}

// ruleView is a rule with what it did so far.
type ruleView struct {
	rule
	Matched int `json:"matched"`
	Applied int `json:"applied"`
}

func (s *ruleSet) views() []ruleView {
	s.mu.Lock()
	defer s.mu.Unlock()
	views := make([]ruleView, len(s.rules))
	for i, r := range s.rules {
		views[i] = ruleView{rule: r.rule, Matched: r.matched, Applied: r.applied}
	}
	return views
}

// definitions are the rules as they were set.
func (s *ruleSet) definitions() []rule {
	rules := make([]rule, len(s.rules))
	for i, r := range s.rules {
		rules[i] = r.rule
	}
	return rules
}

// isStream tells a watch (or a followed log) from a request that ends by itself.
func isStream(r *http.Request) bool {
	query := r.URL.Query()
	for _, name := range []string{"watch", "follow"} {
		if value := query.Get(name); value == "true" || value == "1" {
			return true
		}
	}
	return false
}
