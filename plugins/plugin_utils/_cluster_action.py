"""Runs a topic inside the controller's worker process, where a task costs milliseconds instead of a Python start.

The ordinary module does the same work elsewhere: on a target, asynchronously, as another user, or where the controller
lacks the Kubernetes client. Both go through `_kube.module.execute` and return the same.
"""

from __future__ import annotations

import os
import time
import typing as t
from collections import ChainMap
from contextlib import contextmanager

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible.module_utils.errors import UnsupportedError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible.utils.vars import merge_hash
from ansible_collections.azureml.kubernetes.plugins.module_utils._core import codes
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.model import Finding, Identity, Json
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.output import message
from ansible_collections.azureml.kubernetes.plugins.module_utils._core.topic import Topic
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import _imports as lib
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube import auth
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.engine import Context
from ansible_collections.azureml.kubernetes.plugins.module_utils._kube.module import (
    CONTROLLER,
    argument_spec,
    duplicate,
    execute,
)
from ansible_collections.azureml.kubernetes.plugins.plugin_utils import _records, _run_state, _spelling

display = Display()
QUIET_SECONDS = 2.0
# Set by the playbooks: every topic is heard before `verdict` fails a host.
COLLECT = "__azureml_collect"


class ClusterAction(ActionBase):  # type: ignore[misc]
    """The action plugin of every module; a generated file per module names the topic."""

    topic: Topic
    _supports_async = True
    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: Json | None = None) -> Json:
        """See ActionBase.run."""
        variables = task_vars or {}
        result: Json = super().run(tmp, variables)
        _spelling.warn_once(variables, display.warning)
        secrets: set[str] = set()
        try:
            host, of_cluster = self._cluster(variables)
            args = self._arguments(of_cluster)
            if self._variable(variables, COLLECT, False):
                args["fail_on"] = "never"
            secrets = _secrets(argument_spec(self.topic), args) | self.topic.secrets(args)
            output = self._work(args, of_cluster, variables, host, secrets)
            self._record(output, of_cluster, host)
        except AnsibleError as error:
            output = {"failed": True, "msg": f"{self.topic.module}: {error}"}
        return t.cast(Json, merge_hash(result, remove_values(output, secrets)))

    def _work(self, args: Json, of_cluster: t.Mapping[str, t.Any], variables: Json, host: str, secrets: set[str]) -> Json:
        where, why = self._where(args, variables)
        display.vv(f"{self.topic.module} runs {where}: {why}", host=host)
        refusal = self._which_cluster(args, of_cluster, host) if _connects(self.topic, args) else None
        if refusal:
            return _failed(self.topic, refusal)
        if where == "as a module":
            return self._as_module(args, variables, host)
        return self._in_process(args, variables, host, secrets)

    # What the user said

    def _cluster(self, variables: Json) -> tuple[str, t.Mapping[str, t.Any]]:
        """The inventory host that is the cluster, and its variables: for a host that is a Node, those of its `azureml_cluster`.

        Raises:
            AnsibleError: azureml_cluster is no host of the inventory.
        """
        host = str(variables.get("inventory_hostname", ""))
        cluster = str(self._variable(variables, "azureml_cluster") or host)
        if cluster == host:
            return host, variables
        hostvars = variables.get("hostvars") or {}
        if cluster not in hostvars:
            raise AnsibleError(f"azureml_cluster of {host} is {cluster!r}, which is no host of the inventory")
        return cluster, hostvars[cluster]

    def _arguments(self, variables: t.Mapping[str, t.Any]) -> Json:
        """The task's arguments as plain types, completed by `azureml_<option>` variables of the host."""
        args: Json = plain(dict(self._task.args))
        spec = argument_spec(self.topic)
        auth_given = any(name in lib.AUTH_ARG_SPEC or _is_alias(name) for name in args)
        for name in spec:
            variable = f"azureml_{name}"
            given = any(known in args for known in (name, *spec[name].get("aliases", ())))
            if given or variable not in variables or (auth_given and name in lib.AUTH_ARG_SPEC):
                continue
            value = plain(self._templar.template(variables[variable]))
            if value not in (None, ""):
                args[name] = value
        kubeconfig = args.get("kubeconfig")
        if isinstance(kubeconfig, str) and os.pathsep not in kubeconfig and not kubeconfig.startswith(("~", "/")):
            # As the user typed it, else beside the playbook.
            args["kubeconfig"] = os.path.abspath(kubeconfig) if os.path.exists(kubeconfig) else self._loader.path_dwim(kubeconfig)
        return args

    def _variable(self, variables: t.Mapping[str, t.Any], name: str, default: t.Any = None) -> t.Any:
        return plain(self._templar.template(variables[name])) if name in variables else default

    def _where(self, args: Json, variables: Json) -> tuple[str, str]:
        """Where the work is done, and why.

        Raises:
            AnsibleError: azureml_run_on is neither controller nor target, or contradicts delegate_to.
        """
        if not lib.AUTH_ARG_SPEC:
            # No target can help: what a module needs of the collection is packed here.
            raise AnsibleError(lib.missing())
        run_on = self._variable(variables, "azureml_run_on", "controller")
        if run_on not in ("controller", "target"):
            raise AnsibleError(f"azureml_run_on is {run_on!r}; it can be controller or target")
        delegate = self._task.delegate_to
        if run_on == "target":
            return "as a module", "azureml_run_on is target"
        if delegate and delegate not in C.LOCALHOST:
            raise AnsibleError(
                f"delegate_to is {delegate}, but the task runs in the controller's process;"
                f" set azureml_run_on: target to run it on {delegate}"
            )
        if self._task.async_val:
            return "as a module", "the task is asynchronous"
        if self._task.become and getattr(self._connection, "transport", "") == "local":
            return "as a module", f"become to {self._task.become_user or 'root'} on a local connection"
        if lib.missing():
            return "as a module", lib.missing()
        return "in process", "nothing asks for anything else"

    # Which cluster

    def _which_cluster(self, args: Json, variables: t.Mapping[str, t.Any], host: str) -> Finding | None:
        """Refuses a credential that was not meant for this host; on localhost fills in the default kubeconfig."""
        environ = ChainMap(self._environment(), os.environ)
        if auth.explicit(args) or any(_is_alias(name) for name in args):
            if host in C.LOCALHOST and not any(args.get(name) for name in ("kubeconfig", "host")):
                args["kubeconfig"] = _default_kubeconfig(environ)
            return None
        given = auth.from_environment(environ)
        if given:
            others = [h for h in variables.get("ansible_play_hosts_all") or [] if h != host]
            if not others or self._variable(variables, "azureml_allow_shared_credential", False) is True:
                return None
            message = f"The environment's K8S_AUTH_* would be used for {host} and {len(others)} more hosts of this play."
            return codes.SHARED_CREDENTIAL.finding(message, host)
        if host in C.LOCALHOST:
            args["kubeconfig"] = _default_kubeconfig(environ)
            return None
        return codes.AUTH_MISSING.finding(
            f"Host {host} has no authentication: neither the task nor a variable of the host gives one.", host
        )

    def _environment(self) -> dict[str, str]:
        """The task's `environment:`, which Ansible itself applies to modules only."""
        merged: dict[str, str] = {}
        environments = self._task.environment
        for item in environments if isinstance(environments, list) else [environments]:
            content = self._templar.template(item) if item else {}
            merged.update({str(k): str(v) for k, v in plain(content).items() if v is not None})
        return merged

    # Doing it

    def _as_module(self, args: Json, variables: Json, host: str) -> Json:
        wrap_async = self._task.async_val and not self._connection.has_native_async
        name = f"azureml.kubernetes.{self.topic.module}"
        # A module cannot ask the other workers: it is told what is known when it starts.
        told = {"host": host, "any_context": host in C.LOCALHOST, "claimed": _run_state.claimed_by_others(_peers(variables))}
        output: Json = self._execute_module(
            module_name=name, module_args={**args, CONTROLLER: told}, task_vars=variables, wrap_async=wrap_async
        )
        if not wrap_async:
            self._remove_tmp_path(self._connection._shell.tmpdir)
        identity = output.get("cluster") or {}
        if identity.get("server"):
            _run_state.claim(host, Identity(identity["server"], identity["uid"]).key)
        return output

    def _in_process(self, args: Json, variables: Json, host: str, secrets: set[str]) -> Json:
        spec = argument_spec(self.topic)
        warnings: list[str] = []
        validation = ArgumentSpecValidator(spec, **self.topic.rules).validate(args)
        if validation.error_messages:
            output: Json = {"failed": True, "msg": _validation_message(self.topic, validation)}
        else:
            with _applied(self._environment()):
                context = self._context(variables, host, secrets, warnings)
                output = execute(self.topic, validation.validated_parameters, context, diff=bool(self._task.diff))
        warnings += [f"Both option {w['option']} and its alias {w['alias']} are set." for w in getattr(validation, "_warnings", [])]
        if warnings:
            output["warnings"] = warnings
        deprecations = getattr(validation, "_deprecations", [])
        if deprecations:
            output["deprecations"] = [
                {k: d[k] for k in ("msg", "version", "date", "collection_name") if k in d} for d in deprecations
            ]
        if _shows_invocation(variables):
            output["invocation"] = {"module_args": _censored(spec, validation.validated_parameters)}
        return output

    def _context(self, variables: Json, host: str, secrets: set[str], warnings: list[str]) -> Context:
        started = time.monotonic()
        peers = _peers(variables)

        def progress(text: str) -> None:
            elapsed = time.monotonic() - started
            if elapsed > QUIET_SECONDS or display.verbosity > 0:
                display.display(f"  {host} [{elapsed:5.1f}s] {remove_values(text, secrets)}")

        def claim(identity: Identity) -> t.Sequence[Finding]:
            return duplicate(identity, host, [other for other in _run_state.claim(host, identity.key) if other in peers])

        return Context(
            check_mode=bool(self._task.check_mode),
            environ=os.environ,
            warn=warnings.append,
            progress=progress,
            debug=lambda text: display.vvv(str(remove_values(text, secrets)), host=host),
            claim=claim,
            any_context=host in C.LOCALHOST,
            tokens=_run_state.tokens(),
        )

    def _record(self, output: Json, variables: t.Mapping[str, t.Any], host: str) -> None:
        directory = self._variable(variables, "azureml_report_dir")
        if directory and not output.get("ansible_job_id"):
            folder = os.path.abspath(os.path.expanduser(str(directory)))
            try:
                _records.append(folder, host, self.topic.module, output, check_mode=bool(self._task.check_mode))
            except OSError as error:
                why = f"The record of {host} cannot be written to {folder}: {error.strerror or error}."
                said = f"{why} Set azureml_report_dir to a folder that can be written."
                output.update(failed=True, msg="\n".join(text for text in (output.get("msg"), said) if text))


