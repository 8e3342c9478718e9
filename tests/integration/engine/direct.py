"""Runs the engine in this process, with small topics of the tests' own."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Change, Finding, ObjectRef, Plan, Result, Write
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.snapshot import Read, Snapshot, object_path
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.engine import Context, run
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import argument_spec

_REVIEW = Read(
    object_path("authentication.k8s.io/v1", "selfsubjectreviews"),
    body=json.dumps({"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}),
)
_MAP = Read(object_path("v1", "configmaps", "engine-test", "default"))
_REF = ObjectRef("ConfigMap", "engine-test", "default")


def _who(_request: object, snapshot: Snapshot) -> Plan:
    return Plan(facts=dict(snapshot[_REVIEW].body.get("status", {}).get("userInfo", {})), checks={"who": "ok"})


def _wanted(request: Mapping[str, Any], snapshot: Snapshot) -> Plan:
    """The ConfigMap holds the text; without a text it is absent."""
    answer, text = snapshot[_MAP], request["text"]
    list_path = object_path("v1", "configmaps", namespace="default")
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "engine-test"}, "data": {"text": text}}
    change: Change | None = None
    if not text and answer.found:
        change = Change("delete", _REF, "not wanted", write=Write("delete", _MAP.path))
    elif text and not answer.found:
        change = Change("create", _REF, "missing", write=Write("create", list_path, body))
    elif text and answer.body["data"]["text"] != text:
        patch = [{"op": "replace", "path": "/data/text", "value": text}]
        change = Change("update", _REF, "differs", write=Write("json_patch", _MAP.path, patch))
    return Plan((change,) if change else (), checks={"text": "ok"})


WHO = Topic("who", "who", {}, lambda params: params, lambda _request, _snapshot: [_REVIEW], _who)
TEXT = Topic(
    "text", "text", {"text": {"type": "str", "default": "x"}}, lambda params: params, lambda _request, _snapshot: [_MAP], _wanted
)


def do(topic: Topic, params: Mapping[str, Any], *, environ: Mapping[str, str] | None = None, **context: Any) -> Result:
    """Run a topic with validated parameters and, unless given, an empty environment."""
    validation = ArgumentSpecValidator(argument_spec(topic)).validate({**params})
    assert not validation.error_messages, validation.error_messages
    return run(topic, validation.validated_parameters, Context(environ=environ or {}, **context))


def who(params: Mapping[str, Any], **context: Any) -> tuple[str, Sequence[str]]:
    """User name and groups as which the API server sees us."""
    result = do(WHO, params, **context)
    assert not result.broken, result.findings
    return result.facts["username"], result.facts["groups"]


def refusal(params: Mapping[str, Any], *, topic: Topic = TEXT, **context: Any) -> Finding:
    """The one error that stopped a writing task, which says what to do and changed nothing."""
    result = do(topic, params, **context)
    errors = [finding for finding in result.findings if finding.severity == "error"]
    assert len(errors) == 1, result
    assert errors[0].remedy
    assert result.changes == ()
    assert set(result.checks.values()) <= {"unknown", "not_run", "ok"}
    return errors[0]
