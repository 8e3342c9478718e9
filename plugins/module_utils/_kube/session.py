"""Requests to one API server: pooled, bounded, retried where that is safe, and translated into findings where it is not."""

from __future__ import annotations

import json
import math
import random
import re
import threading
import time
import typing as t
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from email.utils import parsedate_to_datetime

from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import FIELD_MANAGER, Json, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Answer, Read
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.auth import Endpoint
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.errors import (
    Blocked,
    ConflictError,
    KubeError,
    LostAnswer,
    blocked_by_budget,
    describe,
    field_managers,
    names_one,
    refusal,
    status_message,
)
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.files import FILE_SCHEME, read_file, write_file
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.pod_exec import run_in_pod
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.tls_peer import TLS_SCHEME, served_certificate

ATTEMPTS = 8
CONNECT_SECONDS = 10
FAR_SECONDS = 0.02
PARALLEL_READS = 8
# A connection takes three round trips to open: as long as so many answers, one after the other on the one that is there.
SERIAL_READS = 3
# A credential may expire several times during a long wait, but one that is refused at once stays refused.
RENEW_SECONDS = 30.0
WATCH_SECONDS = 60
_PASSING = (500, 502, 503, 504)
_METADATA = "application/json;as={kind};g=meta.k8s.io;v=v1,application/json"
_WRITES = {
    "create": ("POST", "application/json"),
    "apply": ("PATCH", "application/apply-patch+yaml"),
    "json_patch": ("PATCH", "application/json-patch+json"),
    "delete": ("DELETE", "application/json"),
    "evict": ("POST", "application/json"),
}


@dataclass(frozen=True)
class Reply:
    """One HTTP answer."""

    status: int
    body: t.Any
    retry_after: float | None = None


@dataclass
class Clock:
    """Time as the session sees it; tests replace it."""

    now: t.Callable[[], float] = time.monotonic
    sleep: t.Callable[[float], None] = time.sleep
    jitter: t.Callable[[], float] = field(default_factory=lambda: random.Random().random)


def backoff(attempt: int, retry_after: float | None, jitter: float) -> float:
    """Seconds before attempt number `attempt` + 1: what the server ordered, else 50 ms doubling to 5 s, half of it jitter."""
    if retry_after is not None:
        # A little later than ordered, so that many clients do not come back at the same moment.
        return retry_after + 0.05 * jitter
    step = min(0.05 * 2.0**attempt, 5.0)
    return step * (0.5 + 0.5 * jitter)


def retry_after_seconds(text: str | None, now: t.Callable[[], float] = time.time) -> float | None:
    """A Retry-After header (seconds or an HTTP date) in seconds from now; None when absent or unreadable."""
    if not text:
        return None
    try:
        seconds = float(text)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - now()
        except (TypeError, ValueError, IndexError, OverflowError):
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


