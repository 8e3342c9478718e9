"""OpenShift user name and password: exchanged for a token once, and the token revoked afterwards."""

from __future__ import annotations

import base64
import hashlib
import ssl
import tempfile
import typing as t
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth import Endpoint
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError


@dataclass(frozen=True)
class Token:
    """A bearer token and what is needed to revoke it. The CA is a file or PEM data."""

    value: str = field(repr=False)
    server: str
    ca_file: str = ""
    ca_data: str = ""
    verify: bool = True
    proxy: str = ""

    def as_dict(self) -> Json:
        """For a store in memory."""
        return asdict(self)


class Tokens(t.Protocol):
    """Where tokens of a login live while the run lasts. A login may have had several; all are revoked at the end."""

    def get(self, key: str) -> Token | None:
        """The latest token of this login, if there is one."""

    def put(self, key: str, token: Token) -> None:
        """Keep it until the end."""


@dataclass
class TaskTokens:
    """Tokens of one task alone: what an ordinary module uses, and revokes itself."""

    held: list[tuple[str, Token]] = field(default_factory=list)

    def get(self, key: str) -> Token | None:
        """See Tokens."""
        return next((token for held_key, token in reversed(self.held) if held_key == key), None)

    def put(self, key: str, token: Token) -> None:
        """See Tokens."""
        self.held.append((key, token))

    def revoke_all(self) -> list[str]:
        """Revoke every token; what could not be revoked, as sentences."""
        problems = [problem for problem in (revoke(token) for _key, token in self.held) if problem]
        self.held.clear()
        return problems


class Authenticator:
    """The login of one task: takes over a token of the run, and logs in anew when the server refused the one it gave."""

    def __init__(self, tokens: Tokens, timeout: float) -> None:
        self._tokens = tokens
        self._timeout = timeout
        self._given: Token | None = None

    def __call__(self, endpoint: Endpoint) -> Endpoint:
        """The endpoint with a token instead of user name and password.

        Raises:
            KubeError: the login failed.
        """
        if endpoint.login is None:
            return endpoint
        # The password is part of the key, so that a wrong one is not answered with the token of a right one.
        secret = hashlib.sha256(endpoint.login.password.encode()).hexdigest()
        key = f"{endpoint.server} {endpoint.login.username} {secret}"
        token = self._tokens.get(key)
        if token is None or token == self._given:
            token = log_in(endpoint, self._timeout)
            self._tokens.put(key, token)
        self._given = token
        return replace(endpoint, headers={**endpoint.headers, "Authorization": f"Bearer {token.value}"}, login=None)


def revoke(token: Token, timeout: float = 10) -> str:
    """Make the token worthless. Returns a sentence when that did not work, else ""."""
    try:
        context = ssl.create_default_context(cafile=token.ca_file or None, cadata=token.ca_data or None)
        if not token.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        options: Json = {"ssl_context": context, "timeout": timeout, "retries": 2}
        http = lib.urllib3.ProxyManager(token.proxy, **options) if token.proxy else lib.urllib3.PoolManager(**options)
        with http as pool:
            headers = {"Authorization": f"Bearer {token.value}", "Accept": "application/json"}
            reply = pool.request("DELETE", token.server + revocation_path(token.value), headers=headers)
    except (OSError, lib.urllib3.exceptions.HTTPError) as error:
        return f"The login token at {token.server} could not be revoked ({type(error).__name__}); it expires by itself."
    if reply.status in (200, 202, 401, 404):
        return ""
    return f"The login token at {token.server} could not be revoked (status {reply.status}); it expires by itself."


def log_in(endpoint: Endpoint, timeout: float) -> Token:
    """A bearer token for the endpoint's user name and password.

    Raises:
        KubeError: refused, no OAuth server, or the helper package is missing.
        ValueError: the endpoint has neither, which is a bug of the caller.
    """
    if endpoint.login is None:
        raise ValueError(f"{endpoint.server} has no user name and password")
    try:
        parent, adapter = lib.openshift_login()
    except ImportError as error:
        message = f"The Python package openshift is missing ({error})."
        raise KubeError(codes.LOGIN_FAILED, message, remedy="pip install openshift") from error

    class Helper(parent):  # type: ignore[misc, valid-type]
        # The helper's own constructor passes arguments that today's Configuration no longer takes.
        def __init__(self, target: Endpoint, ca_file: str) -> None:
            super(parent, self).__init__()
            self.host = target.server
            self.verify_ssl = target.verify
            self.ssl_ca_cert = ca_file or None
            self.ocp_username = target.login.username if target.login else ""
            self.ocp_password = target.login.password if target.login else ""

    with _ca_file(endpoint) as ca_file, _bounded(adapter, timeout, endpoint.proxy):
        helper = Helper(endpoint, ca_file)
        try:
            helper.get_token()
            value = str(helper.token["access_token"])
        except Exception as error:
            # The message may quote the request with its credentials.
            raise _login_failed(endpoint, error) from None
    return Token(value, endpoint.server, endpoint.ca_file, endpoint.ca_data, endpoint.verify, endpoint.proxy)


def _login_failed(endpoint: Endpoint, error: Exception) -> KubeError:
    name, server = type(error).__name__, endpoint.server
    if name == "SSLError":
        return KubeError(codes.UNTRUSTED, f"The certificate of {server}, or of its OAuth server, is not trusted.", server)
    if name in ("ConnectionError", "ConnectTimeout", "ReadTimeout", "ProxyError", "Timeout"):
        return KubeError(codes.UNREACHABLE, f"{server}, or its OAuth server, cannot be reached ({name}).", server)
    information = getattr(error, "req_info", {})
    status, url = information.get("req_status_code") or name, str(information.get("req_url", ""))
    why = f"it has no OAuth server ({status})" if url.endswith("oauth-authorization-server") else f"answer: {status}"
    user = endpoint.login.username if endpoint.login else ""
    return KubeError(codes.LOGIN_FAILED, f"Login of user {user} at {server} failed; {why}.", server)


def revocation_path(token: str) -> str:
    """Where the token's own object is deleted. A `sha256~` token's object is named by its hash."""
    prefix, mark, secret = token.partition("~")
    digest = base64.urlsafe_b64encode(hashlib.sha256(secret.encode()).digest()).rstrip(b"=").decode()
    name = f"sha256~{digest}" if prefix + mark == "sha256~" else token
    return object_path("oauth.openshift.io/v1", "useroauthaccesstokens", name)


@contextmanager
def _ca_file(endpoint: Endpoint) -> t.Iterator[str]:
    """The cluster's CA as a file, which is all that the helper understands."""
    if endpoint.ca_file or not endpoint.ca_data:
        yield endpoint.ca_file
        return
    with tempfile.NamedTemporaryFile("w", prefix="azureml-", suffix=".crt") as file:
        file.write(endpoint.ca_data)
        file.flush()
        yield file.name


@contextmanager
def _bounded(adapter: t.Any, seconds: float, proxy: str) -> t.Iterator[None]:
    """A time-out and the proxy for every request of the helper, which passes neither: a silent server would hang the play."""
    original = adapter.send

    def send(self: t.Any, request: t.Any, **options: t.Any) -> t.Any:
        proxies = {"http": proxy, "https": proxy} if proxy else {}
        return original(self, request, **{**options, "timeout": seconds, "proxies": proxies})

    adapter.send = send
    try:
        yield
    finally:
        adapter.send = original
