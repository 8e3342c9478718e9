package main

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	tokenPrefix     = "sha256~"
	tokensPath      = "/apis/oauth.openshift.io/v1/oauthaccesstokens/"
	ownTokensPath   = "/apis/oauth.openshift.io/v1/useroauthaccesstokens/"
	discoveryPath   = "/.well-known/oauth-authorization-server"
	authorizePath   = "/oauth/authorize"
	tokenPath       = "/oauth/token"
	implicitPath    = "/oauth/token/implicit"
	challengeClient = "openshift-challenging-client"
	oauthGroup      = "system:authenticated:oauth"
	codeLifetime    = 5 * time.Minute
	defaultSeconds  = 86400
)

type oauthConfig struct {
	Users        map[string]oauthUser `json:"users"`
	TokenSeconds float64              `json:"token_seconds"`
}

type oauthUser struct {
	Password string   `json:"password"`
	Groups   []string `json:"groups"`
}

// oauthServer emulates the challenge logins of OpenShift's OAuth server: the implicit and
// the code flow of openshift-challenging-client, and revoking tokens.
//
// What it does not prove: the real server lives at another host with another certificate
// (a route), has identity providers, grants and scopes, and keeps its tokens as API
// objects, which cannot be read or listed here. Tokens live in memory only.
type oauthServer struct {
	config oauthConfig
	issuer string
	now    func() time.Time

	mu      sync.Mutex
	tokens  map[string]*issuedToken // by object name
	codes   map[string]authorizationCode
	secrets []string // every token and code ever issued, to keep them out of the log
	logins  int
}

type issuedToken struct {
	user    string
	expires time.Time
	revoked bool
}

type authorizationCode struct {
	user            string
	challenge       string
	challengeMethod string
	expires         time.Time
}

// oauthState is what the admin API tells: numbers only.
type oauthState struct {
	Issued int `json:"issued"`
	Active int `json:"active"`
	Logins int `json:"logins"`
}

func newOAuthServer(config oauthConfig, issuer string) (*oauthServer, error) {
	if len(config.Users) == 0 {
		return nil, errors.New("users is empty")
	}
	if config.TokenSeconds < 0 {
		return nil, errors.New("token_seconds cannot be negative")
	}
	if config.TokenSeconds == 0 {
		config.TokenSeconds = defaultSeconds
	}
	return &oauthServer{
		config: config,
		issuer: issuer,
		now:    time.Now,
		tokens: map[string]*issuedToken{},
		codes:  map[string]authorizationCode{},
	}, nil
}

// objectName is the name of the OAuthAccessToken object that stands for a token.
func objectName(token string) string {
	sum := sha256.Sum256([]byte(strings.TrimPrefix(token, tokenPrefix)))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(sum[:])
}

func newSecret() string {
	random := make([]byte, 32)
	rand.Read(random)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(random)
}

func (o *oauthServer) state() oauthState {
	if o == nil {
		return oauthState{}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	s := oauthState{Issued: len(o.tokens), Logins: o.logins}
	for _, token := range o.tokens {
		if o.valid(token) {
			s.Active++
		}
	}
	return s
}

func (o *oauthServer) valid(token *issuedToken) bool {
	return !token.revoked && o.now().Before(token.expires)
}

// authenticate knows only tokens issued here; all others are the API server's to judge.
func (o *oauthServer) authenticate(r *http.Request) (who *identity, refused bool) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if o == nil || !strings.EqualFold(scheme, "Bearer") {
		return nil, false
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	issued, known := o.tokens[objectName(strings.TrimSpace(token))]
	switch {
	case !known:
		return nil, false
	case !o.valid(issued):
		return nil, true
	}
	groups := append([]string{oauthGroup}, o.config.Users[issued.user].Groups...)
	return &identity{user: issued.user, groups: groups}, false
}

// scrub replaces tokens and codes in what goes to the log: old clients put a token into the path.
func (o *oauthServer) scrub(text string) string {
	if o == nil || !strings.Contains(text, tokenPrefix) {
		return text
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, secret := range o.secrets {
		text = strings.ReplaceAll(text, secret, "REDACTED")
	}
	return text
}

// secretBody says whether a request's body is nothing for the log as a whole.
func (o *oauthServer) secretBody(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, "/oauth/") || strings.HasSuffix(r.URL.Path, "/tokenreviews")
}

// route returns the emulated endpoint for a request, nil for requests that go upstream.
func (o *oauthServer) route(r *http.Request, body []byte, who *identity) func() *answer {
	if o == nil {
		return nil
	}
	path := r.URL.Path
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	switch {
	case read && path == discoveryPath:
		return o.discovery
	case read && path == authorizePath:
		return func() *answer { return o.authorize(r) }
	case r.Method == http.MethodPost && path == tokenPath:
		return func() *answer { return o.exchangeCode(r, body) }
	case r.Method == http.MethodDelete && strings.HasPrefix(path, tokensPath):
		return func() *answer { return o.revoke(strings.TrimPrefix(path, tokensPath), nil) }
	case r.Method == http.MethodDelete && strings.HasPrefix(path, ownTokensPath):
		return func() *answer { return o.revokeOwn(strings.TrimPrefix(path, ownTokensPath), who) }
	}
	return nil
}

func (o *oauthServer) discovery() *answer {
	return jsonAnswer(http.StatusOK, map[string]any{
		"issuer":                           o.issuer,
		"authorization_endpoint":           o.issuer + authorizePath,
		"token_endpoint":                   o.issuer + tokenPath,
		"scopes_supported":                 []string{"user:check-access", "user:full", "user:info", "user:list-projects", "user:list-scoped-projects"},
		"response_types_supported":         []string{"code", "token"},
		"grant_types_supported":            []string{"authorization_code", "implicit"},
		"code_challenge_methods_supported": []string{"plain", "S256"},
	})
}

// authorize is the challenge login: Basic credentials in, a redirect with a token or code out.
func (o *oauthServer) authorize(r *http.Request) *answer {
	query := r.URL.Query()
	if query.Get("client_id") != challengeClient {
		return oauthError(http.StatusBadRequest, "unauthorized_client")
	}
	if r.Header.Get("X-Csrf-Token") == "" {
		return textAnswer(http.StatusUnauthorized, "text/plain; charset=utf-8", "").
			set("Warning", `199 openshift "A non-empty X-CSRF-Token header is required to receive basic-auth challenges"`)
	}
	user, password, given := r.BasicAuth()
	if !given || !o.passwordMatches(user, password) {
		return textAnswer(http.StatusUnauthorized, "text/plain; charset=utf-8", "").
			set("WWW-Authenticate", `Basic realm="openshift"`)
	}
	location := o.issuer + implicitPath
	switch query.Get("response_type") {
	case "token":
		location += "#" + o.tokenValues(o.issue(user), query.Get("state")).Encode()
	case "code":
		location += "?" + o.codeValues(user, query).Encode()
	default:
		return oauthError(http.StatusBadRequest, "unsupported_response_type")
	}
	o.countLogin()
	return textAnswer(http.StatusFound, "text/html; charset=utf-8", "").set("Location", location)
}

func (o *oauthServer) passwordMatches(user, password string) bool {
	known, exists := o.config.Users[user]
	return exists && subtle.ConstantTimeCompare([]byte(known.Password), []byte(password)) == 1
}

func (o *oauthServer) countLogin() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.logins++
}

