"""User name and password become a token, and the token is kept, renewed and revoked."""

from __future__ import annotations

import hashlib
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any, Self

import pytest
import urllib3
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import oauth
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth import Endpoint, Login
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError

pytestmark = pytest.mark.engine

SERVER = "https://api.example:6443"
SECRET = "marker-of-a-secret"


def endpoint(password: str = SECRET, **more: Any) -> Endpoint:
    return Endpoint(SERVER, {"Accept": "x"}, None, login=Login("dev", password), **more)


class Adapter:
    """What sends requests, as that of the requests package does."""

    def send(self, _request: object, **options: Any) -> dict[str, Any]:
        return options


class Helper:
    """As much of the openshift package's helper as is used."""

    logins = 0
    seen: dict[str, Any] = {}
    failure: Exception | None = None

    def get_token(self) -> None:
        if Helper.failure:
            raise Helper.failure
        Helper.logins += 1
        ca = getattr(self, "ssl_ca_cert", None)
        Helper.seen = {
            **vars(self),
            "ca": Path(ca).read_text() if ca else None,
            "sent": Adapter().send("request", verify=True, timeout=None, proxies={"https": "http://of-the-environment"}),
        }
        self.token = {"access_token": f"sha256~token-{Helper.logins}"}


@pytest.fixture(autouse=True)
def helper(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Helper, "logins", 0)
    monkeypatch.setattr(Helper, "failure", None)
    monkeypatch.setattr(lib, "openshift_login", lambda: (Helper, Adapter))


def test_one_login_serves_all_tasks_and_loop_items() -> None:
    tokens = oauth.TaskTokens()
    made = [oauth.Authenticator(tokens, 5)(endpoint()) for _task in range(3)]
    assert {e.headers["Authorization"] for e in made} == {"Bearer sha256~token-1"}
    assert all(e.login is None for e in made)
    assert made[0].headers["Accept"] == "x"


def test_a_refused_token_is_replaced_by_a_new_login_and_both_are_revoked(monkeypatch: pytest.MonkeyPatch) -> None:
    tokens = oauth.TaskTokens()
    task = oauth.Authenticator(tokens, 5)
    assert task(endpoint()).headers["Authorization"].endswith("token-1")
    assert task(endpoint()).headers["Authorization"].endswith("token-2")
    assert oauth.Authenticator(tokens, 5)(endpoint()).headers["Authorization"].endswith("token-2")
    revoked: list[str] = []
    monkeypatch.setattr(oauth, "revoke", lambda token: revoked.append(token.value) or "")
    assert tokens.revoke_all() == []
    assert revoked == ["sha256~token-1", "sha256~token-2"]


def test_a_wrong_password_is_not_answered_with_the_token_of_a_right_one() -> None:
    tokens = oauth.TaskTokens()
    oauth.Authenticator(tokens, 5)(endpoint())
    oauth.Authenticator(tokens, 5)(endpoint("other"))
    assert Helper.logins == 2


def test_an_endpoint_with_a_credential_needs_no_login() -> None:
    ready = Endpoint(SERVER, {"Authorization": "Bearer x"}, None)
    assert oauth.Authenticator(oauth.TaskTokens(), 5)(ready) is ready
    assert Helper.logins == 0


def test_the_helper_gets_timeout_proxy_and_inline_ca() -> None:
    send = Adapter.send
    oauth.log_in(endpoint(ca_data="PEM", proxy="http://own:1"), 7)
    proxies = {"http": "http://own:1", "https": "http://own:1"}
    assert Helper.seen["sent"] == {"verify": True, "timeout": 7, "proxies": proxies}
    assert Helper.seen["ca"] == "PEM"
    assert not Path(Helper.seen["ssl_ca_cert"]).exists()
    oauth.log_in(endpoint(), 7)
    assert Helper.seen["sent"]["proxies"] == {}
    assert Adapter.send is send


class Request(Exception):
    """As the helper raises it: with the request in it."""

    def __init__(self, url: str, status: int) -> None:
        super().__init__(f"{url} {SECRET}")
        self.req_info = {"req_url": url, "req_status_code": status}


@pytest.mark.parametrize(
    "failure, code, words",
    [
        (
            Request(f"{SERVER}/oauth/authorize?x", 401),
            "engine.login_failed",
            "Login of user dev at https://api.example:6443 failed; answer: 401",
        ),
        (Request(f"{SERVER}/.well-known/oauth-authorization-server", 404), "engine.login_failed", "it has no OAuth server (404)"),
        (KeyError("authorization_endpoint"), "engine.login_failed", "KeyError"),
        (type("SSLError", (OSError,), {})(SECRET), "engine.untrusted_certificate", SERVER),
        (type("ConnectTimeout", (OSError,), {})(SECRET), "engine.unreachable", SERVER),
        (type("ConnectionError", (OSError,), {})(SECRET), "engine.unreachable", SERVER),
    ],
)
def test_a_failed_login(monkeypatch: pytest.MonkeyPatch, failure: Exception, code: str, words: str) -> None:
    monkeypatch.setattr(Helper, "failure", failure)
    with pytest.raises(KubeError) as caught:
        oauth.log_in(endpoint(), 5)
    finding = caught.value.finding
    assert (finding.code, finding.subject) == (code, SERVER)
    assert words in finding.message
    assert finding.remedy
    assert SECRET not in str(finding)


def test_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    monkeypatch.setitem(sys.modules, "openshift.helper.userpassauth", None)
    with pytest.raises(KubeError, match="package openshift is missing") as caught:
        oauth.log_in(endpoint(), 5)
    assert caught.value.finding.remedy == "pip install openshift"


def test_where_a_token_is_revoked() -> None:
    digest = urlsafe_b64encode(hashlib.sha256(b"abc").digest()).rstrip(b"=").decode()
    root = "/apis/oauth.openshift.io/v1/useroauthaccesstokens"
    assert oauth.revocation_path("sha256~abc") == f"{root}/sha256~{digest}"
    assert oauth.revocation_path("old-token") == f"{root}/old-token"


@pytest.mark.parametrize("status, problem", [(200, ""), (202, ""), (401, ""), (404, ""), (403, "status 403"), (500, "status 500")])
def test_revoking(monkeypatch: pytest.MonkeyPatch, status: int, problem: str) -> None:
    seen: list[tuple[str, str, str]] = []

    class Pool:
        def __init__(self, **_options: Any) -> None: ...

        def __enter__(self) -> Self:
            return self

        def __exit__(self, *_error: object) -> None: ...

        def request(self, method: str, url: str, headers: dict[str, str]) -> Any:
            seen.append((method, url, headers["Authorization"]))
            return type("Response", (), {"status": status})

    monkeypatch.setattr(urllib3, "PoolManager", Pool)
    said = oauth.revoke(oauth.Token("sha256~x", SERVER))
    assert (problem in said) if problem else not said
    assert "sha256~" not in said
    assert seen[0][0] == "DELETE"
    assert seen[0][1].startswith(f"{SERVER}/apis/oauth.openshift.io/")
    assert seen[0][2] == "Bearer sha256~x"


@pytest.mark.parametrize("token", [oauth.Token("x", "https://127.0.0.1:1"), oauth.Token("x", SERVER, ca_file="/no/such/file")])
def test_what_cannot_be_revoked_is_said(token: oauth.Token) -> None:
    said = oauth.revoke(token, timeout=1)
    assert token.server in said
    assert "expires by itself" in said


def test_a_token_shows_nothing_of_itself() -> None:
    assert SECRET not in repr(oauth.Token(SECRET, SERVER))
    assert SECRET not in repr(endpoint())
