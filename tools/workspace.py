"""One Pulumi project on the local sandbox: its environment, its plugin, its stack.

Everything it writes lies in `local`: Pulumi's home, the stack's state, the sandbox. The user's own Pulumi home, AWS
files and AWS variables are never read or written, and nothing outside of the sandbox can be reached as AWS.
`.venv`, `.tools` and the `sandbox` package always come from `checkout`, so tests can point `project` and `local`
somewhere else.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from shlex import quote
from typing import Any

from tools.orphans import end_orphans
from tools.steps import StepError

# The user's own of these would reach into the local stack: another backend, another stack, another Python.
NOT_INHERITED = ("PULUMI_*", "PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV")

FORMAT = "packinfra 0.2"
"""Of what `make up` keeps in `local`. A release changes it where it can't work with what an older one left there."""


def masked(environ: Mapping[str, str], patterns: Iterable[str]) -> dict[str, str]:
    """`environ` without the names that match; a pattern is a name, or a prefix with `*`."""
    patterns = tuple(patterns)
    return {
        name: value for name, value in environ.items() if not any(fnmatchcase(name, pattern) for pattern in patterns)
    }


@dataclass(frozen=True)
class Workspace:
    checkout: Path  # .venv, .tools, sandbox/
    project: Path  # the folder with Pulumi.yaml
    local: Path  # everything that is written
    sandbox: Path  # the sandbox's own folder: several workspaces may share one
    stack: str = "local"

    @classmethod
    def of(cls, checkout: Path) -> Workspace:
        """The workspace of `make up`."""
        return cls(checkout, checkout, checkout / ".local", checkout / ".local" / "sandbox")

    def require_format(self) -> None:
        """Raises StepError if state or sandbox of another version of packinfra are here."""
        stamp = self.local / "format"
        if stamp.is_file() and stamp.read_text() == FORMAT:
            return
        if any((self.local / name).exists() for name in ("state", "sandbox")):
            raise StepError(
                f"{self.local} was made by another version of packinfra, and this one cannot read its state. Nothing in "
                "it is used outside of this machine. Remove it, then start again: make clean && make up"
            )
        self.local.mkdir(parents=True, exist_ok=True)
        stamp.write_text(FORMAT)

    # ---- the sandbox

    def start_sandbox(self) -> bool:
        """True if it had to be started, False if it ran already."""
        result = self._sandbox("start", "--json")
        if result.returncode:
            raise StepError(f"the local stand-ins did not start.\n{result.stderr.strip()}".rstrip())
        return not json.loads(result.stdout.splitlines()[-1])["reused"]

    def stop_sandbox(self) -> str:
        result = self._sandbox("stop")
        if result.returncode:
            raise StepError(f"the local stand-ins did not stop.\n{result.stderr.strip() or result.stdout.strip()}")
        return _without_name(result.stdout)

    def sandbox_status(self) -> tuple[bool, str]:
        """(whether it runs; more about that)"""
        result = self._sandbox("status")
        return result.returncode == 0, _without_name(result.stdout) or _without_name(result.stderr)

    def sandbox_environment(self) -> dict[str, Any]:
        """{"variables": ..., "unset": ...}: how any tool reaches the sandbox, and it alone."""
        try:
            environment: dict[str, Any] = json.loads((self.sandbox / "environment.json").read_text())
        except (OSError, ValueError):
            raise StepError("the local stand-ins are not running. Start them: make up") from None
        return environment

    def _sandbox(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        python = self.checkout / ".tools" / "sandbox-venv" / "bin" / "python"
        command = [str(python), "-m", "sandbox", arguments[0], "--dir", str(self.sandbox), *arguments[1:]]
        env = masked(os.environ, NOT_INHERITED)
        try:
            return subprocess.run(command, cwd=self.checkout, env=env, capture_output=True, text=True, check=False)
        except OSError as error:
            raise StepError(f"the Python environment of the stand-ins is missing ({error}). Make it: make up") from None

    # ---- the environment of everything that is started

    def environment(self) -> dict[str, str]:
        """os.environ without the user's AWS and Pulumi, with the sandbox's AWS and a Pulumi home of its own."""
        sandbox = self.sandbox_environment()
        environ = masked(os.environ, [*sandbox["unset"], *NOT_INHERITED, "AWS_*"])
        environ.update(sandbox["variables"])
        environ.update(self._pulumi_variables())
        if self.project != self.checkout:
            environ["PYTHONPATH"] = str(self.checkout)  # there `packinfra` is not in the working folder
        return environ

    def _pulumi_variables(self) -> dict[str, str]:
        ours = [str(self.checkout / ".venv" / "bin"), str(self.checkout / ".tools" / "bin")]
        others = [entry for entry in os.environ.get("PATH", os.defpath).split(os.pathsep) if entry not in ours]
        return {
            # .venv first also because a language host without the `virtualenv` option takes python3 from PATH
            "PATH": os.pathsep.join([*ours, *others]),
            "PULUMI_HOME": str(self.local / "pulumi-home"),
            "PULUMI_BACKEND_URL": f"file://{self.local / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "",  # the local stack guards nothing
            "PULUMI_SKIP_UPDATE_CHECK": "1",
            # the only AWS plugin here is the stand-in: the real one must never be fetched in its place
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "1",
        }

    def exports(self) -> list[str]:
        """The difference to the present environment as lines for a shell."""
        environment = {**self.environment(), "DOCKER_CONFIG": str(self.local / "docker")}
        changed = {name: value for name, value in environment.items() if os.environ.get(name) != value}
        return [
            *(f"unset {name}" for name in sorted(os.environ.keys() - environment.keys()) if name.isidentifier()),
            *(f"export {name}={quote(value)}" for name, value in sorted(changed.items())),
        ]

    def log_in(self) -> None:
        """Give crane, oras and helm a Docker config of our own with a token for the sandbox's registry.

        The user's own Docker config stays untouched. The token is worth nothing outside of this sandbox.
        """
        code = (
            "import boto3, json; d = boto3.client('ecr').get_authorization_token()['authorizationData'][0]; "
            "host = d['proxyEndpoint'].removeprefix('https://'); "
            "print(json.dumps({'auths': {host: {'auth': d['authorizationToken']}}}))"
        )
        python = str(self.checkout / ".venv" / "bin" / "python")
        result = subprocess.run(
            [python, "-c", code], env=self.environment(), capture_output=True, text=True, check=False
        )
        if result.returncode:
            raise StepError(f"the stand-in for ECR returned no token: {result.stderr.strip().splitlines()[-1]}")
        folder = self.local / "docker"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder / "config.json").write_text(result.stdout)

    # ---- Pulumi

    def pulumi(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run pulumi to its end and return its output; the caller checks the exit code."""
        return subprocess.run(
            self.command(arguments),
            cwd=self.project,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def pulumi_live(self, *arguments: str) -> int:
        """Run pulumi in the user's terminal, with its own display; returns its exit code.

        A ^C reaches pulumi from the terminal itself. This process only waits, because at a second one pulumi would
        drop the operations in flight. A SIGTERM to this process interrupts pulumi. In both cases KeyboardInterrupt is
        raised when pulumi has ended and saved its state.
        """
        interrupts: list[int] = []

        def note(number: int, _: object) -> None:
            interrupts.append(number)
            if number == signal.SIGTERM:
                child.send_signal(signal.SIGINT)

        child = subprocess.Popen(self.command(arguments), cwd=self.project, env=self.environment())
        handlers = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            code = child.wait()
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        if code and interrupts:
            raise KeyboardInterrupt
        return code

    def end_orphans(self) -> list[int]:
        """End the processes that killed Pulumi runs of this workspace left behind."""
        return end_orphans(self.local / "pulumi-home")

    def command(self, arguments: Iterable[str]) -> list[str]:
        """The command line of a pulumi run."""
        pulumi = shutil.which("pulumi", path=self._pulumi_variables()["PATH"])
        if pulumi is None:
            raise StepError("pulumi is neither on PATH nor in .tools/bin. Get it: make up")
        return [pulumi, *arguments]

    def _checked(self, doing: str, *arguments: str) -> str:
        result = self.pulumi(*arguments, "--non-interactive")
        if result.returncode:
            raise StepError(f"{doing} failed: pulumi {' '.join(arguments)}\n{(result.stderr or result.stdout).strip()}")
        return result.stdout

    def install_plugin(self) -> None:
        """The stand-in for Pulumi's AWS plugin, into this workspace's Pulumi home only."""
        installed_as = (self.checkout / ".venv" / "lib").glob("python*/site-packages/pulumi_aws-*.dist-info")
        version = next((path.stem.partition("-")[2] for path in installed_as), None)
        if version is None:
            raise StepError(f"pulumi_aws is not installed in {self.checkout / '.venv'}. Make it anew: make up")
        wrapper = (
            "#!/bin/sh\n"
            "# The stand-in for Pulumi's AWS plugin: it talks to the local sandbox.\n"
            f"PYTHONPATH={quote(str(self.checkout))} "
            f'exec {quote(str(self.checkout / ".venv" / "bin" / "python"))} -m sandbox.aws_plugin "$@"\n'
        )
        name = "pulumi-resource-aws"
        installed = self.local / "pulumi-home" / "plugins" / f"resource-aws-v{version}" / name
        if installed.is_file() and installed.read_text() == wrapper:
            return
        self.local.mkdir(parents=True, exist_ok=True)
        source = self.local / name
        source.write_text(wrapper)
        source.chmod(0o755)
        self._checked(
            "installing the AWS stand-in", "plugin", "install", "resource", "aws", version, "--file", str(source),
            "--reinstall",
        )  # fmt: skip
        source.unlink()

    def select_stack(self) -> None:
        (self.local / "state").mkdir(parents=True, exist_ok=True)
        self._checked("selecting the stack", "stack", "select", "--create", self.stack)

    def stack_exists(self) -> bool:
        """Without running Pulumi, which needs an environment, a plugin and a sandbox."""
        stacks = self.local / "state" / ".pulumi" / "stacks"
        return any(stacks.glob(f"*/{self.stack}.json")) or any(stacks.glob(f"*/{self.stack}.json.gz"))

    def other_stacks(self) -> list[str]:
        """Stacks of the user's own in this backend, to which `make env` points a shell."""
        files = (self.local / "state" / ".pulumi" / "stacks").glob("*/*.json*")
        names = {f"{file.parent.name}/{file.name.partition('.json')[0]}" for file in files if ".bak" not in file.name}
        return sorted(name for name in names if name.rpartition("/")[2] != self.stack)

    def has_pending_operations(self) -> bool:
        """Did a killed run leave operations in the state whose outcome is unknown?"""
        for file in (self.local / "state" / ".pulumi" / "stacks").glob(f"*/{self.stack}.json"):
            latest = json.loads(file.read_text()).get("checkpoint", {}).get("latest") or {}
            return bool(latest.get("pending_operations"))
        return False

    def has_resources(self) -> bool:
        deployment = json.loads(self._checked("reading the stack", "stack", "export")).get("deployment") or {}
        # the stack itself and providers are kept by Pulumi, not by AWS
        return any(
            not resource["type"].startswith(("pulumi:pulumi:", "pulumi:providers:"))
            for resource in deployment.get("resources") or []
        )

    def state_is_stale(self) -> str:
        """Why the state must be refreshed before it is used: "" if it need not be."""
        mark = self._sandbox_of_state.read_text() if self._sandbox_of_state.is_file() else ""
        if mark == self._sandbox_identity():
            return ""
        if not self.has_resources():
            self.state_is_true()
            return ""
        if mark == self._unfinished():
            return "the last run did not succeed, so the stack's state may hold values that were only planned"
        return "the stand-ins are new and empty, the stack's state is not"

    def run_begins(self) -> None:
        """Until `state_is_true`, the state counts as stale: after a failed update it holds what AWS has refused."""
        if not self.state_is_stale():
            self._sandbox_of_state.write_text(self._unfinished())

    def state_is_true(self) -> None:
        """Remember that the state describes the sandbox that runs."""
        self._sandbox_of_state.write_text(self._sandbox_identity())

    def _unfinished(self) -> str:
        return f"unfinished {self._sandbox_identity()}"

    @property
    def _sandbox_of_state(self) -> Path:
        return self.local / "state" / "sandbox"

    def _sandbox_identity(self) -> str:
        # its key and ports, made anew at every start; hashed, since a key belongs in no second file
        variables = json.dumps(self.sandbox_environment()["variables"], sort_keys=True)
        return hashlib.sha256(variables.encode()).hexdigest()

    def outputs(self) -> dict[str, Any]:
        outputs: dict[str, Any] = json.loads(self._checked("reading the outputs", "stack", "output", "--json"))
        return outputs

    def remove_stack(self) -> None:
        """Its config file stays: it belongs to the project."""
        self._checked("removing the stack", "stack", "rm", "--yes", "--preserve-config", self.stack)

    def release_dead_lock(self) -> str | None:
        """A killed pulumi leaves its lock behind. Only locks of dead processes of this machine are released."""
        folder = self.local / "state" / ".pulumi" / "locks"
        holders = []
        for lock in folder.glob(f"*/*/{self.stack}/*.json"):
            with contextlib.suppress(FileNotFoundError):  # released while we look
                holders.append(json.loads(lock.read_text()))
        if not holders:
            return None
        for holder in holders:
            if holder["hostname"] != socket.gethostname() or _is_alive(holder["pid"]):
                raise StepError(
                    f"another pulumi process uses the stack {self.stack} (process {holder['pid']} on {holder['hostname']}, "
                    f"since {holder['timestamp']}). Wait for it to end, then run the same command again.\n"
                    'If that process is not a pulumi: eval "$(make env)" && pulumi cancel'
                )
        for attributes in folder.parent.rglob("*.attrs"):
            # Pulumi's file backend writes them in place; one that a kill left empty makes the state unreadable ("EOF").
            if not attributes.stat().st_size:
                attributes.unlink()
        self._checked("releasing the stack's lock", "cancel", "--yes", "--stack", self.stack)
        return f"the last run was killed (process {holders[0]['pid']}); its lock is released"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # in a container without an init process, the dead stay in the list as zombies
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:  # no /proc (macOS)
        return True


def _without_name(printed: str) -> str:
    """What the sandbox's command line printed, without its own name in front."""
    return printed.strip().removeprefix("sandbox: ")
