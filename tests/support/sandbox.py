"""The sandbox in tests: started in a folder, stopped and deleted at the end."""

import contextlib
import fnmatch
import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
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
    """``python -m sandbox ...``, as a user runs it."""
    command = [str(PYTHON), "-m", "sandbox", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, check=check, capture_output=True, text=True, timeout=60)


@dataclass(frozen=True)
class RecordedRequest:
    """One request that the sandbox received: Record in ``sandbox/faults.py``."""

    number: int
    host: str
    summary: str  # "PUT /v2/<repository>/manifests/1.0.0", "ecr:CreateRepository <name>", "palette: GET /v1/packs"
    received: int
    status: int | None  # None while it runs, and if its connection was cut
    seconds: float | None
    fault: int | None


@dataclass(frozen=True)
class Fault:
    """One fault; as a context it is removed at the end, and requests that it holds are cut."""

    faults: "Faults"
    id: int

    def hits(self) -> list[int]:
        """The numbers of the requests that it was applied to so far."""
        numbers: list[int] = self.faults.control("GET", f"/faults/{self.id}")["hits"]
        return numbers

    def wait(self, times: int = 1, timeout: float = 30) -> list[int]:
        """Waits until it was applied so often, so that a request is held, delayed, cut or responded to."""
        deadline = time.monotonic() + timeout
        while len(hits := self.hits()) < times:
            assert time.monotonic() < deadline, f"no request matched the fault within {timeout} s"
            time.sleep(0.01)
        return hits

    def release(self) -> None:
        """Requests that it holds continue."""
        self.faults.control("POST", f"/faults/{self.id}/release")

    def remove(self) -> None:
        """Requests that it holds are cut; those held before their effect never have one."""
        self.faults.control("DELETE", f"/faults/{self.id}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.remove()


@dataclass(frozen=True)
class Faults:
    address: str

    def add(self, match: str = "*", **params: Any) -> Fault:
        """A fault for the ``nth`` request (default: the first) that matches the pattern from now on.

        match     as in fnmatch, compared with ``RecordedRequest.summary``
        nth       which of the matching requests
        times     how many from there on (default: 1; 0 = all)
        when      before (it takes effect), during (its body), after (its effect, before its response)
        action    hold (until released or removed), delay (seconds=...), cut, respond (response=...)
        response  throttled, error, bad-gateway, unavailable, gateway-timeout, unauthorized, expired, forbidden
        headers   of the response, such as {"Retry-After": "1"}
        """
        return Fault(self, self.control("POST", "/faults", {"match": match, **params})["id"])

    def clear(self) -> None:
        self.control("DELETE", "/faults")

    def control(self, method: str, path: str, body: Any = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(self.address + path, data, method=method)  # noqa: S310 (the sandbox's own address)
        with build_opener(ProxyHandler({})).open(request, timeout=10) as response:
            return json.load(response)


@dataclass(frozen=True)
class PaletteControl:
    """Control of the Palette stand-in. Its API is at https://api.spectrocloud.com, through the sandbox's proxy."""

    faults: Faults
    api_key: str  # of a tenant admin

    def key(self, *, admin: bool = False, tenant: str = "main", projects: Sequence[str] | None = None) -> str:
        """A new API key, by default of a user who is no tenant admin and sees all projects."""
        params = {"admin": admin, "tenant": tenant, "projects": projects}
        key: str = self.faults.control("POST", "/palette/keys", params)["key"]
        return key

    def user(self, email: str, password: str, *, mfa: bool = False, tenant: str = "main") -> None:
        """A new tenant admin, who logs in to the organisation that is called as the tenant."""
        params = {"email": email, "password": password, "admin": True, "mfa": mfa, "tenant": tenant}
        self.faults.control("POST", "/palette/users", params)

    def project(self, name: str, tenant: str = "main") -> str:
        """Makes a project; its uid. "Default" is there."""
        uid: str = self.faults.control("POST", "/palette/projects", {"name": name, "tenant": tenant})["uid"]
        return uid

    def clusters(self, profile: str, *names: str, project: str = "") -> None:
        """From now on, these clusters use a version of a cluster profile. profile: its uid"""
        clusters = [{"uid": f"c-{name}", "name": name, "projectUid": project} for name in names]
        self.faults.control("POST", "/palette/clusters", {"profile": profile, "clusters": clusters})

    @contextlib.contextmanager
    def overrides(self, **values: Any) -> Iterator[None]:
        """Changes the stand-in within the context (sandbox/palette/overrides.py):

        rate, burst        requests a second, and at once (the session's sandbox has rate 0 = no limit)
        page               the most items of a page
        role_seconds       how long after the first attempt Palette can't assume a role yet
        stale_seconds      how long after 202 the status is that of the run before
        sync_seconds       the shortest run
        visible_seconds    after the end of a run, before the lookup has its packs
        hangs              no run ends within the context
        fails              every run fails with this message
        in_use             no registry can be deleted, because of the cluster profile of this name
        empty_lookup       a pack that is not indexed is 200 without tags instead of 404
        token_seconds      how long a JWT is accepted
        ignores_variables  POST of a cluster profile ignores its variables
        partial_values     a layer's values may lack parameters
        strict_publish     publishing without a draft is an error
        deletes_in_use     a profile that clusters use can be deleted
        reorders           YAML comes back sorted, without comments
        """
        before = self.faults.control("GET", "/palette")
        self.faults.control("POST", "/palette", values)
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
        """The environment of a program that is to use this sandbox and nothing else."""
        inherited = {
            name: value
            for name, value in (os.environ if base is None else base).items()
            if not any(fnmatch.fnmatchcase(name, pattern) for pattern in self.unset)
        }
        return {**inherited, **self.variables}

    def session(
        self, access_key: str | None = None, secret_key: str | None = None, token: str | None = None
    ) -> boto3.session.Session:
        return boto3.session.Session(
            aws_access_key_id=access_key or self.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret_key or self.variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=token,
            region_name=self.variables["AWS_REGION"],
        )

    @property
    def config(self) -> botocore.config.Config:
        """For boto3 clients in the test's own process, whose environment stays unchanged."""
        return botocore.config.Config(
            proxies={"https": self.variables["HTTPS_PROXY"]}, retries={"total_max_attempts": 1}
        )

    @property
    def ca(self) -> str:
        return self.variables["AWS_CA_BUNDLE"]

    @property
    def faults(self) -> Faults:
        """Faults for requests to come."""
        return Faults(self.variables["HTTPS_PROXY"])

    @property
    def palette(self) -> PaletteControl:
        return PaletteControl(self.faults, self.variables["SPECTROCLOUD_APIKEY"])

    def requests(self, match: str = "*", since: int = 0) -> list[RecordedRequest]:
        """The requests it received, in order of arrival."""
        records = [RecordedRequest(**record) for record in self.faults.control("GET", f"/requests?since={since}")]
        return [record for record in records if fnmatchcase(record.summary, match)]

    def asked(self, arn: str) -> set[str]:
        """The actions that IAM was asked about for this caller, whether it allowed them or not."""
        return set(self.faults.control("GET", f"/asked?caller={arn}"))

    def mark(self) -> int:
        """The number of the last request so far, for ``requests(since=...)``."""
        return max((record.number for record in self.requests()), default=0)


@contextlib.contextmanager
def running_sandbox(directory: Path, *options: str) -> Iterator[Sandbox]:
    """Starts a sandbox in ``directory``, with options of ``start``, and stops it at the end."""
    try:
        started = json.loads(sandbox_command("start", "--dir", directory, "--json", *options).stdout)
        environment = json.loads((directory / "environment.json").read_text())
        yield Sandbox(directory, started["pid"], **environment)
    finally:
        sandbox_command("stop", "--dir", directory, check=False)