func (o *oauthServer) lifetime() time.Duration {
	return time.Duration(o.config.TokenSeconds * float64(time.Second))
}

func (o *oauthServer) issue(user string) string {
	token := newSecret()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.secrets = append(o.secrets, token)
	o.tokens[objectName(token)] = &issuedToken{user: user, expires: o.now().Add(o.lifetime())}
	return token
}

func (o *oauthServer) tokenValues(token, state string) url.Values {
	values := url.Values{
		"access_token": {token},
		"expires_in":   {strconv.Itoa(int(o.config.TokenSeconds))},
		"scope":        {"user:full"},
		"token_type":   {"Bearer"},
	}
	if state != "" {
		values.Set("state", state)
	}
	return values
}

func (o *oauthServer) codeValues(user string, query url.Values) url.Values {
	code := newSecret()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.secrets = append(o.secrets, code)
	o.codes[code] = authorizationCode{
		user:            user,
		challenge:       query.Get("code_challenge"),
		challengeMethod: query.Get("code_challenge_method"),
		expires:         o.now().Add(codeLifetime),
	}
	values := url.Values{"code": {code}}
	if state := query.Get("state"); state != "" {
		values.Set("state", state)
	}
	return values
}

// exchangeCode gives a token for an authorization code, once.
func (o *oauthServer) exchangeCode(r *http.Request, body []byte) *answer {
	form, err := url.ParseQuery(string(body))
	if err != nil || form.Get("grant_type") != "authorization_code" {
		return oauthError(http.StatusBadRequest, "unsupported_grant_type")
	}
	client, _, given := r.BasicAuth()
	if !given {
		client = form.Get("client_id")
	}
	if client != challengeClient {
		return oauthError(http.StatusUnauthorized, "invalid_client")
	}
	code, ok := o.takeCode(form.Get("code"))
	if !ok || !code.verifies(form.Get("code_verifier")) {
		return oauthError(http.StatusBadRequest, "invalid_grant")
	}
	return jsonAnswer(http.StatusOK, map[string]any{
		"access_token": o.issue(code.user),
		"expires_in":   int(o.config.TokenSeconds),
		"scope":        "user:full",
		"token_type":   "Bearer",
	}).set("Cache-Control", "no-store")
}

func (o *oauthServer) takeCode(name string) (authorizationCode, bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	code, known := o.codes[name]
	delete(o.codes, name)
	return code, known && o.now().Before(code.expires)
}

// verifies checks PKCE, where the client asked for it.
func (c authorizationCode) verifies(verifier string) bool {
	switch {
	case c.challenge == "":
		return true
	case c.challengeMethod == "S256":
		sum := sha256.Sum256([]byte(verifier))
		verifier = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(c.challenge), []byte(verifier)) == 1
}

// revokeOwn lets users revoke their own tokens only.
func (o *oauthServer) revokeOwn(name string, who *identity) *answer {
	if who == nil {
		return statusAnswer(http.StatusUnauthorized, "Unauthorized", nil)
	}
	return o.revoke(name, who)
}

// revoke takes an object name; as in OpenShift, who knows it may delete the token.
func (o *oauthServer) revoke(name string, owner *identity) *answer {
	o.mu.Lock()
	defer o.mu.Unlock()
	token, known := o.tokens[name]
	if !known || token.revoked || owner != nil && owner.user != token.user {
		return statusAnswer(http.StatusNotFound, "oauthaccesstokens.oauth.openshift.io not found",
			map[string]any{"group": "oauth.openshift.io", "kind": "oauthaccesstokens"})
	}
	token.revoked = true
	return jsonAnswer(http.StatusOK, map[string]any{
		"kind": "Status", "apiVersion": "v1", "metadata": map[string]any{}, "status": "Success",
		"details": map[string]any{"name": name, "group": "oauth.openshift.io", "kind": "oauthaccesstokens"},
	})
}

func oauthError(code int, name string) *answer {
	return jsonAnswer(code, map[string]any{"error": name})
}