class Session:
    """All requests of one task to one cluster.

    Args:
        connect: makes the endpoint; called again once when a credential stops being accepted.
        request_timeout: seconds that one answer may take.
        deadline: seconds that all requests together may take.
        trials: whether reads that make a Job may do so.
    """

    def __init__(
        self,
        connect: t.Callable[[], Endpoint],
        *,
        request_timeout: float = 30,
        deadline: float = 300,
        trials: bool = False,
        progress: t.Callable[[str], None] = lambda _text: None,
        clock: Clock | None = None,
    ) -> None:
        self._connect = connect
        self._timeout = request_timeout
        self.clock = clock or Clock()
        self._deadline = self.clock.now() + deadline
        self._deadline_seconds = deadline
        self._progress = progress
        self._trials = trials
        self._renewed = float("-inf")
        # A 429 is meant for the client, so requests beside it hold back too.
        self._hold = 0.0
        self._renewing = threading.Lock()
        self._far = False
        self._open(connect())

    def _open(self, endpoint: Endpoint) -> None:
        self.server = endpoint.server
        self._endpoint = endpoint
        self._headers = _header_dict(endpoint.headers)
        options: Json = {"maxsize": PARALLEL_READS}
        if endpoint.ssl_context is not None:
            options["ssl_context"] = endpoint.ssl_context
            if endpoint.tls_server_name:
                options["server_hostname"] = endpoint.tls_server_name
            if not endpoint.verify:
                options["assert_hostname"] = False
                lib.urllib3.disable_warnings(lib.urllib3.exceptions.InsecureRequestWarning)  # the user has decided so
        if endpoint.proxy:
            self._pool: t.Any = lib.urllib3.ProxyManager(endpoint.proxy, proxy_headers=endpoint.proxy_headers, **options)
            self._base = endpoint.server
        else:
            # A manager of pools would look at each URL twice to find the one pool that there is.
            self._pool = lib.urllib3.connection_from_url(endpoint.server, **options)
            self._base = lib.urllib3.util.parse_url(endpoint.server).path or ""

    def close(self) -> None:
        """Give the connections back."""
        self._pool.clear() if self._endpoint.proxy else self._pool.close()

    def read(self, reads: t.Sequence[Read]) -> dict[Read, Answer]:
        """Answers to all reads: at once where the server is far away, one connection where it is near.

        Raises:
            KubeError: no answer could be had. 403 and 404 are answers.
        """
        far = self._far and len(reads) > SERIAL_READS
        apart = [read for read in reads if far or read.command or read.trial]
        answers = {read: self._answer(read) for read in reads if read not in apart}
        if len(apart) < 2:
            return {**answers, **{read: self._answer(read) for read in apart}}
        with ThreadPoolExecutor(max_workers=min(PARALLEL_READS, len(apart))) as pool:
            return {**answers, **dict(zip(apart, pool.map(self._answer, apart)))}

    def extend(self, seconds: float) -> None:
        """Let all requests together take `seconds` more from now on, where that is longer than the deadline."""
        self._deadline_seconds += max(0.0, self.clock.now() + seconds - self._deadline)
        self._deadline = max(self._deadline, self.clock.now() + seconds)

    def watch(self, read: Read, version: str, ended: threading.Event) -> t.Iterator[Json]:
        """Events of a list since `version`, until the server ends the watch, as it does every minute, or `ended` is set.

        Raises:
            KubeError: the server cannot be reached or refuses.
        """
        query = (*read.query, ("watch", "1"), ("allowWatchBookmarks", "true"), ("timeoutSeconds", str(WATCH_SECONDS)))
        url = replace(read, query=(*query, ("resourceVersion", version))).url
        credential = self._headers
        try:
            with self._pool.request(
                "GET",
                self._base + url,
                headers=credential,
                timeout=lib.urllib3.Timeout(connect=CONNECT_SECONDS, read=WATCH_SECONDS + self._timeout),
                retries=False,
                redirect=False,
                preload_content=False,
            ) as response:
                if response.status == 200:
                    yield from _events(response, ended)
                    return
                body = _object(response.read(decode_content=True))
        except lib.urllib3.exceptions.HTTPError as error:
            raise self._unreachable(error) from error
        if response.status == 410:
            yield {"type": "ERROR", "object": body}
        elif response.status != 401 or not self._renew(credential):
            raise refusal("GET", read.path, response.status, body, self.server)

    def _run_in_pod(self, read: Read) -> Answer:
        words = tuple(("command", word) for word in read.command)
        url = replace(read, query=(*read.query, *words, ("stdout", "true"), ("stderr", "true"))).url
        for _attempt in range(2):
            credential = self._headers
            # An exec answers no JSON: asked for it, the server refuses.
            headers = [(name, value) for name, value in credential.items() if name.lower() != "accept"]
            answer = run_in_pod(self._endpoint, headers, url, self._timeout)
            if answer.status != 401 or not self._renew(credential):
                break
        return answer

    def _try(self, read: Read) -> Answer:
        from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.trial import run_trial  # it uses sessions itself

        return run_trial(self, read, self._progress)

    def _answer(self, read: Read) -> Answer:
        if read.command:
            return self._run_in_pod(read)
        if read.trial:
            return self._try(read) if self._trials else Answer(0, {"message": "check mode tries nothing"})
        if read.path.startswith(TLS_SCHEME):
            left = max(1.0, min(CONNECT_SECONDS, self._timeout, self._deadline - self.clock.now()))
            return served_certificate(read.path[len(TLS_SCHEME) :], dict(read.query).get("sni", ""), left)
        if read.path.startswith(FILE_SCHEME):
            return read_file(read.path[len(FILE_SCHEME) :])
        method = "POST" if read.body else "GET"
        headers: Json = {"Content-Type": "application/json"} if read.body else {}
        if read.metadata_only:
            kind = "PartialObjectMetadata" if names_one(read.path) else "PartialObjectMetadataList"
            headers["Accept"] = _METADATA.format(kind=kind)
        started = self.clock.now()
        reply = self._retrying(method, read.url, read.body or None, headers)
        self._far = self.clock.now() - started > FAR_SECONDS
        if reply.status in (403, 404) or reply.status < 300:
            return Answer(reply.status, reply.body if isinstance(reply.body, dict) else {})
        raise refusal(method, read.path, reply.status, reply.body, self.server)

    def write(self, write: Write) -> Json:
        """Send one change.

        Returns:
            The object as the server answered it.

        Raises:
            Blocked: a PodDisruptionBudget allows no eviction now.
            ConflictError: it is no longer what the plan saw.
            LostAnswer: it is not known whether it arrived.
            KubeError: refused, or another field manager owns it.
        """
        if write.kind == "file":
            write_file(write.path[len(FILE_SCHEME) :], write.body)
            return {}
        method, content_type = _WRITES[write.kind]
        force = "&force=true" if write.force else ""
        url = f"{write.path}?fieldManager={FIELD_MANAGER}{force}" if write.kind != "delete" else write.path
        body = json.dumps(write.body) if write.body is not None else None
        reply = self._retrying(method, url, body, {"Content-Type": content_type}, write=True)
        answer: Json = reply.body if isinstance(reply.body, dict) else {}
        if reply.status < 300:
            return answer
        if write.kind in ("delete", "evict") and reply.status == 404:
            return {}
        if reply.status == 429:
            raise Blocked(status_message(answer))
        managers = field_managers(answer)
        if managers:
            message = f"On {self.server}, {', '.join(managers)} owns fields that this change sets: {answer.get('message', '')}"
            raise KubeError(codes.FIELD_CONFLICT, message, describe(method, write.path))
        if reply.status == 409 or (reply.status in (404, 422) and write.kind == "json_patch"):
            raise ConflictError(str(answer.get("message", "")))
        raise refusal(method, write.path, reply.status, answer, self.server)

    def _retrying(self, method: str, url: str, body: str | None, headers: Json, *, write: bool = False) -> Reply:
        """One request until it is answered. A write is only repeated here when the server said that it did nothing (429)."""
        problem: KubeError | None = None
        wait = silence = 0.0
        for attempt in range(ATTEMPTS):
            self._wait(wait, problem)
            credential, started = self._headers, self.clock.now()
            try:
                reply = self._once(method, url, body, headers, self._timeout - silence)
            except lib.urllib3.exceptions.HTTPError as error:
                if write and not _never_sent(error):
                    raise LostAnswer(f"{type(error).__name__} after {describe(method, url)}") from error
                problem = self._unreachable(error)
                wait = backoff(attempt, None, self.clock.jitter())
                silence += self.clock.now() - started + wait
                if problem.finding.code != codes.UNREACHABLE.code or silence >= self._timeout:
                    raise problem from error
                continue
            wait = silence = 0.0
            if reply.status == 401 and self._renew(credential):
                continue
            if reply.status == 429 and write and blocked_by_budget(reply.body):
                return reply
            if reply.status == 429 or (reply.status in _PASSING and not write):
                problem = refusal(method, url, reply.status, reply.body, self.server)
                wait = backoff(attempt, reply.retry_after, self.clock.jitter())
                self._hold = max(self._hold, self.clock.now() + (reply.retry_after or 0.0))
                continue
            if reply.status in _PASSING:
                if reply.retry_after:
                    self._pause(backoff(attempt, reply.retry_after, self.clock.jitter()), problem)
                raise LostAnswer(f"status {reply.status} after {describe(method, url)}")
            return reply
        raise problem or KubeError(codes.UNAUTHORIZED, f"{self.server} does not accept the renewed credential.", self.server)

    def _wait(self, seconds: float, problem: KubeError | None) -> None:
        """Wait as ordered; longer where another request is told so meanwhile."""
        while seconds > 0 or self._hold > self.clock.now():
            self._pause(max(seconds, self._hold - self.clock.now()), problem)
            seconds = 0.0

    def pause(self, attempt: int) -> None:
        """Wait before reading and planning again."""
        self._pause(backoff(attempt, None, self.clock.jitter()), None)

    def _pause(self, seconds: float, problem: KubeError | None) -> None:
        if self.clock.now() + seconds > self._deadline:
            why = f" The last answer: {problem}" if problem else ""
            raise KubeError(codes.DEADLINE, f"{self.server} was not done within {self._deadline_seconds:g} s.{why}")
        if seconds > 1:
            self._progress(f"{self.server} asks to wait {seconds:.1f} s{': ' + str(problem) if problem else ''}")
        self.clock.sleep(seconds)

    def _renew(self, refused: t.Any) -> bool:
        """Read the credentials again: a token may have expired during a long wait. A second 401 soon after is final."""
        with self._renewing:
            if self._headers is not refused:
                return True  # another thread was faster
            if self.clock.now() - self._renewed < RENEW_SECONDS:
                return False
            self._renewed = self.clock.now()
            self.close()
            self._open(self._connect())
            return True

    def _once(self, method: str, url: str, body: str | None, headers: Json, patience: float) -> Reply:
        merged = self._headers.copy()
        for name, value in headers.items():
            merged[name] = value
        left = max(1.0, min(patience, self._deadline - self.clock.now()))
        response = self._pool.request(
            method,
            self._base + url,
            body=body,
            headers=merged,
            timeout=lib.urllib3.Timeout(connect=min(CONNECT_SECONDS, left), read=left),
            retries=False,
            redirect=False,
        )
        order = retry_after_seconds(response.headers.get("Retry-After"))
        return Reply(response.status, self._decoded(response, method, url), order)

    def _decoded(self, response: t.Any, method: str, url: str) -> Json:
        try:
            body = json.loads(response.data) if response.data else {}
        except (ValueError, RecursionError):
            body = None
        if isinstance(body, dict):
            return body
        # An API server answers "404 page not found" for an unknown group, and an overloaded one plain text, but never so on 403.
        if response.status >= 400 and response.status != 403:
            return {"message": response.data[:200].decode("utf-8", "replace").strip()}
        what = describe(method, url)
        message = f"{self.server} answered {response.status} to {what} with something that is no Kubernetes object."
        raise KubeError(codes.NOT_KUBERNETES, message, self.server)

    def _unreachable(self, error: Exception) -> KubeError:
        text = str(error)
        if isinstance(error, lib.urllib3.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in text or "doesn't match" in text:
                return KubeError(codes.UNTRUSTED, f"The certificate of {self.server} is not trusted: {_tidy(error)}", self.server)
            if "ALERT" in text and ("CERTIFICATE" in text or "UNKNOWN_CA" in text):
                return KubeError(codes.UNAUTHORIZED, f"{self.server} refused the client certificate: {_tidy(error)}", self.server)
            if "WRONG_VERSION_NUMBER" in text or "RECORD_LAYER_FAILURE" in text:
                return KubeError(codes.NOT_KUBERNETES, f"{self.server} does not speak TLS.", self.server)
        if isinstance(error, lib.urllib3.exceptions.ReadTimeoutError):
            message = f"{self.server} accepted the connection but did not answer within {self._timeout:g} s."
            return KubeError(codes.UNREACHABLE, message, self.server)
        way = " through its proxy" if isinstance(error, lib.urllib3.exceptions.ProxyError) else ""
        return KubeError(codes.UNREACHABLE, f"{self.server} cannot be reached{way}: {_tidy(error)}", self.server)


def _header_dict(headers: Json) -> t.Any:
    result = lib.urllib3.HTTPHeaderDict()
    for name, value in headers.items():
        for item in value if isinstance(value, list) else [value]:
            result.add(name, item)
    return result


def _events(response: t.Any, ended: threading.Event) -> t.Iterator[Json]:
    """The JSON lines of a watch, as they arrive."""
    rest = b""
    for chunk in response.stream(None, decode_content=True):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if ended.is_set():
                return
            event = _object(line)
            if event:
                yield event


def _object(data: bytes) -> Json:
    try:
        body = json.loads(data)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _never_sent(error: Exception) -> bool:
    known = lib.urllib3.exceptions
    if isinstance(error, known.SSLError):
        return "CERTIFICATE_VERIFY_FAILED" in str(error)  # other TLS errors may come after the request
    return isinstance(error, (known.NewConnectionError, known.ConnectTimeoutError, known.NameResolutionError))


def _tidy(error: Exception) -> str:
    """urllib3's message without the object addresses that mean nothing to a person."""
    text = str(getattr(error, "original_error", None) or error)
    return re.sub(r"^(?:<[^>]*>|HTTPS?Connection(?:Pool)?\([^)]*\)): ", "", text)
