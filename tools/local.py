"""The commands behind `make up`, `make down` and so on: the product on the local sandbox."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Mapping
from typing import Any

from tools import bootstrap
from tools.steps import StepError, say
from tools.workspace import Workspace

CACHES = (".mypy_cache", ".pytest_cache", ".ruff_cache", ".import_linter_cache", ".hypothesis", "dist")


def up(workspace: Workspace) -> None:
    refresh = _ready(workspace)
    workspace.run_begins()
    _pulumi(workspace, "up", "--yes", "--skip-preview", *refresh, remedy="If it is an error, fix it. Then run: make up")
    workspace.state_is_true()
    print("\n" + published(workspace.outputs(), bool(shutil.which("aws"))))


def preview(workspace: Workspace) -> None:
    refresh = _ready(workspace)
    _pulumi(workspace, "preview", "--diff", *refresh, remedy="If it is an error, fix it. Then run: make preview")


def refresh(workspace: Workspace) -> None:
    _ready(workspace)
    _pulumi(workspace, "refresh", "--yes", "--skip-preview", remedy="Then: make refresh")
    workspace.state_is_true()


def down(workspace: Workspace) -> None:
    if others := workspace.other_stacks():
        raise StepError(
            f"these stacks use the stand-in, and make down would remove it: "
            f"{', '.join(others)}.\n"
            'Remove them first: eval "$(make env)" && pulumi destroy --stack NAME && pulumi stack rm --preserve-config NAME. '
            "To discard them: make clean"
        )
    if workspace.stack_exists():
        refresh = _ready(workspace)
        workspace.run_begins()
        remedy = "Then: make down (or make clean, which removes the stand-ins with everything in them)"
        _pulumi(workspace, "destroy", "--yes", "--skip-preview", *refresh, remedy=remedy)
        workspace.remove_stack()
        say(f"the stack {workspace.stack} is destroyed and removed; its stack file stays")
    elif not workspace.sandbox.exists():
        say("the stand-ins do not run and no stack exists: nothing to do")
        return
    _stop_sandbox(workspace)
    for folder in (workspace.local / "state", workspace.local / "docker", workspace.sandbox):
        shutil.rmtree(folder, ignore_errors=True)  # backups, a token and logs


def env(workspace: Workspace) -> None:
    running, _ = _sandbox_status(workspace)
    if not running:
        raise StepError(
            'the local stand-ins are not running. Start them, then try again: make up && eval "$(make env)"'
        )
    workspace.log_in()
    print("\n".join(workspace.exports()))
    if sys.stdout.isatty():
        print('To use it in this shell: eval "$(make env)"', file=sys.stderr)


def status(workspace: Workspace) -> None:
    running, text = _sandbox_status(workspace)
    if running:
        say(f"the local stand-ins: {text}")
    else:
        say(f"the local stand-ins do not respond: {text}" if text else "the local stand-ins are not running")
    if running and workspace.stack_exists():
        print(published(workspace.outputs(), bool(shutil.which("aws"))))
    else:
        say(f"the stack {workspace.stack} does not exist" if running else "to start them: make up")


def clean(workspace: Workspace) -> None:
    # Everything that is published is in the sandbox, so it needs no destroy.
    if workspace.sandbox.exists():
        _stop_sandbox(workspace)
    names = [workspace.local, *(workspace.checkout / name for name in (".venv", ".tools", *CACHES))]
    code = [workspace.checkout / name for name in ("packinfra", "sandbox", "tests", "tools", "benchmarks")]
    caches = [workspace.checkout / "__pycache__", *(cache for room in code for cache in room.rglob("__pycache__"))]
    removed = [path for path in names if path.exists()]
    for path in [*removed, *caches]:
        shutil.rmtree(path, ignore_errors=True)
    listed = ", ".join(str(path.relative_to(workspace.checkout)) for path in removed)
    say(f"removed {listed}" if removed else "there is nothing to remove")


COMMANDS: Mapping[str, Callable[[Workspace], None]] = {
    command.__name__: command for command in (up, preview, refresh, down, env, status, clean)
}


def _ready(workspace: Workspace) -> list[str]:
    """Tools, sandbox, plugin, stack; returns the option with which a fresh sandbox meets an old state."""
    workspace.require_format()
    bootstrap.ensure("env", "sandbox", "pulumi", checkout=workspace.checkout)
    started = workspace.start_sandbox()
    say(f"{'started the local stand-ins' if started else 'the local stand-ins are running'} ({workspace.sandbox})")
    workspace.install_plugin()
    workspace.select_stack()
    released = workspace.release_dead_lock()
    if released:
        say(released)
    if workspace.has_pending_operations():
        # Otherwise the engine warns of them at every run. Their effects are adopted by tag, or made again.
        say("the last run was killed: clearing its pending operations")
        options = ("--yes", "--skip-preview", "--clear-pending-creates")
        _pulumi(workspace, "refresh", *options, remedy="Then run the same command again")
    if reason := workspace.state_is_stale():
        say(f"{reason}: refreshing")
        return ["--refresh"]
    return []


def _pulumi(workspace: Workspace, command: str, *options: str, remedy: str) -> None:
    say(f"pulumi {' '.join([command, *options])}  (stack {workspace.stack})")
    code = workspace.pulumi_live(command, *options, "--stack", workspace.stack)
    if code:
        workspace.end_orphans()
        # On a terminal, pulumi takes the ^C itself: only what it printed says whether this was one.
        raise StepError(f"pulumi {command} failed or was interrupted (exit code {code}); the reason is above. {remedy}")


def _sandbox_status(workspace: Workspace) -> tuple[bool, str]:
    if not workspace.sandbox.exists():
        return False, ""
    running, text = workspace.sandbox_status()
    return running, text.partition("; start ")[0]  # its remedy is a command of its own, not of make


def _stop_sandbox(workspace: Workspace) -> None:
    orphans = workspace.end_orphans()
    if orphans:
        say(f"ended the processes of a killed pulumi ({', '.join(map(str, orphans))})")
    if not (workspace.checkout / ".tools" / "sandbox-venv" / "bin" / "python").exists():
        bootstrap.ensure("sandbox", checkout=workspace.checkout)
    say(f"the local stand-ins: {workspace.stop_sandbox() or 'stopped'}")


def published(outputs: Mapping[str, Any], has_aws: bool) -> str:
    """The repositories and digests of what is published, and commands to look at them."""
    repositories: Mapping[str, str] = outputs.get("repositories") or {}
    versions: Mapping[str, Mapping[str, str]] = outputs.get("versions") or {}
    lines = [
        f"Published in {outputs.get('endpoint', 'the registry')} (the local stand-in, not AWS), according to Pulumi's state:"
    ]
    for name in sorted(versions):
        for version, digest in sorted(versions[name].items()):
            lines += [f"  {repositories.get(name, name)}:{version}", f"      {digest}"]
    for _, artifact in sorted({**(outputs.get("artifacts") or {}), **(outputs.get("copies") or {})}.items()):
        for version, digest in sorted(artifact["versions"].items()):
            lines += [f"  {artifact['repository']}:{version}", f"      {digest}"]
    if len(lines) == 1:
        return "Nothing is published."
    if uid := outputs.get("paletteRegistryUid"):
        lines.append(f"Listed in the stand-in for Palette (registry {uid})")
    profiles: Mapping[str, Mapping[str, str]] = outputs.get("profiles") or {}
    if profiles:
        lines.append("Cluster profiles in it:")
    lines += [
        f"  {profile} {version}  (uid {uid})"
        for profile in sorted(profiles)
        for version, uid in profiles[profile].items()
    ]
    if not versions:
        return "\n".join(lines)
    name = min(versions)
    uri = repositories.get(name, name)
    repository = uri.partition("/")[2]
    if has_aws:
        look = f"aws ecr describe-images --repository-name {repository}"
    else:
        call = f'print(*boto3.client("ecr").describe_images(repositoryName="{repository}")["imageDetails"], sep="\\n")'
        look = f"python -c 'import boto3; {call}'"
    return "\n".join(
        [
            *lines,
            "",
            'Inspect:       eval "$(make env)"    # then pulumi, aws, boto3, crane, oras of this shell use the stand-in',
            "               pulumi stack output",
            f"               {look}",
            f"               crane manifest {uri}:{max(versions[name])}    # if you have crane (make test builds it)",
            "New version:   edit a pack, raise the version in its pack.json, then: make preview, make up",
            "Remove all:    make down",
        ]
    )


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or arguments[0] not in COMMANDS:
        print(f"usage: python3 -m tools.local {'|'.join(COMMANDS)}", file=sys.stderr)
        return 2
    return bootstrap.guarded(lambda: COMMANDS[arguments[0]](Workspace.of(bootstrap.CHECKOUT)))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
