"""From authentication options to a connection: which cluster, with which credential, over which trust.

Reading a kubeconfig (merging, contexts, files, OIDC) is the Kubernetes client's work and fills an explicit Configuration; its
process-global default would leak one loop item's client certificate into the next.
"""

from __future__ import annotations

import os
import re
import shutil
import ssl
import tempfile
import threading
import typing as t
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from urllib.parse import quote

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import exec_plugin
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import KubeError

HIDDEN = "VALUE_SPECIFIED_IN_NO_LOG_PARAMETER"
_SECRET_OPTION = re.compile(r"-[\w-]*(?:secret|password|token|key)(?:=(.*))?", re.IGNORECASE)
_HEADER_TEXT = re.compile(r"[\x20-\x7e\xa0-\xff]+")
_URL_PASSWORD = re.compile(r"[a-z0-9]+://[^/@:]*:([^/@]+)@")
_SECRET_KEYS = (
    "token",
    "password",
    "client-key-data",
    "client-certificate-data",
    "id-token",
    "refresh-token",
    "access-token",
    "client-secret",
)

# OpenSSL sets itself up at its first context. Made before Ansible forks, this one serves the first endpoint of each worker.
_spare_contexts: list[ssl.SSLContext] = [] if lib.missing() else [lib.urllib3.util.ssl_.create_urllib3_context()]


@dataclass(frozen=True)
class Login:
    """A user name and password still to be exchanged for a token."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True)
class Endpoint:
    """Where and how to connect. Key material lives in the SSL context only.

    `ca_file` or `ca_data` (PEM) is the cluster's CA for who cannot use the SSL context.
    """

    server: str
    headers: Json = field(repr=False)
    ssl_context: t.Any
    tls_server_name: str = ""
    proxy: str = ""
    proxy_headers: Json = field(default_factory=dict, repr=False)
    ca_file: str = ""
    ca_data: str = ""
    verify: bool = True
    login: Login | None = None


def auth_spec() -> Json:
    """kubernetes.core's authentication options, word for word.

    Only `kubeconfig` differs: a path is no secret and belongs into messages; `secrets_of` covers what a kubeconfig holds.
    """
    return {name: {**option, "no_log": False} if name == "kubeconfig" else option for name, option in lib.AUTH_ARG_SPEC.items()}


def secrets_of(content: t.Any) -> set[str]:
    """Every secret string inside task arguments or a kubeconfig, at any depth."""
    if isinstance(content, list):
        return {secret for item in content for secret in secrets_of(item)}
    if not isinstance(content, dict):
        return set()
    own = {str(v) for k, v in content.items() if k in _SECRET_KEYS and v and not isinstance(v, (dict, list))}
    if isinstance(content.get("env"), list):
        own |= {str(e["value"]) for e in content["env"] if isinstance(e, dict) and e.get("value")}
    if isinstance(content.get("args"), list):
        own |= _secret_arguments([str(argument) for argument in content["args"]])
    own |= {found[1] for key in ("proxy", "proxy-url") if (found := _URL_PASSWORD.match(str(content.get(key))))}
    return own.union(*(secrets_of(value) for value in content.values()))


def _secret_arguments(arguments: list[str]) -> set[str]:
    """Values of a credential plugin's options with a telling name: `--client-secret x`, `--password=x`."""
    joined = {found[1] for argument in arguments if (found := _SECRET_OPTION.match(argument)) and found[1]}
    return joined | {
        value for option, value in zip(arguments, arguments[1:]) if _SECRET_OPTION.fullmatch(option) and "=" not in option
    }


def public(name: str, value: t.Any) -> t.Any:
    """An option as `invocation` shows it: of a kubeconfig its path, never its content."""
    return HIDDEN if name == "kubeconfig" and isinstance(value, (dict, list)) else value


def explicit(params: t.Mapping[str, t.Any]) -> Json:
    """The authentication options that were set, by their documented names."""
    return {name: params[name] for name in lib.AUTH_ARG_SPEC if params.get(name) not in (None, "", [], {})}


def from_environment(environ: t.Mapping[str, str]) -> Json:
    """The K8S_AUTH_* variables as options. `K8S_AUTH_VERIFY_SSL` and the like are kubernetes.core's older names."""
    older = {name: true_name for true_name, name in lib.AUTH_ARG_MAP.items()}
    options: Json = {}
    for name, option in lib.AUTH_ARG_SPEC.items():
        if option.get("type") == "dict":
            given = {key: environ.get(f"K8S_AUTH_{name}_{key}".upper()) for key in option["options"]}
            value: t.Any = {key: text for key, text in given.items() if text}
        else:
            text = environ.get(f"K8S_AUTH_{name}".upper()) or environ.get(f"K8S_AUTH_{older.get(name, name)}".upper())
            value = _typed(option.get("type", "str"), text) if text else None
        if value not in (None, [], {}):
            options[name] = value
    return options


