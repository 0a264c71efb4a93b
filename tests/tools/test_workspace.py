"""The isolation of what `make up` starts, and how it deals with leftovers."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tools.steps import StepError
from tools.workspace import Workspace, masked

Program = Callable[[Path, str], Path]

SANDBOX: dict[str, Any] = {
    "variables": {
        "AWS_ACCESS_KEY_ID": "AKIASANDBOX",
        "AWS_REGION": "eu-west-1",
        "HTTPS_PROXY": "http://127.0.0.1:1",
        "NO_PROXY": "127.0.0.1,localhost",
    },
    "unset": ["AWS_*", "https_proxy", "HTTP_PROXY", "SSL_CERT_DIR"],
}
USER = {
    "AWS_PROFILE": "production",
    "AWS_SESSION_TOKEN": "user's",
    "AWS_ACCESS_KEY_ID": "user's",
    "https_proxy": "http://proxy.example:3128",
    "SSL_CERT_DIR": "/etc/ssl",
    "PULUMI_ACCESS_TOKEN": "user's",
    "PULUMI_STACK": "production",
    "PULUMI_CONFIG_PASSPHRASE": "user's",
    "PYTHONHOME": "/somewhere",
    "PYTHONPATH": "/somewhere",
    "VIRTUAL_ENV": "/somewhere",
}


def start_sandbox(workspace: Workspace, key: str = "AKIASANDBOX") -> None:
    environment = {**SANDBOX, "variables": {**SANDBOX["variables"], "AWS_ACCESS_KEY_ID": key}}
    workspace.sandbox.mkdir(parents=True, exist_ok=True)
    (workspace.sandbox / "environment.json").write_text(json.dumps(environment))


@pytest.fixture
def workspace(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    for name, value in USER.items():
        monkeypatch.setenv(name, value)
    workspace = Workspace.of(checkout)
    start_sandbox(workspace)
    return workspace


def fake_pulumi(workspace: Workspace, program: Program, script: str) -> Path:
    notes = workspace.local / "pulumi-calls"
    program(workspace.checkout / ".tools" / "bin" / "pulumi", f'echo "$*" >> "{notes}"\n{script}')
    return notes


def test_the_format_is_noted_where_nothing_is_kept(checkout: Path) -> None:
    workspace = Workspace.of(checkout)
    (workspace.local / "pulumi-home").mkdir(parents=True)  # as `make down` leaves it
    workspace.require_format()
    (workspace.local / "state").mkdir()
    workspace.require_format()
    (workspace.local / "format").unlink()
    with pytest.raises(StepError, match="make clean"):
        workspace.require_format()


def test_masked_drops_names_and_prefixes() -> None:
    environ = {"AWS_PROFILE": "x", "AWSX": "x", "https_proxy": "x", "HTTPS_PROXY": "x"}
    assert masked(environ, ["AWS_*", "https_proxy"]) == {"AWSX": "x", "HTTPS_PROXY": "x"}


def test_nothing_of_the_users_aws_and_pulumi_gets_in(workspace: Workspace) -> None:
    environment = workspace.environment()
    assert not [name for name, value in USER.items() if environment.get(name) == value]
    assert {name for name in environment if name.startswith("AWS_")} == {"AWS_ACCESS_KEY_ID", "AWS_REGION"}
    assert environment["AWS_ACCESS_KEY_ID"] == "AKIASANDBOX"
    assert environment["HTTPS_PROXY"] == "http://127.0.0.1:1"


def test_everything_pulumi_writes_lies_in_local(workspace: Workspace) -> None:
    environment = workspace.environment()
    assert environment["PULUMI_HOME"] == str(workspace.local / "pulumi-home")
    assert environment["PULUMI_BACKEND_URL"] == f"file://{workspace.local}/state"
    assert environment["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "1"


def test_our_programs_come_first_on_path_and_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    once = workspace.environment()["PATH"]
    assert once == f"{workspace.checkout}/.venv/bin:{workspace.checkout}/.tools/bin:/usr/bin:/bin"
    monkeypatch.setenv("PATH", once)
    assert workspace.environment()["PATH"] == once


def test_another_project_finds_the_checkouts_packages(workspace: Workspace, tmp_path: Path) -> None:
    assert "PYTHONPATH" not in workspace.environment()
    other = Workspace(workspace.checkout, tmp_path, tmp_path / "local", workspace.sandbox)
    assert other.environment()["PYTHONPATH"] == str(workspace.checkout)


def test_the_exports_make_any_shell_equal(workspace: Workspace) -> None:
    script = "\n".join(workspace.exports()) + "\nexec /usr/bin/env -0"
    printed = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout
    shell = dict(line.partition("=")[::2] for line in printed.split("\0") if line)
    of_the_shell = {"_", "PWD", "OLDPWD", "SHLVL", "COLUMNS", "LINES"}
    expected = {**workspace.environment(), "DOCKER_CONFIG": str(workspace.local / "docker")}
    assert {n: v for n, v in shell.items() if n not in of_the_shell} == {
        n: v for n, v in expected.items() if n not in of_the_shell
    }


def test_without_a_sandbox_the_remedy_is_named(checkout: Path) -> None:
    with pytest.raises(StepError, match="make up"):
        Workspace.of(checkout).environment()


# ---- leftovers of an earlier run


def lock(workspace: Workspace, pid: int, hostname: str) -> None:
    folder = workspace.local / "state" / ".pulumi" / "locks" / "organization" / "packinfra" / "local"
    folder.mkdir(parents=True)
    content = {"pid": pid, "username": "someone", "hostname": hostname, "timestamp": "2025-01-01T00:00:00Z"}
    (folder / "1.json").write_text(json.dumps(content))


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_the_lock_of_a_dead_pulumi_is_released(workspace: Workspace, program: Program) -> None:
    calls = fake_pulumi(workspace, program, "exit 0")
    pid = dead_pid()
    lock(workspace, pid, socket.gethostname())
    stacks = workspace.local / "state/.pulumi/stacks/packinfra"
    stacks.mkdir(parents=True)
    (stacks / "local.json.attrs").touch()
    (stacks / "other.json.attrs").write_text("{}")
    assert str(pid) in (workspace.release_dead_lock() or "")
    assert [path.name for path in stacks.iterdir()] == ["other.json.attrs"], "what the kill left empty is gone"
    assert calls.read_text() == "cancel --yes --stack local --non-interactive\n"


@pytest.mark.parametrize("elsewhere", [True, False], ids=["another machine", "alive"])
def test_the_lock_of_a_working_pulumi_is_respected(workspace: Workspace, program: Program, elsewhere: bool) -> None:
    calls = fake_pulumi(workspace, program, "exit 0")
    lock(workspace, *((dead_pid(), "elsewhere") if elsewhere else (os.getpid(), socket.gethostname())))
    with pytest.raises(StepError, match="another pulumi process uses the stack"):
        workspace.release_dead_lock()
    assert not calls.exists()


def test_no_lock_no_call(workspace: Workspace) -> None:
    assert workspace.release_dead_lock() is None


def state(workspace: Workspace, program: Program, *types: str) -> Path:
    (workspace.local / "state").mkdir(exist_ok=True)
    deployment = {"deployment": {"resources": [{"type": kind} for kind in types]}}
    return fake_pulumi(workspace, program, f"cat <<'EOF'\n{json.dumps(deployment)}\nEOF")


def test_only_what_aws_holds_counts_as_resources(workspace: Workspace, program: Program) -> None:
    for types, expected in {
        (): False,
        ("pulumi:pulumi:Stack", "pulumi:providers:aws"): False,
        ("pulumi:pulumi:Stack", "aws:ecr/repository:Repository"): True,
    }.items():
        state(workspace, program, *types)
        assert workspace.has_resources() is expected


def test_a_state_is_stale_until_it_is_refreshed_against_the_new_sandbox(workspace: Workspace, program: Program) -> None:
    state(workspace, program)
    assert not workspace.state_is_stale()  # empty: nothing can be wrong
    calls = state(workspace, program, "aws:ecr/repository:Repository")
    assert not workspace.state_is_stale()
    assert len(calls.read_text().splitlines()) == 1  # the sandbox is known, so Pulumi doesn't run
    start_sandbox(workspace, "AKIAANOTHER")
    assert workspace.state_is_stale()
    assert workspace.state_is_stale()  # an interrupted refresh changes nothing
    workspace.state_is_true()
    assert not workspace.state_is_stale()
    assert "AKIA" not in (workspace.local / "state" / "sandbox").read_text()


def test_a_state_is_stale_after_a_run_that_did_not_succeed(workspace: Workspace, program: Program) -> None:
    """The AWS provider leaves planned values in the state (behaviour.md PLUG-23), and the next up would keep them."""
    state(workspace, program, "aws:ecr/repository:Repository")
    workspace.state_is_true()
    workspace.run_begins()
    for _ in range(2):
        assert "the last run did not succeed" in workspace.state_is_stale()
        workspace.run_begins()
    workspace.state_is_true()
    assert not workspace.state_is_stale()


def test_the_plugin_is_installed_once_and_again_when_the_checkout_moves(workspace: Workspace, program: Program) -> None:
    (workspace.checkout / ".venv/lib/python3.11/site-packages/pulumi_aws-7.51.1.dist-info").mkdir(parents=True)
    folder = '"$PULUMI_HOME/plugins/resource-aws-v7.51.1"'
    script = f'mkdir -p {folder}; while [ "$1" != --file ]; do shift; done; cp "$2" {folder}'
    calls = fake_pulumi(workspace, program, script)
    workspace.install_plugin()
    workspace.install_plugin()
    assert len(calls.read_text().splitlines()) == 1
    installed = workspace.local / "pulumi-home/plugins/resource-aws-v7.51.1/pulumi-resource-aws"
    assert "-m sandbox.aws_plugin" in installed.read_text()
    installed.write_text(installed.read_text().replace("check out", "check out before"))
    workspace.install_plugin()
    assert len(calls.read_text().splitlines()) == 2


def test_a_failing_pulumi_is_quoted_without_a_traceback(workspace: Workspace, program: Program) -> None:
    fake_pulumi(workspace, program, "echo 'error: passphrase' >&2; exit 255")
    with pytest.raises(StepError, match=r"selecting the stack failed: .*\nerror: passphrase"):
        workspace.select_stack()


RUN_LIVE = """
from pathlib import Path
from typing import Any
from tools.steps import interrupt_on_sigterm
from tools.workspace import Workspace
interrupt_on_sigterm()
try:
    Workspace.of(Path.cwd()).pulumi_live("up")
