"""A topic as an ordinary Ansible module: where the task cannot run inside the controller's process."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Identity, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import to_output
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth, engine, oauth

COMMON_OPTIONS: Json = {
    "fail_on": {"type": "str", "choices": ["error", "warning", "never"], "default": "error"},
    "accept": {"type": "list", "elements": "str", "default": []},
    "expected_cluster_uid": {"type": "str"},
    "request_timeout": {"type": "int", "default": 30},
    "deadline": {"type": "int", "default": 300},
}

CONTROLLER = "_controller"


class _Module(AnsibleModule):  # type: ignore[misc]
    """Knows the secrets inside a kubeconfig before anything is validated, logged or printed.

    `told` is what only the controller knows, said by the action plugin beside the options of the user.
    """

    told: Json

    def __init__(self, topic: Topic) -> None:
        self.topic = topic
        super().__init__(argument_spec=argument_spec(topic), supports_check_mode=True, **topic.rules)

    def _load_params(self) -> None:
        super()._load_params()
        self.told = self.params.pop(CONTROLLER, None) or {}
        self.no_log_values.update(auth.secrets_of(self.params), self.topic.secrets(self.params))

    def _return_formatted(self, kwargs: Json) -> None:
        # Also where the validation in the constructor fails.
        kwargs.setdefault("invocation", {"module_args": {name: auth.public(name, value) for name, value in self.params.items()}})
        super()._return_formatted(kwargs)


def argument_spec(topic: Topic) -> Json:
    """All options of a module: its own, the common ones and authentication."""
    return {**auth.auth_spec(), **COMMON_OPTIONS, **topic.options}


def run_module(topic: Topic) -> None:
    """`main()` of every module."""
    module = _Module(topic)
    if lib.missing():
        module.fail_json(msg=f"{topic.module}: {lib.missing()}")
    told = module.told
    context = engine.Context(
        check_mode=module.check_mode,
        warn=module.warn,
        debug=module.debug,
        claim=lambda identity: duplicate(identity, told.get("host", ""), told.get("claimed", {}).get(identity.key, ())),
        any_context=told.get("any_context", False),
    )
    output = execute(topic, module.params, context, diff=module._diff)
    if output.pop("failed", False):
        module.fail_json(**output)
    module.exit_json(**output)


def duplicate(identity: Identity, host: str, others: t.Sequence[str]) -> tuple[Finding, ...]:
    """What speaks against writing when other hosts of the play are the same cluster."""
    if not others:
        return ()
    return (codes.DUPLICATE_CLUSTER.finding(f"{identity} is {host} and also {', '.join(others)}.", identity.server),)


def execute(topic: Topic, params: t.Mapping[str, t.Any], ctx: engine.Context, *, diff: bool) -> Json:
    """Run a topic and give what its module returns; tokens of this task alone are revoked."""
    try:
        result = engine.run(topic, params, ctx)
    finally:
        if isinstance(ctx.tokens, oauth.TaskTokens):
            for problem in ctx.tokens.revoke_all():
                ctx.warn(problem)
    return to_output(result, fail_on=params["fail_on"], diff=diff)
