"""The report of the extension's health check: ConfigMap texts as entries, and entries as findings."""

from __future__ import annotations

import re
import typing as t
from dataclasses import dataclass, field

from ansible_collections.azureml.kubernetes.plugins.module_utils._components import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Json, ObjectRef, Severity
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.platform import EXTENSION_NAMESPACE, name_of
from ansible_collections.azureml.kubernetes.plugins.module_utils._data.health_codes import BY_CODE, DIAGNOSTIC_FROM, HEALTH_CODES

# A ConfigMap cannot hold more.
_LONGEST_REPORT = 1 << 20
_MOST_ENTRIES = 1000
_MOST_FINDINGS = 50
_LONGEST_MESSAGE = 1000
_LONGEST_VALUE = 2000
_WORD = re.compile(
    r"(?<![A-Za-z])[\"']?(Status|Name|ErrorCode|ErrorMessage|CorrelationId|K8sDistribution|K8sInfrastructure|K8sVersion)"
    r"[\"']?[ \t]*[:=]"
)
_CODE = re.compile(r"\bE[0-9]{5}\b")
_RERUN = "reports-test"


@dataclass(frozen=True)
class Entry:
    """What one checker said; `code` is "" where it gave none."""

    report: str
    checker: str
    status: str
    code: str
    message: str

    @property
    def failed(self) -> bool:
        """The checker did not pass."""
        return self.status.lower() not in ("passed", "skipped") if self.status else bool(self.code)

    @property
    def blocking(self) -> bool:
        """The code stops an installation."""
        return bool(self.code) and int(self.code[1:]) < DIAGNOSTIC_FROM

    def public(self) -> Json:
        """The entry with its code's meaning."""
        known = BY_CODE.get(self.code)
        return {
            "report": self.report,
            "checker": self.checker,
            "status": self.status,
            "code": self.code,
            "name": known.name if known else "",
            "meaning": known.meaning if known else "",
            "remedy": known.remedy if known else "",
            "message": self.message,
        }


@dataclass(frozen=True)
class Report:
    """Everything that the ConfigMap says. `strange` holds the keys that cannot be understood, with what they begin with."""

    name: str = ""
    entries: tuple[Entry, ...] = ()
    about: t.Mapping[str, str] = field(default_factory=dict)
    strange: tuple[tuple[str, str], ...] = ()


def read_report(item: Json) -> Report:
    """The ConfigMap's reports; whatever it holds, nothing is raised."""
    data = item.get("data")
    entries: list[Entry] = []
    about: dict[str, str] = {}
    strange: list[tuple[str, str]] = []
    for key, value in sorted((str(k), v) for k, v in data.items()) if isinstance(data, dict) else ():
        if not isinstance(value, str):
            strange.append((key, repr(value)[:80]))
            continue
        found, told = parse(key, value)
        entries += found
        about.update(told)
        if value.strip() and not found and not told:
            strange.append((key, " ".join(value[:200].split())[:80]))
    binary = item.get("binaryData")
    strange += [(str(key), "binary data") for key in binary] if isinstance(binary, dict) else []
    return Report(name_of(item), tuple(entries[:_MOST_ENTRIES]), about, tuple(strange))


def parse(report: str, content: str) -> tuple[list[Entry], dict[str, str]]:
    """Entries of one report, and what it says about the cluster.

    Every entry begins with the word that comes first in the report, mostly `Status:`. A word that an entry has already is part
    of its message.
    """
    content = content[:_LONGEST_REPORT]
    marks = list(_WORD.finditer(content))
    first = next((mark[1] for mark in marks if mark[1] in ("Status", "Name")), "")
    entries: list[dict[str, str]] = []
    about: dict[str, str] = {}
    for mark, following in zip(marks, [*marks[1:], None]):
        word, value = mark[1], content[mark.end() : following.start() if following else len(content)][:_LONGEST_VALUE]
        if word.startswith("K8s") or word == "CorrelationId":
            about.setdefault(word, _tidy(value)[:_LONGEST_MESSAGE])
        elif word == first or not entries:
            entries.append({word: value})
        elif word in entries[-1]:
            last = "ErrorMessage" if "ErrorMessage" in entries[-1] else word
            entries[-1][last] = f"{entries[-1][last]}{mark[0]}{value}"[:_LONGEST_VALUE]
        else:
            entries[-1][word] = value
        if len(entries) > _MOST_ENTRIES:
            break
    found = [entry for words in entries for entry in _entries(report, {word: _tidy(value) for word, value in words.items()})]
    return (found or _loose(report, content)), about


def _tidy(value: str) -> str:
    """A value without the quotes, commas and braces of a report that is JSON."""
    return value.strip().strip("\"',{}[];").strip()


def _entries(report: str, words: t.Mapping[str, str]) -> list[Entry]:
    status = words.get("Status", "").split(maxsplit=1)
    said = words.get("ErrorMessage", "")[:_LONGEST_MESSAGE]
    found = _CODE.findall(words.get("ErrorCode", "")) or _CODE.findall(said) or [""]
    checker, state = words.get("Name", "").split("\n")[0][:100].strip(), status[0].strip("\"',") if status else ""
    return [Entry(report, checker, state[:40], code, " ".join(said.split())) for code in dict.fromkeys(found)]


def _loose(report: str, content: str) -> list[Entry]:
    """Codes in a text without any structure."""
    found = dict.fromkeys(_CODE.findall(content))
    return [Entry(report, "", "", code, "") for code in list(found)[:_MOST_ENTRIES]]


def health_findings(report: Report, *, healthy: bool) -> list[Finding]:
    """What the reports say.

    Args:
        healthy: all components are. A report of an earlier attempt to install then explains nothing any more.
    """
    ref = ObjectRef("ConfigMap", report.name, EXTENSION_NAMESPACE)
    failed = list(dict.fromkeys(entry for entry in report.entries if entry.failed))
    said = [_finding(entry, ref, healthy=healthy) for entry in failed[:_MOST_FINDINGS]]
    for key, beginning in report.strange[:_MOST_FINDINGS]:
        said.append(codes.HEALTH_UNREADABLE.finding(f"{key} is no report: it begins with {beginning!r}.", ref))
    return said


def _finding(entry: Entry, ref: ObjectRef, *, healthy: bool) -> Finding:
    known = BY_CODE.get(entry.code)
    named = f"{entry.code} {known.name}" if known else entry.code or "a failure without a code"
    by = f" of checker {entry.checker}" if entry.checker else ""
    meaning = f": {known.meaning}" if known else " (no table knows it)" if entry.code else ""
    words = f" It says: {entry.message}" if entry.message else ""
    stops = entry.blocking or not entry.code
    past = " All components are ready, so it speaks of an earlier attempt." if stops and healthy and entry.report != _RERUN else ""
    severity: Severity = "error" if stops else "warning"
    if (known and known.harmless) or past:
        severity = "info"
    message = f"{entry.report}: {named}{by}{meaning}.{words}{past}"
    edition = HEALTH_CODES.edition if known else ""
    return codes.HEALTH_FAILED.finding(message, ref, severity=severity, remedy=known.remedy if known else None, edition=edition)
