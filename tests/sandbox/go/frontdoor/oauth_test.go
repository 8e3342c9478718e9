package main

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const oauthDoor = `"oauth": {"users": {"dev": {"password": "s3cret", "groups": ["team"]}, "eve": {"password": "x", "groups": []}}, "token_seconds": 3600}`

func authorizeRequest(t *testing.T, door, user, password, query string) *http.Request {
	t.Helper()
	r := request(t, "GET", door+"/oauth/authorize?client_id=openshift-challenging-client&"+query, "", "X-Csrf-Token", "1")
	r.SetBasicAuth(user, password)
	return r
}

// implicitLogin returns a token, as oc gets it.
func implicitLogin(t *testing.T, client *http.Client, door, user, password string) string {
	t.Helper()
	got := send(client, authorizeRequest(t, door, user, password, "response_type=token"))
	if got.code != 302 {
		t.Fatalf("login: %+v", got)
	}
	location, err := url.Parse(got.header.Get("Location"))
	check(t, err)
	if !strings.HasPrefix(location.String(), door+"/oauth/token/implicit#") {
		t.Errorf("Location %s", location)
	}
	values, err := url.ParseQuery(location.EscapedFragment())
	check(t, err)
	if values.Get("expires_in") != "3600" || values.Get("token_type") != "Bearer" || values.Get("scope") != "user:full" {
		t.Errorf("values %v", values)
	}
	return values.Get("access_token")
}

func get(client *http.Client, t *testing.T, url, token string) reply {
	t.Helper()
	return send(client, request(t, "GET", url, "", "Authorization", "Bearer "+token))
}

func (s *stage) oauthState() oauthState {
	s.t.Helper()
	var state oauthState
	s.call("GET", "/doors/d/oauth", "", 200, &state)
	return state
}

func TestOAuthDiscovery(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	got := send(s.client(), request(t, "GET", door+discoveryPath, ""))
	var meta map[string]any
	check(t, json.Unmarshal([]byte(got.body), &meta))
	if meta["issuer"] != door || meta["authorization_endpoint"] != door+"/oauth/authorize" || meta["token_endpoint"] != door+"/oauth/token" {
		t.Errorf("metadata %v", meta)
	}
}

func TestTokenIsItsUserUpstreamUntilRevoked(t *testing.T) {
	for _, resource := range []string{tokensPath, ownTokensPath} {
		s := newStage(t, http.HandlerFunc(echo))
		door := s.open(oauthDoor)
		client := s.client()
		token := implicitLogin(t, client, door, "dev", "s3cret")
		got := decodeSeen(t, get(client, t, door+"/api", token))
		if got.Header.Get("X-Remote-User") != "dev" || got.Header.Get("Authorization") != "" || got.Certificate != "front-proxy" {
			t.Errorf("upstream saw %+v", got)
		}
		if groups := got.Header.Values("X-Remote-Group"); !slices.Equal(groups, []string{oauthGroup, "team"}) {
			t.Errorf("groups %q", groups)
		}
		if state := s.oauthState(); state != (oauthState{Issued: 1, Active: 1, Logins: 1}) {
			t.Errorf("state %+v", state)
		}
		sum := sha256.Sum256([]byte(token[len("sha256~"):]))
		name := "sha256~" + base64.RawURLEncoding.EncodeToString(sum[:])
		revoke := request(t, "DELETE", door+resource+name, "{}", "Authorization", "Bearer "+token)
		if got := send(client, revoke); got.code != 200 {
			t.Errorf("revoking: %+v", got)
		}
		if got := get(client, t, door+"/api", token); got.code != 401 || !strings.Contains(got.body, `"reason":"Unauthorized"`) {
			t.Errorf("after revoking: %+v", got)
		}
		if state := s.oauthState(); state != (oauthState{Issued: 1, Active: 0, Logins: 1}) {
			t.Errorf("state %+v", state)
		}
		if e := s.log()[1]; e.User != "dev" || e.UpstreamStatus != 200 {
			t.Errorf("entry %+v", e)
		}
	}
}