except KeyboardInterrupt:
    print("interrupted")
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_pulumi_is_interrupted_once_and_waited_for(workspace: Workspace, program: Program, number: int) -> None:
    notes = workspace.local / "signals"
    calls = fake_pulumi(
        workspace,
        program,
        f'trap \'echo got >> "{notes}"; sleep 0.3; echo saved >> "{notes}"; exit 1\' INT\nwhile :; do sleep 0.05; done',
    )
    process = subprocess.Popen(
        [sys.executable, "-c", RUN_LIVE],
        cwd=workspace.checkout,
        env=masked(os.environ, USER),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        while not calls.exists() and process.poll() is None:
            time.sleep(0.02)
        time.sleep(0.2)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # the terminal's ^C goes to everybody
        else:
            process.send_signal(number)
        output, _ = process.communicate(timeout=10)
    except BaseException:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        raise
    assert output == "interrupted\n"
    assert notes.read_text() == "got\nsaved\n"


def state_file(workspace: Workspace, project: str, stack: str, latest: dict[str, Any]) -> None:
    file = workspace.local / "state/.pulumi/stacks" / project / f"{stack}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"checkpoint": {"latest": latest}}))


def test_stacks_of_the_users_own_are_seen(workspace: Workspace) -> None:
    state_file(workspace, "packinfra", "local", {})
    (workspace.local / "state/.pulumi/stacks/packinfra/local.json.bak").write_text("{}")
    assert workspace.other_stacks() == []
    state_file(workspace, "bank", "own", {})
    assert workspace.other_stacks() == ["bank/own"]


def test_pending_operations_are_seen(workspace: Workspace) -> None:
    assert not workspace.has_pending_operations()
    state_file(workspace, "packinfra", "local", {"resources": []})
    assert not workspace.has_pending_operations()
    state_file(workspace, "packinfra", "local", {"pending_operations": [{"type": "creating"}]})
    assert workspace.has_pending_operations()