def _typed(kind: str, text: str) -> t.Any:
    if kind == "bool":
        return text.strip().lower() not in ("0", "false", "no", "off", "n", "f")
    return [part.strip() for part in text.split(",") if part.strip()] if kind == "list" else text


def choose(params: t.Mapping[str, t.Any], environ: t.Mapping[str, str]) -> Json:
    """Arguments beat the environment as a group: a mix of the two would send many hosts to one cluster.

    Raises:
        KubeError: neither names a cluster.
    """
    arguments = explicit(params)
    options = arguments or from_environment(environ)
    if not any(options.get(name) for name in ("kubeconfig", "host")):
        given = f"only {', '.join(sorted(options))} given" if options else "no authentication option is set"
        ignored = " K8S_AUTH_* is ignored, since an argument is set." if arguments and from_environment(environ) else ""
        code = codes.AUTH_INCOMPLETE if options else codes.AUTH_MISSING
        raise KubeError(code, f"It is not said which cluster to use: {given}.{ignored}")
    return options


def endpoint(options: Json, *, any_context: bool = False) -> Endpoint:
    """Everything needed to connect.

    Args:
        options: authentication options, all from one source.
        any_context: use the kubeconfig's current context when none is named (only for localhost).

    Raises:
        KubeError: the options are incomplete, or a file, context or plugin does not work.
    """
    with _workdir() as workdir:
        impersonation: Json = {}
        if "kubeconfig" in options and not _complete(options):
            configuration, impersonation = _from_kubeconfig(options, workdir, any_context)
        else:
            configuration = _from_options(options)
        _override(configuration, options)
        return _endpoint(configuration, options, impersonation, workdir)


_MEMORY = "/dev/shm"  # noqa: S108 - only a folder of our own is made there, for its owner alone
# The client's memory of its files and Python's folder for temporary ones belong to the whole process.
_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def _workdir() -> t.Iterator[str]:
    """A folder for the files that the client makes of inline keys; afterwards no file is left, wherever it was made."""
    with _ONE_AT_A_TIME:
        yield from _alone()


def _alone() -> t.Iterator[str]:
    # In memory where the system has such a place: no key reaches a disk, and files cost next to nothing.
    memory = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else None
    folder = tempfile.mkdtemp(prefix="azureml-", dir=memory)
    # Older clients leave the CA of an OIDC provider wherever temporary files go.
    default, tempfile.tempdir = tempfile.tempdir, folder
    # The client remembers its files by content. Those of others in this process are theirs.
    remembered: dict[str, str] = lib.kube_config._temp_files
    of_others = dict(remembered)
    remembered.clear()
    try:
        yield folder
    finally:
        tempfile.tempdir = default
        for path in remembered.values():
            with suppress(OSError):
                os.remove(path)
        remembered.clear()
        remembered.update(of_others)
        shutil.rmtree(folder, ignore_errors=True)


def _new_configuration() -> t.Any:
    # Calling the class normally would copy the process-global default in older clients.
    return type.__call__(lib.Configuration)


def _complete(options: Json) -> bool:
    """Whether a kubeconfig is not needed, as kubernetes.core judges it."""
    ways = (("api_key",), ("client_cert", "client_key"), ("username", "password"))
    return bool(options.get("host")) and any(all(options.get(name) for name in way) for way in ways)


def _from_options(options: Json) -> t.Any:
    if not _complete(options):
        message = f"host is {options['host']}, but no api_key, client_cert with client_key, or username with password is given."
        raise KubeError(codes.AUTH_INCOMPLETE, message)
    return _new_configuration()


def _kubeconfig(source: t.Any) -> t.Any:
    """A kubeconfig as the client's node: a path, a list of paths as in KUBECONFIG, or the content."""
    if isinstance(source, dict):
        return lib.kube_config.ConfigNode("kubeconfig", source)
    if not isinstance(source, str):
        raise KubeError(codes.KUBECONFIG_UNREADABLE, f"kubeconfig is a {type(source).__name__}; it can be a path or a dictionary.")
    paths = [os.path.expanduser(path) for path in source.split(os.pathsep) if path]
    if len(paths) == 1:
        # The client's own reader takes the parser in Python, several times slower than all requests of a task.
        with open(paths[0], encoding="utf-8") as file:
            content = lib.yaml.load(file, Loader=getattr(lib.yaml, "CSafeLoader", lib.yaml.SafeLoader))
        return lib.kube_config.ConfigNode(paths[0], content, paths[0])
    # Of several files some may be missing, as kubectl has it.
    for path in [path for path in paths if os.path.exists(path)] or paths:
        with open(path, "rb"):
            pass
    return lib.kube_config.KubeConfigMerger(os.pathsep.join(paths)).config


