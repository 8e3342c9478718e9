"""A Result as the dictionary that a module returns."""

from __future__ import annotations

import json
import typing as t

from .model import Change, Finding, Json, Result


def to_output(result: Result, *, fail_on: str, diff: bool) -> Json:
    """What a module returns, in process and as an ordinary module alike.

    Args:
        result: what happened.
        fail_on: `error`, `warning` or `never`.
        diff: whether the user asked for a diff.
    """
    output: Json = {
        **result.facts,
        "changed": bool(result.changes),
        "findings": [{**f.public(), "resolved": result.resolves(f)} for f in result.findings],
        "changes": [c.public() for c in result.changes],
        "checks": dict(result.checks),
        "cluster": {"server": result.identity.server, "uid": result.identity.uid} if result.identity else {},
        "plan_digest": result.digest,
    }
    if diff:
        output["diff"] = [_diff(change) for change in result.changes]
    failing = result.failed_by(fail_on)
    if failing or result.broken:
        output["failed"] = True
        output["msg"] = message(failing)
    return output


def message(findings: t.Sequence[Finding]) -> str:
    """All findings that failed a task, in one text: what, where, why and what to do."""
    return "\n".join(_sentence(f) for f in findings)


def _sentence(finding: Finding) -> str:
    where = f"{finding.subject}: " if finding.subject not in finding.message else ""
    what_to_do = f" What to do: {finding.remedy}" if finding.remedy else ""
    return f"{finding.code}: {where}{finding.message}{what_to_do}"


def _diff(change: Change) -> Json:
    return {
        "before_header": str(change.object),
        "after_header": str(change.object),
        "before": _text(change.before),
        "after": _text(change.after),
    }


def _text(value: t.Any) -> str:
    return "" if value is None else json.dumps(value, indent=2, sort_keys=True, default=str) + "\n"


def summary(name: str, outputs: t.Sequence[t.Mapping[str, t.Any]], check_mode: bool = False) -> list[str]:
    """What several modules said about one cluster, as lines for a terminal: worst first, then what changed or would change."""
    done = "would" if check_mode else "changed"
    findings = [f for o in outputs for f in o.get("findings") or []]
    changes = [c for o in outputs for c in o.get("changes") or []]
    checks = {topic: state for o in outputs for topic, state in (o.get("checks") or {}).items()}
    lines = [f"{name}: " + ("  ".join(f"{topic}={state}" for topic, state in checks.items()) or "nothing was checked")]
    seen: set[str] = set()
    for severity in ("error", "warning", "info"):
        for f in (f for f in findings if f["severity"] == severity):
            subject = f" {f['subject']}:" if f["subject"] else ""
            line = f"  {severity:<7} {f['code']}{subject} {f['message']}"
            if line not in seen:
                seen.add(line)
                lines.append(line)
                lines += [f"          do: {f['remedy']}"] if f["remedy"] and severity != "info" else []
    for c in changes:
        where = "/".join(part for part in (c["object"]["kind"], c["object"]["namespace"], c["object"]["name"]) if part)
        lines.append(f"  {done:<7} {c['verb']} {where}: {c['reason']}")
    if not findings and not changes:
        lines.append("  nothing to say and nothing to do")
    return lines
