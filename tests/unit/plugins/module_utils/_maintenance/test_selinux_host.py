"""What is left to do on a Linux host, from what its files and commands said."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.azureml.kubernetes.plugins.filter.selinux_host import FilterModule
from ansible_collections.azureml.kubernetes.plugins.module_utils._maintenance.kernel_arguments import (
    Unparsable,
    grub_arguments,
    grub_entries,
    grub_lines,
    grubby_command,
    grubby_kernels,
    wanted,
)
from hypothesis import given
from hypothesis import strategies as st

pytestmark = pytest.mark.selinux

selinux_left = FilterModule().filters()["selinux_left"]
BOOT_ID, CMDLINE, CONFIG = "/proc/sys/kernel/random/boot_id", "/proc/cmdline", "/etc/selinux/config"
GRUB, MENU, RELABEL, ENFORCE = "/etc/default/grub", "/boot/grub/grub.cfg", "/.autorelabel", "/sys/fs/selinux/enforce"
ENFORCING = {
    BOOT_ID: "11111111-1111-4111-8111-111111111111\n",
    CMDLINE: "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro security=selinux\n",
    CONFIG: "# comment\nSELINUX=enforcing\nSELINUXTYPE=default\n",
    GRUB: 'GRUB_TIMEOUT=0\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="security=selinux"\n',
}
DISABLED = {
    **ENFORCING,
    CMDLINE: "BOOT_IMAGE=/vmlinuz root=/dev/vda1 ro security=selinux selinux=0\n",
    CONFIG: "SELINUX=disabled\nSELINUXTYPE=default\n",
    GRUB: 'GRUB_CMDLINE_LINUX="security=selinux selinux=0"\n',
}
NO_GRUBBY = {"rc": 127, "stdout": "", "stderr": "sh: 5: grubby: not found\n"}


def read(files: dict[str, str], getenforce: str = "", grubby: dict[str, t.Any] = NO_GRUBBY) -> dict[str, t.Any]:
    """A host as the role reads it."""
    shown = "\n".join(f"==> {path} <==\n{content}" for path, content in files.items())
    said = f"\n==> getenforce <==\n{getenforce}\n==> grubby <==\n{grubby['stdout']}"
    return {"rc": grubby["rc"], "stdout": shown + said, "stderr": grubby["stderr"]}


def kernels(*arguments: str) -> dict[str, t.Any]:
    lines = [f'index={n}\nkernel="/boot/vmlinuz-{n}"\nargs="{words}"\nroot="UUID=x"' for n, words in enumerate(arguments)]
    return {"rc": 0, "stdout": "\n".join(lines), "stderr": ""}


def menu(words: str) -> str:
    entry = f"menuentry 'Linux' {{\n\tlinux\t/boot/vmlinuz root=/dev/vda1 ro {words}\n\tinitrd\t/boot/initrd\n}}\n"
    other = "### BEGIN /etc/grub.d/20_memtest ###\n\tlinux16\t/boot/memtest\n### END /etc/grub.d/20_memtest ###\n"
    return f"### BEGIN /etc/grub.d/10_linux ###\n{entry}### END /etc/grub.d/10_linux ###\n{other}"


def test_disabling_an_enforcing_host() -> None:
    left = selinux_left(read(ENFORCING, "Enforcing"), "disabled")
    assert left["config"] == "disabled" and left["policy"] == "default" and left["reboot"] and left["menu"] and not left["relabel"]
    assert left["lines"] == [{"name": "GRUB_CMDLINE_LINUX", "line": 'GRUB_CMDLINE_LINUX="security=selinux selinux=0"'}]
    assert left["grubby"] == [] and left["problems"] == [] and not left["done"] and left["mode"] == "enforcing"
    assert left["left"] == [
        "getenforce says Enforcing instead of Disabled.",
        "/etc/selinux/config has SELINUX=enforcing instead of disabled.",
        "The next boot is without the kernel argument selinux=0.",
        "/proc/cmdline is without selinux=0.",
    ]


def test_a_host_as_wanted_has_nothing_left() -> None:
    left = selinux_left(read(DISABLED, "Disabled"), "disabled")
    assert left["done"] and not left["reboot"] and not left["config"] and not left["lines"] and not left["menu"]
    assert left["boot_id"] == "11111111-1111-4111-8111-111111111111" and left["problems"] == []
    for state in ("permissive", "enforcing"):
        files = {**ENFORCING, CONFIG: f"SELINUX={state}\n"}
        assert selinux_left(read(files, state.capitalize()), state)["done"]


def test_before_and_after_the_reboot() -> None:
    files = {**DISABLED, CMDLINE: ENFORCING[CMDLINE]}
    left = selinux_left(read(files, "Permissive"), "disabled")
    assert left["reboot"] and not left["config"] and not left["lines"], "an interrupted run goes on with the reboot"
    left = selinux_left(read(files, "Disabled"), "disabled")
    assert left["left"] == ["/proc/cmdline is without selinux=0."] and left["reboot"]
    left = selinux_left(read(DISABLED, "Enforcing"), "disabled")
    assert left["left"] == ["getenforce says Enforcing instead of Disabled."], "a kernel that does not obey is not called done"


@pytest.mark.parametrize(("words", "booted"), [("selinux=1 selinux=0", True), ("selinux=0 selinux=1", False)])
def test_the_last_kernel_argument_counts(words: str, booted: bool) -> None:
    left = selinux_left(read({**DISABLED, CMDLINE: words}, "Disabled"), "disabled")
    assert left["done"] is booted


def test_grubby_where_there_is_grubby() -> None:
    left = selinux_left(read(ENFORCING, "Enforcing", kernels("ro selinux=1", "ro")), "disabled")
    assert left["grubby"] == ["grubby", "--update-kernel=ALL", "--remove-args=selinux=1", "--args=selinux=0"]
    assert left["lines"] == [] and not left["menu"]
    left = selinux_left(read({**DISABLED, GRUB: ""}, "Disabled", kernels("ro selinux=0")), "disabled")
    assert left["done"] and left["grubby"] == []
    left = selinux_left(read(DISABLED, "Disabled", {"rc": 1, "stdout": "", "stderr": "no config\n"}), "disabled")
    assert left["problems"] == ["grubby --info=ALL fails (no config); mend the boot loader's entries first."]


def test_a_menu_that_was_not_written_is_written_by_the_next_run() -> None:
    left = selinux_left(read({**DISABLED, MENU: menu("security=selinux")}, "Disabled"), "disabled")
    assert left["menu"] and not left["lines"] and not left["reboot"]
    assert left["left"] == ["The next boot is without the kernel argument selinux=0."]
    assert selinux_left(read({**DISABLED, MENU: menu("selinux=0")}, "Disabled"), "disabled")["done"]


def test_the_way_back_goes_through_permissive_and_labels() -> None:
    left = selinux_left(read(DISABLED, "Disabled"), "enforcing")
    assert left["config"] == "permissive" and left["reboot"] and left["relabel"] and left["menu"]
    assert left["lines"] == [{"name": "GRUB_CMDLINE_LINUX", "line": 'GRUB_CMDLINE_LINUX="security=selinux"'}]
    booted = {**ENFORCING, CONFIG: "SELINUX=permissive\n"}
    left = selinux_left(read(booted, "Permissive"), "enforcing")
    assert left["config"] == "enforcing" and not left["reboot"] and not left["relabel"] and left["problems"] == []
    left = selinux_left(read({**booted, RELABEL: ""}, "Permissive"), "enforcing")
    assert "no boot has labelled the files" in left["problems"][0]
    left = selinux_left(read({**DISABLED, RELABEL: ""}, "Disabled"), "enforcing")
    assert left["reboot"] and not left["relabel"] and left["problems"] == []


def test_permissive_needs_no_reboot_while_selinux_runs() -> None:
    files = {**ENFORCING, GRUB: 'GRUB_CMDLINE_LINUX="enforcing=1"'}
    left = selinux_left(read(files, "Enforcing"), "permissive")
    assert left["config"] == "permissive" and not left["reboot"] and left["menu"]
    assert "The next boot has the kernel argument enforcing=1." in left["left"]
    left = selinux_left(read(DISABLED, "Disabled"), "permissive")
    assert left["config"] == "permissive" and left["reboot"] and left["relabel"]


def test_a_host_without_selinux() -> None:
    files = {BOOT_ID: ENFORCING[BOOT_ID], CMDLINE: "ro", GRUB: ""}
    left = selinux_left(read(files), "disabled")
    assert left["done"] and left["problems"] == [] and left["mode"] == "disabled"
    assert "not installed" in selinux_left(read(files), "enforcing")["problems"][0]


@pytest.mark.parametrize(("content", "mode"), [("1", "enforcing"), ("0\n", "permissive"), ("", "disabled")])
def test_without_getenforce_the_kernel_is_asked(content: str, mode: str) -> None:
    assert selinux_left(read({**ENFORCING, ENFORCE: content}), "disabled")["mode"] == mode


def test_what_cannot_be_done_is_told_before_anything_is_drained() -> None:
    assert "over ssh" in selinux_left(read(ENFORCING, "Enforcing"), "disabled", "local")["problems"][0]
    assert selinux_left(read(DISABLED, "Disabled"), "disabled", "local")["problems"] == []
    without = {path: content for path, content in ENFORCING.items() if path != GRUB}
    assert "Give the boot loader of this host selinux=0" in selinux_left(read(without, "Enforcing"), "disabled")["problems"][0]
    by_hand = {**without, CMDLINE: "ro selinux=0", CONFIG: DISABLED[CONFIG]}
    assert selinux_left(read(by_hand, "Disabled"), "disabled")["done"]
    assert "no selinux=0 by hand" in selinux_left(read(by_hand, "Disabled"), "enforcing")["problems"][0]
    shell = {**ENFORCING, GRUB: 'GRUB_CMDLINE_LINUX="$(cat /x)"'}
    assert "is no plain text" in selinux_left(read(shell, "Enforcing"), "disabled")["problems"][0]
    denied = read(ENFORCING, "Enforcing")
    denied["stderr"] = (
        f"tail: cannot open '{CONFIG}' for reading: Permission denied\ntail: cannot open '/x' for reading: No such file"
    )
    assert selinux_left(denied, "disabled")["problems"] == [
        f"{CONFIG} cannot be read; become root on this host (ansible_become: true)."
    ]
    assert "is no Linux host" in selinux_left(read({CONFIG: ""}, "Enforcing"), "disabled")["problems"][0]
    with pytest.raises(AnsibleFilterError, match="state is 'off'"):
        selinux_left(read(ENFORCING, "Enforcing"), "off")


@pytest.mark.parametrize(
    ("defaults", "after"),
    [
        ("", 'GRUB_CMDLINE_LINUX="selinux=0"'),
        ("GRUB_CMDLINE_LINUX=", 'GRUB_CMDLINE_LINUX="selinux=0"'),
        ("GRUB_CMDLINE_LINUX=quiet", 'GRUB_CMDLINE_LINUX="quiet selinux=0"'),
        ("GRUB_CMDLINE_LINUX='a b' # why", 'GRUB_CMDLINE_LINUX="a b selinux=0"'),
        ('GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="b"', 'GRUB_CMDLINE_LINUX="b selinux=0"'),
        ('# GRUB_CMDLINE_LINUX="x"\n  GRUB_CMDLINE_LINUX="selinux=1 a"', 'GRUB_CMDLINE_LINUX="a selinux=0"'),
    ],
)
def test_the_line_in_grubs_defaults(defaults: str, after: str) -> None:
    assert [line["line"] for line in grub_lines(defaults, "disabled")] == [after]


def test_both_variables_of_grub_count() -> None:
    defaults = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet selinux=1"\nGRUB_CMDLINE_LINUX="ro"'
    assert grub_lines(defaults, "disabled") == (
        {"name": "GRUB_CMDLINE_LINUX", "line": 'GRUB_CMDLINE_LINUX="ro selinux=0"'},
        {"name": "GRUB_CMDLINE_LINUX_DEFAULT", "line": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"'},
    )
    assert grub_lines('GRUB_CMDLINE_LINUX_DEFAULT="selinux=0"', "disabled") == ()


@pytest.mark.parametrize("line", ['="$A"', '="a\\', "=`date`", '+="x"', '="a" "b"', "='a"])
def test_a_line_that_is_more_than_a_text_is_left_alone(line: str) -> None:
    with pytest.raises(Unparsable):
        grub_lines(f"GRUB_CMDLINE_LINUX{line}", "disabled")
    assert grub_arguments(f"GRUB_CMDLINE_LINUX{line}") == ()


_OF_SELINUX = ("selinux=0", "selinux=1", "enforcing=0", "enforcing=1")
_OF_OTHERS = ("ro", "quiet", "console=ttyS0")
_WORDS = st.lists(st.sampled_from(_OF_SELINUX + _OF_OTHERS), max_size=6)
_STATES = st.sampled_from(["disabled", "permissive", "enforcing"])


@given(_WORDS, _WORDS, _STATES)
def test_setting_grubs_defaults_is_idempotent_and_keeps_the_rest(first: list[str], second: list[str], state: str) -> None:
    defaults = f'GRUB_CMDLINE_LINUX="{" ".join(first)}"\nGRUB_CMDLINE_LINUX_DEFAULT="{" ".join(second)}"\n'
    after = {line["name"]: line["line"] for line in grub_lines(defaults, state)}
    text = "\n".join(after.get(line.split("=")[0], line) for line in defaults.splitlines())
    assert grub_lines(text, state) == ()
    assert wanted(grub_arguments(text), state) == grub_arguments(text)
    kept = [word for word in first + second if word in _OF_OTHERS]
    assert [word for word in grub_arguments(text) if word in _OF_OTHERS] == kept


@given(st.lists(_WORDS, max_size=3), _STATES)
def test_grubby_brings_every_kernel_to_what_is_wanted(words: list[list[str]], state: str) -> None:
    before = grubby_kernels(kernels(*(" ".join(arguments) for arguments in words))["stdout"])
    assert before == tuple(tuple(arguments) for arguments in words)
    command = grubby_command(before, state)
    options = dict(option.split("=", 1) for option in command[2:])
    removed, added = options.get("--remove-args", "").split(), options.get("--args", "").split()
    after = [[word for word in arguments if word not in removed] for arguments in words]
    after = [[*arguments, *(word for word in added if word not in arguments)] for arguments in after]
    assert all(tuple(arguments) == wanted(tuple(arguments), state) for arguments in after)
    assert bool(command) is any(wanted(arguments, state) != arguments for arguments in before)


@given(st.text())
def test_odd_files_do_not_break_it(content: str) -> None:
    grub_entries(content)
    grubby_kernels(content)
    files = {BOOT_ID: "x", CMDLINE: content, CONFIG: content, GRUB: content, MENU: content, ENFORCE: content}
    selinux_left(read(files, "Enforcing", {"rc": 0, "stdout": content, "stderr": content}), "disabled")
    selinux_left(read(files), "enforcing")
