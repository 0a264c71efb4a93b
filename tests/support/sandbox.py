"""A sandbox of a test's own: started in a folder, stopped and cleaned up at the end."""

import contextlib
import fnmatch
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import ProxyHandler, Request, build_opener

import boto3
import botocore.config

ROOT = Path(__file__).resolve().parents[2]
PYTHON = ROOT / ".tools" / "sandbox-venv" / "bin" / "python"


def sandbox_command(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """``python -m sandbox ...`` as a user would call it."""
    command = [str(PYTHON), "-m", "sandbox", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=check, capture_output=True, text=True, timeout=60)


@dataclass(frozen=True)
class Asked:
    """One request that the sandbox got: see ``sandbox/faults.py``, Record."""

    number: int
    host: str
    what: str  # "PUT /v2/<repository>/manifests/1.0.0", "ecr:CreateRepository <name>", "palette: GET /v1/packs"
    received: int
    status: int | None  # None while it runs, and when its connection was cut
    seconds: float | None
    fault: int | None


@dataclass(frozen=True)
class Fault:
    """One fault that is set; as a context it is removed at the end, and what it still holds is cut."""

    faults: "Faults"
    id: int

    def struck(self) -> list[int]:
        """The numbers of the requests it befell so far."""
        found: list[int] = self.faults.control("GET", f"/faults/{self.id}")["struck"]
        return found

    def wait(self, times: int = 1, timeout: float = 30) -> list[int]:
        """Until it has struck so often: then a request stands held, or has had its due."""
        deadline = time.monotonic() + timeout
        while len(found := self.struck()) < times:
            assert time.monotonic() < deadline, f"no request met the fault within {timeout} s"
            time.sleep(0.01)
        return found

    def release(self) -> None:
        """What it holds goes on."""
        self.faults.control("POST", f"/faults/{self.id}/release")

    def remove(self) -> None:
        """It strikes no more, and what it holds is cut: before its effect it will never have one."""
        self.faults.control("DELETE", f"/faults/{self.id}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.remove()


@dataclass(frozen=True)
class Faults:
    address: str

    def add(self, match: str = "*", **wishes: Any) -> Fault:
        """A fault for the ``nth`` request (default: the first) that fits the pattern from now on.

        match    as in fnmatch, compared with ``Asked.what``
        nth      which of the fitting requests; times  how many from there on (1; 0 = all)
        when     before (it takes effect), during (its body), after (its effect, before its answer)
        action   hold (until released or removed), delay (seconds=...), cut, answer (answer=...)
        answer   throttled, error, bad-gateway, unavailable, gateway-timeout, unauthorized, expired, forbidden;
                 headers={...} go with it, such as Retry-After
        """
        return Fault(self, self.control("POST", "/faults", {"match": match, **wishes})["id"])

    def clear(self) -> None:
        self.control("DELETE", "/faults")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, method=method)  # noqa: S310 (the sandbox's own address)
        with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
            return json.load(answer)


@dataclass(frozen=True)
class PaletteOrders:
    """The Palette stand-in's levers. Its API is at https://api.spectrocloud.com, through the sandbox's proxy."""

    faults: Faults
    api_key: str  # of a tenant admin

    def key(self, *, admin: bool = False, tenant: str = "main") -> str:
        """A new API key, by default of somebody who is no tenant admin."""
        found: str = self.faults.control("POST", "/palette/keys", {"admin": admin, "tenant": tenant})["key"]
        return found

    @contextlib.contextmanager
    def ordered(self, **orders: Any) -> Iterator[None]:
        """Around what shall happen under these orders; afterwards it is as it was. See sandbox/palette/orders.py:

        rate, burst        requests a second, and at once (the session's sandbox has rate 0 = no limit)
        page               the most a page holds
        role_seconds       how long after the first try Palette can't assume a role yet
        stale_seconds      after 202 the status is that of the run before
        sync_seconds       what a run takes at least
        visible_seconds    after the end of a run, before the lookup knows its packs
        hangs              no run ends, until this is over
        fails              every run fails with this message
        in_use             no registry can be deleted, because of the cluster profile of this name
        empty_lookup       a pack that is not indexed is 200 without tags instead of 404
        """
        before = self.faults.control("GET", "/palette")
        self.faults.control("POST", "/palette", orders)
        try:
            yield
        finally:
            self.faults.control("POST", "/palette", before)


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

    @property
    def faults(self) -> Faults:
        """Delays, cuts, bad answers and halts for requests to come."""
        return Faults(self.variables["HTTPS_PROXY"])

    @property
    def palette(self) -> PaletteOrders:
        return PaletteOrders(self.faults, self.variables["SPECTROCLOUD_APIKEY"])

    def requests(self, match: str = "*", since: int = 0) -> list[Asked]:
        """What was asked of it, in order of arrival; each is a boundary at which a fault can strike."""
        found = [Asked(**record) for record in self.faults.control("GET", f"/requests?since={since}")]
        return [asked for asked in found if fnmatchcase(asked.what, match)]

    def mark(self) -> int:
        """The number of the last request so far, for ``requests(since=...)``."""
        return max((asked.number for asked in self.requests()), default=0)


@contextlib.contextmanager
def running_sandbox(directory: Path, *options: str) -> Iterator[Sandbox]:
    """Starts a sandbox in ``directory`` (with options of ``start``), and stops it whatever happens."""
    try:
        started = json.loads(sandbox_command("start", "--dir", directory, "--json", *options).stdout)
        found = json.loads((directory / "environment.json").read_text())
        yield Sandbox(directory, started["pid"], found["variables"], found["unset"])
    finally:
        sandbox_command("stop", "--dir", directory, check=False)