func TestRevokingOwnTokensOnly(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	client := s.client()
	dev := implicitLogin(t, client, door, "dev", "s3cret")
	eve := implicitLogin(t, client, door, "eve", "x")
	own := door + ownTokensPath + objectName(dev)
	if got := send(client, request(t, "DELETE", own, "", "Authorization", "Bearer "+eve)); got.code != 404 {
		t.Errorf("eve revoked dev's token: %+v", got)
	}
	if got := send(client, request(t, "DELETE", own, "")); got.code != 401 {
		t.Errorf("nobody revoked dev's token: %+v", got)
	}
	if got := get(client, t, door+"/api", dev); got.code != 200 {
		t.Errorf("dev's token: %+v", got)
	}
}

func TestExpiredAndForeignTokens(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	client := s.client()
	token := implicitLogin(t, client, door, "dev", "s3cret")
	d, err := s.doors.find("d")
	check(t, err)
	d.current().oauth.now = func() time.Time { return time.Now().Add(time.Hour) }
	if got := get(client, t, door+"/api", token); got.code != 401 {
		t.Errorf("expired: %+v", got)
	}
	if state := s.oauthState(); state.Active != 0 {
		t.Errorf("state %+v", state)
	}
	foreign := decodeSeen(t, get(client, t, door+"/api", "sha256~foreign"))
	if foreign.Header.Get("Authorization") != "Bearer sha256~foreign" || foreign.Certificate != "" {
		t.Errorf("foreign token: %+v", foreign)
	}
}

func TestAuthorizeRefusals(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	noHeader := authorizeRequest(t, door, "dev", "s3cret", "response_type=token")
	noHeader.Header.Del("X-Csrf-Token")
	noPassword := authorizeRequest(t, door, "dev", "s3cret", "response_type=token")
	noPassword.Header.Del("Authorization")
	cases := map[string]struct {
		r      *http.Request
		code   int
		header string
	}{
		"no csrf header": {noHeader, 401, "Warning"},
		"no password":    {noPassword, 401, "Www-Authenticate"},
		"wrong password": {authorizeRequest(t, door, "dev", "nope", "response_type=token"), 401, "Www-Authenticate"},
		"unknown user":   {authorizeRequest(t, door, "who", "", "response_type=token"), 401, "Www-Authenticate"},
		"other response": {authorizeRequest(t, door, "dev", "s3cret", "response_type=id"), 400, "Content-Type"},
		"other client":   {request(t, "GET", door+"/oauth/authorize?client_id=x", ""), 400, "Content-Type"},
	}
	for name, c := range cases {
		if got := send(s.client(), c.r); got.code != c.code || got.header.Get(c.header) == "" || got.header.Get("Location") != "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if state := s.oauthState(); state.Issued != 0 || state.Logins != 0 {
		t.Errorf("state %+v", state)
	}
}

// codeLogin is the flow of k8s_auth and of the openshift Python package.
func codeLogin(t *testing.T, client *http.Client, door, extraQuery, extraForm string) reply {
	t.Helper()
	got := send(client, authorizeRequest(t, door, "dev", "s3cret", "response_type=code&state=1"+extraQuery))
	location, err := url.Parse(got.header.Get("Location"))
	check(t, err)
	if got.code != 302 || location.Query().Get("state") != "1" {
		t.Fatalf("authorize: %+v", got)
	}
	form := location.RawQuery + "&grant_type=authorization_code" + extraForm
	exchange := func() reply {
		r := request(t, "POST", door+"/oauth/token", form, "Content-Type", "application/x-www-form-urlencoded")
		r.SetBasicAuth("openshift-challenging-client", "")
		return send(client, r)
	}
	first := exchange()
	if second := exchange(); second.code != 400 || !strings.Contains(second.body, "invalid_grant") {
		t.Errorf("a code counted twice: %+v", second)
	}
	return first
}

