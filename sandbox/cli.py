"""The sandbox's command line."""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from sandbox.environment import Environment
from sandbox.instance import AlreadyRunningError, Instance
from sandbox.server import PortTakenError, Settings, run

PROJECT = Path(__file__).resolve().parent.parent
START_TIMEOUT = 20.0

INTRO = """A local stand-in for AWS: ECR (its API and its registry), IAM, KMS and STS on 127.0.0.1, under their real names.
Also Palette's API (api.spectrocloud.com), as far as registries and their packs need it.

  python -m sandbox start      start it in the background, or reuse the one that runs
  eval "$(python -m sandbox env)"   from then on every AWS or Palette tool of this shell uses it:
  aws ecr describe-repositories
  python -m sandbox status     is it running, and where
  python -m sandbox stop       stop it and delete its content

Signatures, tokens and IAM policies are enforced. Connections to other hosts are rejected.
Its behaviour, with sources: sandbox/behaviour.md, sandbox/palette/behaviour.md
"""


class CliError(Exception):
    """A message for the user: the failure and the remedy."""


def main(arguments: list[str] | None = None) -> int:
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        print(INTRO)
        parser.print_usage()
        return 0
    # Without symbolic links: programs that start in other folders use the folder's files.
    options.dir = Path(options.dir).resolve()
    try:
        return int(options.command(options))
    except CliError as failure:
        print(f"sandbox: {failure}", file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description=INTRO, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.set_defaults(command=None)
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, command, text in (
        ("start", _start, "start in the background, or reuse the one that runs"),
        ("stop", _stop, "stop the sandbox of the folder and delete its content"),
        ("status", _status, "exit code 0 if it runs, else 1"),
        ("env", _env, "print shell commands that point AWS tools to it"),
        ("serve", _serve, "run in the foreground (what start does in the background)"),
    ):
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(command=command)
        sub.add_argument("--dir", default=".local/sandbox", help="folder for its files (default: .local/sandbox)")
        if name == "start":
            sub.add_argument("--json", action="store_true", help="print one line of JSON")
        if name in ("start", "serve"):
            _add_settings(sub)
    return parser


def _add_settings(parser: argparse.ArgumentParser) -> None:
    texts = {
        "region": "AWS region of the variables (default: eu-west-1)",
        "account": "AWS account id (default: 123456789012)",
        "proxy_port": "port of the proxy (default: a free one)",
        "tls_port": "port of the AWS services (default: a free one)",
        "token_seconds": "lifetime of a registry token (default: 12 hours)",
        "put_image_rate": "manifests a second and registry, then 429; 0: no limit (default: 10, as AWS)",
        "missing_repository": "an upload to one: respond (404), or drop the connection (default: respond)",
    }
    checks = {"region": _region, "account": _account, "missing_repository": _missing_repository}
    for setting in dataclasses.fields(Settings):
        option = "--" + setting.name.replace("_", "-")
        kind = checks.get(setting.name, setting.type)
        parser.add_argument(option, type=kind, default=setting.default, metavar="X", help=texts[setting.name])


def _region(text: str) -> str:
    if not re.fullmatch(r"[a-z]{2,}(-[a-z]+)+-\d+", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not a region such as eu-west-1")
    return text


def _account(text: str) -> str:
    if not re.fullmatch(r"\d{12}", text):
        raise argparse.ArgumentTypeError(f"{text!r} is not an account id of 12 digits")
    return text


def _missing_repository(text: str) -> str:
    if text not in ("respond", "drop"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither respond nor drop")
    return text


def _settings(options: argparse.Namespace) -> Settings:
    return Settings(**{setting.name: getattr(options, setting.name) for setting in dataclasses.fields(Settings)})


def _serve(options: argparse.Namespace) -> int:
    try:
        run(options.dir, _settings(options))
    except AlreadyRunningError as error:
        raise CliError(f"a sandbox (pid {error}) already runs in {options.dir}; stop it first") from None
    except PortTakenError as error:
        raise CliError(str(error)) from None
    return 0


def _start(options: argparse.Namespace) -> int:
    instance = Instance(options.dir)
    pid = instance.running_pid()
    if pid is not None and _wait(instance):
        return _report(options, pid, reused=True)
    if pid is not None:
        _say(options, f"the sandbox in {options.dir} (pid {pid}) runs but does not respond; replacing it")
        instance.stop(timeout=1)  # it may not react to SIGTERM either
    elif pid := instance.recorded_pid():
        _say(options, f"the sandbox in {options.dir} (pid {pid}) has died, and its content is gone; starting a new one")
    pid = _spawn(options, instance)
    return _report(options, pid, reused=False)


def _wait(instance: Instance, process: "subprocess.Popen[bytes] | None" = None) -> bool:
    """Waits until the sandbox responds, or the process is gone."""
    deadline = time.monotonic() + (START_TIMEOUT if process else 3)
    while time.monotonic() < deadline:
        if instance.is_responding():
            return True
        if process.poll() is not None if process else instance.running_pid() is None:
            return False
        time.sleep(0.02)
    return False


def _spawn(options: argparse.Namespace, instance: Instance) -> int:
    instance.folder.mkdir(parents=True, exist_ok=True)
    arguments = [
        f"--{name.replace('_', '-')}={value}" for name, value in dataclasses.asdict(_settings(options)).items()
    ]
    with instance.log_file.open("ab") as log:
        begin = log.tell()
        # In its own session and without inherited pipes: it outlives the caller, and `make up | cat` ends.
        process = subprocess.Popen(
            [sys.executable, "-m", "sandbox", "serve", "--dir", str(instance.folder), *arguments],
            cwd=PROJECT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    up = _wait(instance, process)
    pid = instance.running_pid()
    if up and pid == process.pid:
        return pid
    # Another start may have been faster. Then its sandbox runs, and ours must not wait until that ends.
    process.kill()
    process.wait()
    if pid is not None and _wait(instance):
        return pid
    text = instance.log_file.read_bytes()[begin:].decode(errors="replace").strip().removeprefix("sandbox: ")
    raise CliError(f"it did not start: {text or 'it does not respond'}\nIts log: {instance.log_file}")


def _say(options: argparse.Namespace, text: str) -> None:
    print(f"sandbox: {text}", file=sys.stderr if options.json else sys.stdout)


def _report(options: argparse.Namespace, pid: int, reused: bool) -> int:
    if options.json:
        print(json.dumps({"pid": pid, "reused": reused, "dir": str(options.dir)}))
    else:
        print(f"sandbox: {'already running' if reused else 'started'} (pid {pid}), its files in {options.dir}")
    return 0


def _stop(options: argparse.Namespace) -> int:
    pid = Instance(options.dir).stop()
    print(f"sandbox: stopped (pid {pid})" if pid else f"sandbox: none was running in {options.dir}")
    return 0


def _running(options: argparse.Namespace) -> tuple[Instance, Environment]:
    instance = Instance(options.dir)
    environment = Environment.read(options.dir)
    if instance.is_responding() and environment:
        return instance, environment
    if pid := instance.running_pid():
        raise CliError(f"the sandbox in {options.dir} (pid {pid}) runs but does not respond; see {instance.log_file}")
    if pid := instance.recorded_pid():
        raise CliError(f"the sandbox in {options.dir} (pid {pid}) has died; start a new one: python -m sandbox start")
    raise CliError(f"none is running in {options.dir}; start one: python -m sandbox start")


def _status(options: argparse.Namespace) -> int:
    instance, environment = _running(options)
    proxy, region = environment.variables["HTTPS_PROXY"], environment.variables["AWS_REGION"]
    print(f"sandbox: running (pid {instance.running_pid()}), region {region}, proxy {proxy}, log {instance.log_file}")
    return 0


def _env(options: argparse.Namespace) -> int:
    _, environment = _running(options)
    print(environment.exports(os.environ))
    return 0
