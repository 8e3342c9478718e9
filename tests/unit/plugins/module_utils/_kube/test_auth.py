"""From options to an endpoint, without a server."""

from __future__ import annotations

import base64
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Code
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth, exec_plugin
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.engine

SERVER = "https://api.example:6443"
SECRET = "marker-of-a-secret"


class Pem:
    """A self-signed certificate and its key, as PEM."""

    def __init__(self) -> None:
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "x")])
        begin = datetime(2020, 1, 1)
        built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        built = built.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        signed = built.not_valid_before(begin).not_valid_after(begin.replace(year=2050)).sign(key, hashes.SHA256())
        self.cert = signed.public_bytes(serialization.Encoding.PEM).decode()
        pkcs8 = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
        self.key = key.private_bytes(*pkcs8, serialization.NoEncryption()).decode()
        self.encrypted = key.private_bytes(*pkcs8, serialization.BestAvailableEncryption(b"pass")).decode()


PEM = Pem()


def b64(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def kubeconfig(user: dict[str, Any] | None = None, cluster: dict[str, Any] | None = None, **top: Any) -> dict[str, Any]:
    """A kubeconfig of one context."""
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": SERVER} if cluster is None else cluster}],
        "users": [{"name": "u", "user": {"token": SECRET} if user is None else user}],
        **top,
    }