def plain(value: t.Any) -> t.Any:
    """A copy in Python's own types: ansible-core's tagged strings and lazy containers do not survive every library."""
    if isinstance(value, t.Mapping):
        return {plain(k): plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(v) for v in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int.__int__(value)
    if isinstance(value, float):
        return float.__float__(value)
    return str(value)


def _connects(topic: Topic, args: Json) -> bool:
    """Whether the task looks at a cluster, of arguments that nobody has validated yet."""
    asked = args.get(topic.connect_option)
    return not topic.connect_option or (isinstance(asked, (bool, int, str)) and boolean(asked, strict=False))


def _peers(variables: Json) -> set[str]:
    """The other hosts of the play: only among them are two names of one cluster a mistake."""
    return set(variables.get("ansible_play_hosts_all") or ()) - {variables.get("inventory_hostname")}


def _default_kubeconfig(environ: t.Mapping[str, str]) -> str:
    return environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")


def _is_alias(name: str) -> bool:
    return any(name in option.get("aliases", ()) for option in lib.AUTH_ARG_SPEC.values())


@contextmanager
def _applied(environment: t.Mapping[str, str]) -> t.Iterator[None]:
    """The environment while a task runs: credential plugins and libraries look at it."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def _secrets(spec: Json, args: Json) -> set[str]:
    """Every value that must not be seen, known before anything is validated or printed."""
    found = auth.secrets_of(args)
    for name, option in spec.items():
        for given in (name, *option.get("aliases", ())):
            value = args.get(given)
            if option.get("no_log") and value is not None:
                found |= _leaves(value)
            elif isinstance(value, dict) and option.get("options"):
                found |= _secrets(option["options"], value)
            elif isinstance(value, list) and option.get("options"):
                found |= {s for item in value if isinstance(item, dict) for s in _secrets(option["options"], item)}
    return found


def _leaves(value: t.Any) -> set[str]:
    if isinstance(value, dict):
        return {s for v in value.values() for s in _leaves(v)}
    if isinstance(value, list):
        return {s for v in value for s in _leaves(v)}
    return {str(value)} if value not in ("", None) else set()


def _censored(spec: Json, params: t.Mapping[str, t.Any]) -> Json:
    hidden = {name for name, value in params.items() if spec.get(name, {}).get("no_log") and value is not None}
    return {name: auth.HIDDEN if name in hidden else auth.public(name, value) for name, value in params.items()}


def _shows_invocation(variables: Json) -> bool:
    """Up to ansible-core 2.20 every result shows how its module was called, from 2.21 on where that is asked for."""
    if not hasattr(C, "INJECT_INVOCATION"):
        return True
    return bool(C.config.get_config_value("INJECT_INVOCATION", variables=variables))


def _validation_message(topic: Topic, validation: t.Any) -> str:
    """All problems at once, in the words that a module uses."""
    prefix = f"Unsupported parameters for (azureml.kubernetes.{topic.module}) module: "
    return "; ".join((prefix if isinstance(e, UnsupportedError) else "") + e.msg for e in validation.errors.errors)


def _failed(topic: Topic, finding: Finding) -> Json:
    return {
        "failed": True,
        "changed": False,
        "msg": message([finding]),
        "findings": [finding.public()],
        "changes": [],
        "checks": {topic.name: "not_run"},
        "cluster": {},
        "plan_digest": "",
    }
