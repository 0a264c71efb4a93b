"""A sandbox of a test's own: started in a folder, stopped and cleaned up at the end."""

import contextlib
import fnmatch
import json
import os
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import boto3
import botocore.config

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools" / "sandbox-venv" / "bin" / "python"


def sandbox_command(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``python -m sandbox ...`` as a user would call it."""
    command = [str(PYTHON), "-m", "sandbox", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=check, capture_output=True, text=True, timeout=60)


@dataclass(frozen=True)
class Sandbox:
    dir: Path
    pid: int
    variables: Mapping[str, str]
    unset: list[str]

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """The environment of a program that shall talk to this sandbox and to nothing else."""
        kept = {
            name: value
            for name, value in (os.environ if base is None else base).items()
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.unset)
        }
        return {**kept, **self.variables}

    def session(self, access_key: str | None = None, secret_key: str | None = None) -> boto3.session.Session:
        return boto3.session.Session(
            aws_access_key_id=access_key or self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret_key or self.variables["AWS_SECRET_ACCESS_KEY"],
            region_name=self.variables["AWS_REGION"],
        )

    @property
    def config(self) -> botocore.config.Config:
        """For boto3 clients made in the test's own process, whose environment stays as it is."""
        return botocore.config.Config(
            proxies={"https": self.variables["HTTPS_PROXY"]}, retries={"total_max_attempts": 1}
        )

    @property
    def ca(self) -> str:
        return self.variables["AWS_CA_BUNDLE"]


@contextlib.contextmanager
def running_sandbox(directory: Path, *options: str) -> Iterator[Sandbox]:
    """Starts a sandbox in ``directory`` (with options of ``start``), and stops it whatever happens."""
    try:
        started = json.loads(sandbox_command("start", "--dir", directory, "--json", *options).stdout)
        found = json.loads((directory / "environment.json").read_text())
        yield Sandbox(directory, started["pid"], found["variables"], found["unset"])
    finally:
        sandbox_command("stop", "--dir", directory, check=False)