@pytest.fixture(autouse=True)
def empty_tmpdir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Whatever happens, no file is left in the temporary folder."""
    folder = tmp_path / "tmpdir"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    monkeypatch.setattr("ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth._MEMORY", str(folder))
    for name in [n for n in os.environ if n.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    yield folder
    assert list(folder.iterdir()) == []


def refused(options: dict[str, Any], code: Code, *words: str, **more: Any) -> str:
    """The message of the refusal, which has these words, a remedy, and no secret."""
    with pytest.raises(KubeError) as caught:
        auth.endpoint(options, **more)
    finding = caught.value.finding
    assert finding.code == code.code, finding
    assert finding.remedy
    for word in words:
        assert word in finding.message, finding.message
    assert SECRET not in str(finding)
    return finding.message


# Arguments and environment


def test_arguments_beat_the_environment_as_a_group() -> None:
    decoy = {"K8S_AUTH_HOST": "https://decoy", "K8S_AUTH_API_KEY": "x", "K8S_AUTH_VERIFY_SSL": "false"}
    assert auth.choose({"kubeconfig": "a", "context": None, "api_key": ""}, decoy) == {"kubeconfig": "a"}


def test_every_name_of_the_environment() -> None:
    environ = {
        "K8S_AUTH_KUBECONFIG": "a:b",
        "K8S_AUTH_CONTEXT": "c",
        "K8S_AUTH_HOST": SERVER,
        "K8S_AUTH_API_KEY": "k",
        "K8S_AUTH_USERNAME": "u",
        "K8S_AUTH_PASSWORD": "p",
        "K8S_AUTH_VERIFY_SSL": "no",
        "K8S_AUTH_SSL_CA_CERT": "ca",
        "K8S_AUTH_CERT_FILE": "cert",
        "K8S_AUTH_KEY_FILE": "key",
        "K8S_AUTH_PROXY": "http://p",
        "K8S_AUTH_NO_PROXY": "localhost",
        "K8S_AUTH_PROXY_HEADERS_PROXY_BASIC_AUTH": "a:b",
        "K8S_AUTH_PROXY_HEADERS_USER_AGENT": "me",
        "K8S_AUTH_PERSIST_CONFIG": "true",
        "K8S_AUTH_IMPERSONATE_USER": "jane",
        "K8S_AUTH_IMPERSONATE_GROUPS": "a, b,",
    }
    assert auth.from_environment(environ) == {
        "kubeconfig": "a:b",
        "context": "c",
        "host": SERVER,
        "api_key": "k",
        "username": "u",
        "password": "p",
        "validate_certs": False,
        "ca_cert": "ca",
        "client_cert": "cert",
        "client_key": "key",
        "proxy": "http://p",
        "no_proxy": "localhost",
        "proxy_headers": {"proxy_basic_auth": "a:b", "user_agent": "me"},
        "persist_config": True,
        "impersonate_user": "jane",
        "impersonate_groups": ["a", "b"],
    }


@pytest.mark.parametrize(
    "name, option", [("VALIDATE_CERTS", "validate_certs"), ("CA_CERT", "ca_cert"), ("CLIENT_CERT", "client_cert")]
)
def test_the_newer_names_too(name: str, option: str) -> None:
    assert set(auth.from_environment({f"K8S_AUTH_{name}": "1"})) == {option}


def test_an_empty_variable_is_none() -> None:
    assert auth.from_environment({"K8S_AUTH_HOST": "", "K8S_AUTH_IMPERSONATE_GROUPS": ","}) == {}


def test_nothing_said() -> None:
    with pytest.raises(KubeError) as caught:
        auth.choose({}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBECONFIG": "/some/file"})
    assert caught.value.finding.code == codes.AUTH_MISSING.code
    assert "azureml_kubeconfig" in caught.value.finding.remedy


def test_an_argument_that_names_no_cluster_says_that_the_environment_is_ignored() -> None:
    with pytest.raises(KubeError, match=r"only context given\. K8S_AUTH_\* is ignored") as caught:
        auth.choose({"context": "c"}, {"K8S_AUTH_HOST": SERVER, "K8S_AUTH_API_KEY": "k"})
    assert caught.value.finding.code == codes.AUTH_INCOMPLETE.code


# Ways to log in


@pytest.mark.parametrize("key", [SECRET, f"{SECRET}\n", f"  {SECRET} "])
def test_host_and_token(key: str) -> None:
    made = auth.endpoint({"host": f"{SERVER}/", "api_key": key})
    assert (made.server, made.headers["Authorization"]) == (SERVER, f"Bearer {SECRET}")
    assert SECRET not in repr(made)


def test_a_user_name_is_kept_for_the_login() -> None:
    made = auth.endpoint({"host": SERVER, "username": "u", "password": SECRET})
    assert made.login == auth.Login("u", SECRET)
    assert "Authorization" not in made.headers
    assert SECRET not in repr(made)


def test_kubeconfig_dictionary() -> None:
    assert auth.endpoint({"kubeconfig": kubeconfig()}).headers["Authorization"] == f"Bearer {SECRET}"


def test_host_overrides_the_server_of_a_kubeconfig() -> None:
    made = auth.endpoint({"kubeconfig": kubeconfig(), "host": "https://other:1"})
    assert (made.server, made.headers["Authorization"]) == ("https://other:1", f"Bearer {SECRET}")


def test_basic_authentication_of_a_kubeconfig() -> None:
    made = auth.endpoint({"kubeconfig": kubeconfig({"username": "a", "password": "b"})})
    assert made.headers["Authorization"] == f"Basic {b64('a:b')}"


def test_token_file_beside_the_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{SECRET}\n")
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig({"tokenFile": "token"})))
    assert auth.endpoint({"kubeconfig": str(path)}).headers["Authorization"] == f"Bearer {SECRET}"


def test_a_missing_token_file(tmp_path: Path) -> None:
    options = {"kubeconfig": kubeconfig({"tokenFile": str(tmp_path / "nope")})}
    refused(options, codes.KUBECONFIG_UNREADABLE, "Context c", "nope", "No such file")


def test_client_certificate_data_and_ca_data() -> None:
    user = {"client-certificate-data": b64(PEM.cert), "client-key-data": b64(PEM.key)}
    cluster = {"server": SERVER, "certificate-authority-data": b64(PEM.cert), "tls-server-name": "other"}
    made = auth.endpoint({"kubeconfig": kubeconfig(user, cluster)})
    assert made.ssl_context.get_ca_certs()
    assert (made.ca_data, made.ca_file, made.tls_server_name) == (PEM.cert, "", "other")


def test_client_certificate_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for name, text in (("ca", PEM.cert), ("cert", PEM.cert), ("key", PEM.key)):
        (tmp_path / name).write_text(text)
    made = auth.endpoint({"host": SERVER, "ca_cert": "~/ca", "client_cert": "~/cert", "client_key": "~/key"})
    assert (made.ca_file, made.ca_data) == (str(tmp_path / "ca"), "")


def test_several_files_as_in_kubeconfig(tmp_path: Path) -> None:
    whole = kubeconfig()
    for name, key in (("a", "contexts"), ("b", "clusters"), ("c", "users")):
        (tmp_path / name).write_text(yaml.safe_dump({"kind": "Config", key: whole[key]}))
    paths = [str(tmp_path / name) for name in ("a", "missing", "b", "c")]
    assert auth.endpoint({"kubeconfig": os.pathsep.join([*paths, ""])}).server == SERVER


def test_the_process_global_default_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    other = lib.Configuration()
    other.api_key = {"authorization": "Bearer of-another-cluster"}
    other.verify_ssl = False
    monkeypatch.setattr(lib.Configuration, "_default", other)
    made = auth.endpoint({"host": SERVER, "api_key": "own"})
    assert made.headers["Authorization"] == "Bearer own"
    assert made.verify


def test_files_of_others_in_this_process_stay_theirs(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.write_text("x")
    lib.kube_config._temp_files["x"] = str(theirs)
    try:
        auth.endpoint({"kubeconfig": kubeconfig({"client-certificate-data": b64(PEM.cert), "client-key-data": b64(PEM.key)})})
        assert lib.kube_config._temp_files == {"x": str(theirs)}
        assert theirs.exists()
    finally:
        lib.kube_config._temp_files.clear()


def test_inline_keys_are_readable_by_their_owner_alone(monkeypatch: pytest.MonkeyPatch, empty_tmpdir: Path) -> None:
    seen: list[int] = []
    original = auth._ssl_context

    def look(configuration: Any, workdir: str) -> Any:
        seen.extend(stat.S_IMODE(path.stat().st_mode) for path in empty_tmpdir.rglob("*"))
        return original(configuration, workdir)

    monkeypatch.setattr(auth, "_ssl_context", look)
    auth.endpoint({"kubeconfig": kubeconfig({"client-certificate-data": b64(PEM.cert), "client-key-data": b64(PEM.key)})})
    assert sorted(seen) == [0o600, 0o600, 0o700]


# Impersonation, proxy


def test_impersonation_by_options() -> None:
    made = auth.endpoint({"host": SERVER, "api_key": "k", "impersonate_user": "jane", "impersonate_groups": ["a", "b"]})
    assert (made.headers["Impersonate-User"], made.headers["Impersonate-Group"]) == ("jane", ["a", "b"])


def test_impersonation_by_the_kubeconfig_as_kubectl_does() -> None:
    user = {"token": "x", "as": "jane", "as-uid": "7", "as-groups": ["a"], "as-user-extra": {"scopes/x": ["s"]}}
    headers = auth.endpoint({"kubeconfig": kubeconfig(user)}).headers
    assert {k: v for k, v in headers.items() if k.startswith("Impersonate")} == {
        "Impersonate-User": "jane",
        "Impersonate-Uid": "7",
        "Impersonate-Group": ["a"],
        "Impersonate-Extra-scopes%2Fx": ["s"],
    }


def test_an_option_replaces_the_impersonation_of_the_kubeconfig() -> None:
    user = {"token": "x", "as": "jane", "as-groups": ["a"]}
    headers = auth.endpoint({"kubeconfig": kubeconfig(user), "impersonate_user": "joe"}).headers
    assert headers["Impersonate-User"] == "joe"
    assert "Impersonate-Group" not in headers


@pytest.mark.parametrize("no_proxy, used", [("", True), ("other", True), ("api.example", False), (".example", False), ("*", False)])
def test_proxy(no_proxy: str, used: bool) -> None:
    made = auth.endpoint({"host": SERVER, "api_key": "k", "proxy": "http://p:1", "no_proxy": no_proxy})
    assert made.proxy == ("http://p:1" if used else "")


def test_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://env:1")
    if not hasattr(lib.Configuration(), "_proxy_from_env"):
        pytest.skip("this Kubernetes client does not read proxy variables; a newer one does")
    assert auth.endpoint({"host": SERVER, "api_key": "k"}).proxy == "http://env:1"


def test_proxy_of_the_kubeconfig_beats_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://env:1")
    assert (
        auth.endpoint({"kubeconfig": kubeconfig(cluster={"server": SERVER, "proxy-url": "http://own:1"})}).proxy == "http://own:1"
    )


def test_proxy_headers() -> None:
    made = auth.endpoint({"host": SERVER, "api_key": "k", "proxy": "http://p:1", "proxy_headers": {"proxy_basic_auth": "a:b"}})
    assert made.proxy_headers == {"proxy-authorization": f"Basic {b64('a:b')}"}


def test_trust_can_be_switched_off() -> None:
    assert not auth.endpoint({"host": SERVER, "api_key": "k", "validate_certs": False}).verify
    assert not auth.endpoint({"kubeconfig": kubeconfig(cluster={"server": SERVER, "insecure-skip-tls-verify": True})}).verify


# What is refused


@pytest.mark.parametrize("more", [{}, {"client_cert": "a"}, {"username": "u"}, {"context": "c"}])
def test_host_alone_is_not_enough(more: dict[str, str]) -> None:
    refused({"host": SERVER, **more}, codes.AUTH_INCOMPLETE, SERVER)


@pytest.mark.parametrize(
    "host", ["api.example:6443", "ftp://api.example", "https://", "https://[::1", "https://api:port", "https://a b"]
)
def test_an_address_that_is_none(host: str) -> None:
    refused({"host": host, "api_key": SECRET}, codes.AUTH_INCOMPLETE, repr(host), "https://name:port")


def test_an_address_with_a_password_is_not_shown() -> None:
    refused({"host": f"https://user:{SECRET}@api.example", "api_key": "k"}, codes.AUTH_INCOMPLETE, "password in it")


@pytest.mark.parametrize("cluster", [{}, {"server": ""}, {"insecure-skip-tls-verify": True}])
def test_a_cluster_without_a_server_is_not_localhost(cluster: dict[str, Any]) -> None:
    refused({"kubeconfig": kubeconfig(cluster=cluster)}, codes.KUBECONFIG_UNREADABLE, "Context c", "without a server")


@pytest.mark.parametrize("user", [{}, {"auth-provider": {"name": "no-such", "config": {"access-token": SECRET}}}])
def test_a_user_without_a_credential_is_not_anonymous(user: dict[str, Any]) -> None:
    refused({"kubeconfig": kubeconfig(user)}, codes.AUTH_INCOMPLETE, "No credential", SERVER)


@pytest.mark.parametrize("token", [f"{SECRET}\nX-Other: y", f"{SECRET}\x00", f"{SECRET}\u2026"])
def test_a_token_that_breaks_its_header_is_not_quoted(token: str) -> None:
    refused({"host": SERVER, "api_key": token}, codes.AUTH_INCOMPLETE, "The token")
    refused({"kubeconfig": kubeconfig({"token": token})}, codes.AUTH_INCOMPLETE, "The token")


def test_a_user_name_that_breaks_its_header() -> None:
    refused({"host": SERVER, "api_key": "k", "impersonate_user": "a\r\nb"}, codes.AUTH_INCOMPLETE, "Impersonate-User")


def test_unknown_context_lists_those_that_exist() -> None:
    refused({"kubeconfig": kubeconfig(), "context": "prod"}, codes.CONTEXT_UNKNOWN, "'prod'", "it has: c")


def test_several_contexts_and_none_named() -> None:
    several = kubeconfig(contexts=[{"name": n, "context": {"cluster": "k", "user": "u"}} for n in "ab"], **{"current-context": "b"})
    refused({"kubeconfig": several}, codes.CONTEXT_UNKNOWN, "several contexts and none was named", "a, b")
    assert auth.endpoint({"kubeconfig": several}, any_context=True).server == SERVER
    refused({"kubeconfig": {**several, "current-context": ""}}, codes.CONTEXT_UNKNOWN, "none was named", any_context=True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello",
        b"- a\n- b\n",
        b"\x00\x01\xff\xfe",
        b"{" * 10_000,
        f"token: {SECRET}: {SECRET}".encode(),
        f"users: [{SECRET}".encode(),
        b"contexts: null",
        b"contexts: {a: b}",
        b"kind: Config",
    ],
)
def test_a_file_that_is_no_kubeconfig(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    with pytest.raises(KubeError) as caught:
        auth.endpoint({"kubeconfig": str(path)})
    assert caught.value.finding.code in (codes.KUBECONFIG_UNREADABLE.code, codes.CONTEXT_UNKNOWN.code)
    assert str(path) in caught.value.finding.message
    assert SECRET not in str(caught.value.finding)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    refused({"kubeconfig": str(tmp_path / "none")}, codes.KUBECONFIG_UNREADABLE, str(tmp_path / "none"), "No such file")
    refused({"kubeconfig": str(tmp_path)}, codes.KUBECONFIG_UNREADABLE, str(tmp_path), "Is a directory")


@pytest.mark.parametrize("value", [["a"], 7, True])
def test_a_kubeconfig_of_another_type(value: Any) -> None:
    refused({"kubeconfig": value}, codes.KUBECONFIG_UNREADABLE, type(value).__name__)


@pytest.mark.parametrize(
    "broken",
    [
        kubeconfig(users=[{"name": "u", "token": SECRET}]),
        kubeconfig({"auth-provider": {"name": "oidc", "config": {"client-secret": SECRET}}}),
        kubeconfig(
            {
                "auth-provider": {
                    "name": "gcp",
                    "config": {"cmd-path": sys.executable, "cmd-args": f"-c raise(Exception({SECRET!r}))"},
                }
            }
        ),
        kubeconfig({"exec": {"command": "x"}}, cluster={"server": SERVER}, users=[{"name": "u", "user": SECRET}]),
        kubeconfig({"client-certificate-data": SECRET + "!", "client-key-data": SECRET}),
        kubeconfig(clusters=[]),
        kubeconfig(contexts=[{"context": {"cluster": SECRET}}]),
        kubeconfig(clusters=[{"name": "k"}]),
    ],
)
@pytest.mark.parametrize("as_file", [True, False])
def test_what_the_client_quotes_is_not_repeated(tmp_path: Path, broken: dict[str, Any], as_file: bool) -> None:
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(broken))
    with pytest.raises(KubeError) as caught:
        auth.endpoint({"kubeconfig": str(path) if as_file else broken})
    assert caught.value.finding.code in (codes.KUBECONFIG_UNREADABLE.code, codes.AUTH_INCOMPLETE.code)
    assert SECRET not in str(caught.value.finding)
    assert caught.value.__cause__ is None or SECRET not in str(caught.value.__cause__)


def test_an_expired_oidc_token_that_cannot_be_renewed_leaves_nothing_behind() -> None:
    claims = base64.urlsafe_b64encode(b'{"exp": 1}').decode().rstrip("=")
    config = {
        "id-token": f"a.{claims}.c",
        "idp-issuer-url": "https://127.0.0.1:1",
        "idp-certificate-authority-data": b64(PEM.cert),
        "client-id": "x",
        "client-secret": SECRET,
        "refresh-token": SECRET,
    }
    refused(
        {"kubeconfig": kubeconfig({"auth-provider": {"name": "oidc", "config": config}})}, codes.KUBECONFIG_UNREADABLE, "Context c"
    )


def test_missing_and_broken_certificates_are_named(tmp_path: Path) -> None:
    files = {"cert": PEM.cert, "key": PEM.key, "junk": "junk", "encrypted": PEM.encrypted, "otherkey": Pem().key}
    path = {name: str(tmp_path / name) for name in [*files, "none"]}
    for name, text in files.items():
        Path(path[name]).write_text(text)
    base = {"host": SERVER}
    token = {**base, "api_key": "k"}
    refused({**token, "ca_cert": path["none"]}, codes.AUTH_INCOMPLETE, "The CA for", path["none"], "No such file", SERVER)
    refused({**token, "ca_cert": path["junk"]}, codes.AUTH_INCOMPLETE, "The CA for", path["junk"])
    pair = {**base, "client_cert": path["cert"]}
    refused({**pair, "client_key": path["none"]}, codes.AUTH_INCOMPLETE, "client certificate or its key", path["none"])
    refused({**pair, "client_key": path["otherkey"]}, codes.AUTH_INCOMPLETE, path["otherkey"])
    refused({**pair, "client_key": path["encrypted"]}, codes.AUTH_INCOMPLETE, "encrypted", SERVER)
    broken = kubeconfig({"client-certificate-data": b64("junk"), "client-key-data": b64("junk")})
    message = refused({"kubeconfig": broken}, codes.AUTH_INCOMPLETE, "given in the kubeconfig")
    assert "azureml-" not in message


# Credential plugins


def plugin(code: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", code], **more}


def credential(status: str) -> str:
    return f'print(\'{{"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {status}}}\')'


def test_a_plugin_gives_a_token() -> None:
    made = auth.endpoint({"kubeconfig": kubeconfig({"exec": plugin(credential('{"token": "t"}'))})})
    assert made.headers["Authorization"] == "Bearer t"


def test_a_plugin_gives_a_certificate(tmp_path: Path) -> None:
    status = '"status": {"clientCertificateData": open("cert").read(), "clientKeyData": open("key").read()}'
    (tmp_path / "cert").write_text(PEM.cert)
    (tmp_path / "key").write_text(PEM.key)
    code = f'import json; print(json.dumps({{"apiVersion": "client.authentication.k8s.io/v1", {status}}}))'
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(kubeconfig({"exec": plugin(code)})))
    made = auth.endpoint({"kubeconfig": str(path)})
    assert "Authorization" not in made.headers


def test_a_plugin_is_told_about_the_cluster_and_its_own_environment() -> None:
    code = (
        "import json, os; info = json.loads(os.environ['KUBERNETES_EXEC_INFO']);"
        "assert info['spec']['interactive'] is False;"
        "token = info['spec']['cluster']['server'] + info['spec']['cluster']['config']['a'] + os.environ['OWN'];"
        "print(json.dumps({'apiVersion': info['apiVersion'], 'status': {'token': token}}))"
    )
    cluster = {"server": SERVER, "extensions": [{"name": "client.authentication.k8s.io/exec", "extension": {"a": "-b-"}}]}
    spec = plugin(code, provideClusterInfo=True, env=[{"name": "OWN", "value": "own"}])
    made = auth.endpoint({"kubeconfig": kubeconfig({"exec": spec}, cluster)})
    assert made.headers["Authorization"] == f"Bearer {SERVER}-b-own"


@pytest.mark.parametrize(
    "code, why",
    [
        (f"import sys; print({SECRET!r}); print({SECRET!r}, file=sys.stderr); sys.exit(3)", "failed with exit status 3"),
        (f"print({SECRET!r})", "no ExecCredential"),
        (f"print(['{SECRET}'])", "no ExecCredential"),
        (f"import sys; sys.stdout.buffer.write(b'\\xff{SECRET}')", "no ExecCredential"),
        (f'print(\'{{"status": "{SECRET}"}}\')', "no ExecCredential"),
        (f'print(\'{{"apiVersion": "{SECRET}", "status": {{"token": "{SECRET}"}}}}\')', "another API version"),
        (credential("{}"), "neither a token nor a client certificate"),
        (credential(f'{{"clientCertificateData": "{SECRET}"}}'), "neither a token nor a client certificate"),
    ],
)
def test_what_a_failing_plugin_prints_is_not_repeated(code: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
    refused({"kubeconfig": kubeconfig({"exec": plugin(code)})}, codes.EXEC_PLUGIN_FAILED, sys.executable, why)
    assert SECRET not in "".join(capfd.readouterr())


def test_a_plugin_that_is_not_there_tells_how_to_install_it(tmp_path: Path) -> None:
    spec = plugin("", command="no-such-plugin", installHint="Install it with `x`.")
    with pytest.raises(KubeError, match="no-such-plugin is not installed") as caught:
        auth.endpoint({"kubeconfig": kubeconfig({"exec": spec})})
    assert caught.value.finding.remedy == "Install it with `x`."
    (tmp_path / "plain").write_text("")
    spec = plugin("", command=str(tmp_path / "plain"))
    refused({"kubeconfig": kubeconfig({"exec": spec})}, codes.EXEC_PLUGIN_FAILED, "cannot be started", "Permission denied")


@pytest.mark.parametrize("broken", [{"args": 5}, {"env": [{"name": "A"}]}, {"env": "A=B"}, {"command": None}, {"command": "a\0b"}])
def test_a_badly_described_plugin(broken: dict[str, Any]) -> None:
    refused({"kubeconfig": kubeconfig({"exec": {**plugin(""), **broken}})}, codes.EXEC_PLUGIN_FAILED)


def test_a_plugin_that_waits_for_a_person_is_ended() -> None:
    with pytest.raises(KubeError, match=r"did not end within 0\.2 s; it may wait for a person"):
        exec_plugin.credential(plugin("import time; time.sleep(60)"), {}, "", seconds=0.2)


# Secrets


def test_every_secret_of_a_kubeconfig_is_known() -> None:
    user = {
        "token": "s1",
        "password": 2,
        "client-key-data": "s3",
        "auth-provider": {"config": {"id-token": "s4", "refresh-token": "s5", "client-secret": "s6", "access-token": "s7"}},
        "exec": {
            "command": "public",
            "args": ["get-token", "--client-secret", "s9", "--password=s10", "--region", "public"],
            "env": [{"name": "public", "value": "s8"}],
        },
    }
    found = auth.secrets_of({"kubeconfig": kubeconfig(user, {"proxy-url": "http://u:s11@p:1"}), "proxy": "http://u:s12@p:1"})
    assert found == {"s1", "2", *(f"s{number}" for number in range(3, 13))}


def test_the_content_of_a_kubeconfig_is_never_shown() -> None:
    assert auth.public("kubeconfig", kubeconfig()) == auth.HIDDEN
    assert auth.public("kubeconfig", "path") == "path"
    assert auth.public("host", SERVER) == SERVER


WORDS = [
    "name",
    "contexts",
    "context",
    "clusters",
    "cluster",
    "users",
    "user",
    "server",
    "token",
    "tokenFile",
    "exec",
    "env",
    "args",
    "command",
    "apiVersion",
    "current-context",
    "certificate-authority-data",
    "client-certificate-data",
    "client-key-data",
    "auth-provider",
    "config",
    "as",
    "as-groups",
    "as-user-extra",
    "proxy-url",
    "extensions",
    "insecure-skip-tls-verify",
]
SCALARS = (
    st.none() | st.booleans() | st.integers(-9, 99) | st.sampled_from(["", "a", "u", "k", "c", "oidc", "gcp", "https://h:1", "\n"])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=5), max_leaves=20
)
NAMED = {
    "user": st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=5),
    "cluster": st.dictionaries(st.sampled_from(WORDS), ANYTHING, max_size=5).map(lambda c: {"server": SERVER, **c}),
}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)
@given(ANYTHING | st.builds(kubeconfig, NAMED["user"], NAMED["cluster"]), st.sampled_from([{}, {"context": "c"}, {"api_key": "k"}]))
def test_no_kubeconfig_raises_anything_else(content: Any, more: dict[str, str]) -> None:
    auth.secrets_of(content)
    try:
        auth.endpoint(auth.choose({"kubeconfig": content, **more}, {}), any_context=True)
    except KubeError as error:
        assert error.finding.message


def test_two_threads_take_turns_with_what_belongs_to_the_process() -> None:
    entered = threading.Event()

    def second() -> None:
        with auth._workdir():
            entered.set()

    with auth._workdir() as folder:
        thread = threading.Thread(target=second)
        thread.start()
        assert not entered.wait(0.1)
        assert tempfile.tempdir == folder
    thread.join(5)
    assert entered.is_set()