func TestCodeFlow(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	client := s.client()
	got := codeLogin(t, client, door, "&code_challenge_method=S256", "")
	var token struct {
		AccessToken string `json:"access_token"`
		ExpiresIn   int    `json:"expires_in"`
		Scope       string `json:"scope"`
	}
	check(t, json.Unmarshal([]byte(got.body), &token))
	if token.ExpiresIn != 3600 || token.Scope != "user:full" {
		t.Errorf("token %+v", token)
	}
	if seen := decodeSeen(t, get(client, t, door+"/api", token.AccessToken)); seen.Header.Get("X-Remote-User") != "dev" {
		t.Errorf("upstream saw %+v", seen)
	}
	if state := s.oauthState(); state != (oauthState{Issued: 1, Active: 1, Logins: 1}) {
		t.Errorf("state %+v", state)
	}
}

func TestCodeFlowVerifiesPKCE(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	sum := sha256.Sum256([]byte("verifier"))
	challenge := "&code_challenge_method=S256&code_challenge=" + base64.RawURLEncoding.EncodeToString(sum[:])
	if got := codeLogin(t, s.client(), door, challenge, "&code_verifier=verifier"); got.code != 200 {
		t.Errorf("right verifier: %+v", got)
	}
	if got := codeLogin(t, s.client(), door, challenge, "&code_verifier=guess"); got.code != 400 {
		t.Errorf("wrong verifier: %+v", got)
	}
}

func TestTokensAndPasswordsStayOutOfTheLog(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	client := s.client()
	token := implicitLogin(t, client, door, "dev", "s3cret")
	codeLogin(t, client, door, "", "")
	send(client, request(t, "DELETE", door+tokensPath+token, token, "Authorization", "Bearer "+token))
	send(client, request(t, "POST", door+"/apis/authentication.k8s.io/v1/tokenreviews", `{"spec": {"token": "opaque-token"}}`))
	send(client, request(t, "POST", door+"/oauth/token", "grant_type=password&username=dev&password=s3cret"))
	d, err := s.doors.find("d")
	check(t, err)
	log, views := string(marshal(s.log())), string(marshal(viewOf(d)))
	for _, secret := range append(d.current().oauth.secrets, "s3cret", "opaque-token", "Basic") {
		if strings.Contains(log, secret) || strings.Contains(views, secret) {
			t.Errorf("%q is in the log or view:\n%s\n%s", secret, log, views)
		}
	}
	if !strings.Contains(log, tokensPath+"REDACTED") {
		t.Errorf("the old client's path is missing: %s", log)
	}
}

func TestFaultsApplyToOAuthToo(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor + `, "rules": [{"name": "lost", "methods": ["DELETE"], "fault": {"answer_lost": true}}]`)
	client := s.client()
	token := implicitLogin(t, client, door, "dev", "s3cret")
	revoke := request(t, "DELETE", door+tokensPath+objectName(token), "{}", "Authorization", "Bearer "+token)
	if got := send(client, revoke); got.err == nil {
		t.Errorf("answered %+v", got)
	}
	if got := get(client, t, door+"/api", token); got.code != 401 {
		t.Errorf("the lost answer's token still counts: %+v", got)
	}
}

func TestAnotherConfigurationForgetsEveryToken(t *testing.T) {
	s := newStage(t, http.HandlerFunc(echo))
	door := s.open(oauthDoor)
	token := implicitLogin(t, s.client(), door, "dev", "s3cret")
	s.call("PATCH", "/doors/d", "{"+oauthDoor+"}", 200, nil)
	if got := decodeSeen(t, get(s.client(), t, door+"/api", token)); got.Header.Get("X-Remote-User") != "" {
		t.Errorf("upstream saw %+v", got)
	}
	s.call("PATCH", "/doors/d", `{"oauth": null}`, 200, nil)
	if got := decodeSeen(t, send(s.client(), request(t, "GET", door+discoveryPath, ""))); got.URI != discoveryPath {
		t.Errorf("without OAuth the path does not go upstream: %+v", got)
	}
}