def _contexts(source: t.Any) -> tuple[t.Any, list[str], str]:
    """The kubeconfig as the client's node, the names of its contexts and its current context."""
    where = source if isinstance(source, str) else "The kubeconfig given as a dictionary"
    try:
        node = _kubeconfig(source)
        names = [str(context["name"]) for context in node["contexts"]]
        return node, names, str(node.value.get("current-context") or "")
    except OSError as error:
        raise KubeError(codes.KUBECONFIG_UNREADABLE, f"{error.filename or where} cannot be read: {error.strerror}.") from error
    except (lib.ConfigException, lib.yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise KubeError(codes.KUBECONFIG_UNREADABLE, f"{where} is not a kubeconfig ({_unquoted(error)}).") from None


def _unquoted(error: Exception) -> str:
    """What went wrong, without what the client or the parser quotes of the file: that may be a secret."""
    text = str(error)
    if isinstance(error, lib.ConfigException) and text.startswith(("Invalid kube-config", "File does not exist")):
        return text.partition("{")[0].rstrip("/ .")
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    return type(error).__name__


def _from_kubeconfig(options: Json, workdir: str, any_context: bool) -> tuple[t.Any, Json]:
    """The context's configuration, and the headers of its impersonation."""
    source = options["kubeconfig"]
    node, names, current = _contexts(source)
    context = options.get("context") or (names[0] if len(names) == 1 else current if any_context else "")
    where = f"kubeconfig {source}" if isinstance(source, str) else "kubeconfig"
    if context not in names:
        asked = f"no context {context!r}" if context else "several contexts and none was named" if names else "no context"
        raise KubeError(codes.CONTEXT_UNKNOWN, f"The {where} has {asked}; it has: {', '.join(names) or 'none'}.")
    configuration = _new_configuration()
    try:
        # Paths inside a file are relative to it, which the client's node remembers.
        loader = _loader_class()(node, active_context=context, config_base_path=None, temp_file_path=workdir)
        loader.load_and_set(configuration)
        # Older clients leave it out.
        configuration.proxy = loader._cluster.safe_get("proxy-url") or configuration.proxy
        impersonation = _impersonation(loader._user.value if loader._user else {})
    except KubeError:
        raise
    except Exception as error:  # a malformed file, and whatever a refresh over OIDC can raise
        message = f"Context {context} of the {where} cannot be used ({_unquoted(error)})."
        raise KubeError(codes.KUBECONFIG_UNREADABLE, message) from None
    if not getattr(loader, "host", ""):
        raise KubeError(codes.KUBECONFIG_UNREADABLE, f"Context {context} of the {where} has a cluster without a server.")
    return configuration, impersonation


def _impersonation(user: t.Mapping[str, t.Any]) -> Json:
    """What `kubectl` sends for `as`, `as-uid`, `as-groups` and `as-user-extra`, which the client leaves out."""
    headers: Json = {"Impersonate-User": user.get("as"), "Impersonate-Uid": user.get("as-uid")}
    headers["Impersonate-Group"] = list(user.get("as-groups") or [])
    headers.update({f"Impersonate-Extra-{quote(key, safe='')}": list(v) for key, v in (user.get("as-user-extra") or {}).items()})
    return {name: value for name, value in headers.items() if value}


def _loader_class() -> t.Any:
    class Loader(lib.kube_config.KubeConfigLoader):  # type: ignore[misc]
        """The client's loader, but a failing credential plugin is an error instead of an anonymous request."""

        def _load_from_exec_plugin(self) -> bool | None:
            if "exec" not in self._user:
                return None
            folder = self._get_base_path(self._user.path)
            status = exec_plugin.credential(self._user["exec"].value, self._cluster.value, folder)
            if status.get("token"):
                self.token = f"Bearer {status['token']}"
            else:
                for attribute, key in (("cert_file", "clientCertificateData"), ("key_file", "clientKeyData")):
                    data = lib.kube_config.FileOrData(
                        status, None, data_key_name=key, base64_file_content=False, temp_file_path=self._temp_file_path
                    )
                    setattr(self, attribute, data.as_file())
            return True

    return Loader


def _override(configuration: t.Any, options: Json) -> None:
    if options.get("host"):
        configuration.host = _server(str(options["host"]))
    attributes = {"validate_certs": "verify_ssl", "proxy": "proxy", "no_proxy": "no_proxy"}
    files = {"ca_cert": "ssl_ca_cert", "client_cert": "cert_file", "client_key": "key_file"}
    for name, attribute in {**attributes, **files}.items():
        value = options.get(name)
        if value is not None:
            setattr(configuration, attribute, os.path.expanduser(value) if name in files else value)
    if options.get("api_key"):
        configuration.api_key = {"authorization": f"Bearer {str(options['api_key']).strip()}"}


def _endpoint(configuration: t.Any, options: Json, impersonation: Json, workdir: str) -> Endpoint:
    _server(configuration.host)
    token = configuration.api_key.get("authorization") or configuration.api_key.get("BearerToken") or ""
    login = None
    if options.get("username") and not (token or options.get("client_cert")):
        login = Login(str(options["username"]), str(options.get("password") or ""))
    if configuration.host.startswith("https") and not (token or login or configuration.cert_file):
        why = "the kubeconfig's user has none, or of a kind that the Kubernetes client does not know"
        raise KubeError(codes.AUTH_INCOMPLETE, f"No credential for {configuration.host}: {why}.")
    user, groups = options.get("impersonate_user"), options.get("impersonate_groups")
    if user or groups:
        impersonation = {"Impersonate-User": user, "Impersonate-Group": groups}
    headers = {"Accept": "application/json", "User-Agent": "azureml.kubernetes", "Authorization": token.strip(), **impersonation}
    proxy = configuration.proxy or ""
    if proxy and lib.should_bypass_proxies(configuration.host, no_proxy=configuration.no_proxy or ""):
        proxy = ""
    ca = configuration.ssl_ca_cert or ""
    return Endpoint(
        server=configuration.host,
        headers=_checked({name: value for name, value in headers.items() if value}),
        ssl_context=_ssl_context(configuration, workdir),
        tls_server_name=getattr(configuration, "tls_server_name", None) or "",
        proxy=proxy,
        proxy_headers=lib.urllib3.util.make_headers(**(options.get("proxy_headers") or {})) if proxy else {},
        ca_file="" if ca.startswith(workdir) else ca,
        ca_data=_text_of(ca) if ca.startswith(workdir) else "",
        verify=bool(configuration.verify_ssl),
        login=login,
    )


def _server(server: str) -> str:
    """The address, refused where its first request would go astray: without a scheme, the token would be sent in the clear."""
    try:
        url = lib.urllib3.util.parse_url(server)
    except ValueError:
        url = None
    if url is None or url.scheme not in ("http", "https") or not url.host or url.auth:
        shown = "an address with a password in it" if "@" in server else repr(server)
        message = f"The server is {shown}, which is not of the form https://name:port."
        raise KubeError(codes.AUTH_INCOMPLETE, message, remedy="Correct host, or server in the kubeconfig.")
    return server.rstrip("/")


def _checked(headers: Json) -> Json:
    """The headers, none of which can break out of its line; the HTTP library would quote a secret to say so."""
    for name, value in headers.items():
        texts = value if isinstance(value, list) else [value]
        if not all(_HEADER_TEXT.fullmatch(str(text)) for text in texts):
            what = "The token" if name == "Authorization" else name
            message = f"{what} holds a character that no HTTP header can carry, such as a line break."
            raise KubeError(
                codes.AUTH_INCOMPLETE, message, remedy="Correct the credential; it may have been copied with line breaks."
            )
    return headers


def _text_of(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def _ssl_context(configuration: t.Any, workdir: str) -> ssl.SSLContext | None:
    if not configuration.host.startswith("https"):
        return None
    context: ssl.SSLContext = _spare_contexts.pop() if _spare_contexts else lib.urllib3.util.ssl_.create_urllib3_context()
    ca, cert, key = configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file
    what, files = "CA", [ca]
    try:
        if not configuration.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif ca:
            context.load_verify_locations(ca)
        else:
            context.load_default_certs()
        if cert:
            what, files = "client certificate or its key", [cert, key]
            context.load_cert_chain(cert, key, password=_no_passphrase)
    except _EncryptedKey:
        remedy = "Give a key without a passphrase: `openssl pkey -in KEY -out NEW_KEY` removes it."
        raise KubeError(codes.AUTH_INCOMPLETE, f"The client key for {configuration.host} is encrypted.", remedy=remedy) from None
    except (OSError, ValueError) as error:
        named = ", ".join(str(path) for path in files if path and not str(path).startswith(workdir)) or "given in the kubeconfig"
        why = error.strerror if isinstance(error, OSError) and error.strerror else type(error).__name__
        message = f"The {what} for {configuration.host} ({named}) cannot be used: {why}."
        remedy = "Check the path as seen from the machine that runs the task, and the file with `openssl x509 -in FILE -noout`."
        raise KubeError(codes.AUTH_INCOMPLETE, message, remedy=remedy) from None
    return context


class _EncryptedKey(Exception):
    """Nobody can be asked for a passphrase."""


def _no_passphrase() -> str:
    # Without this, OpenSSL asks on the terminal and a play hangs.
    raise _EncryptedKey
