"""The control interface: recorded requests, and faults at the requests that they name."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

import pytest
import requests
from botocore.exceptions import ConnectionClosedError, ProxyConnectionError

from sandbox.instance import PID_FILE
from tests.support.aws import (
    TOKEN,
    Caller,
    MakeUser,
    Registry,
    allow,
    code_of,
    digest_of,
    manifest,
    no_upload_left,
    rejected,
)
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

LAYER = b"a layer of a pack"


@pytest.fixture(autouse=True)
def _no_faults_left(sandbox: Sandbox) -> Iterator[None]:
    yield
    sandbox.faults.clear()


def in_background(call: Callable[[], Any]) -> tuple[threading.Thread, list[Any]]:
    """The call on a thread, and a list that gets its result or its exception."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:  # any exception: the test examines it
            results.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    return thread, results


def test_every_action_is_recorded(sandbox: Sandbox, make_user: MakeUser, repository: str) -> None:  # FLT-12
    user = make_user(TOKEN, allow("ecr:ListImages", repository))
    assert sandbox.asked(user.arn) == set()  # sts:GetCallerIdentity needs none
    user.registry().send("GET", f"/v2/{repository}/tags/list")
    assert sandbox.asked(user.arn) == {"ecr:GetAuthorizationToken", "ecr:ListImages"}
    with rejected("AccessDeniedException"):
        user.ecr.create_repository(repositoryName=f"{repository}/more", tags=[{"Key": "a", "Value": "b"}])
    with rejected("AccessDenied"):
        user.iam.list_role_policies(RoleName="none")
    denied = {"ecr:CreateRepository", "iam:ListRolePolicies"}
    assert sandbox.asked(user.arn) == {"ecr:GetAuthorizationToken", "ecr:ListImages", *denied}


def test_every_request_is_recorded(sandbox: Sandbox, owner: Caller, registry: Registry, repository: str) -> None:
    """FLT-1: the requests, in order, with status and size; no secrets."""
    before = sandbox.mark()
    digest = registry.push(repository, "1.0.0", LAYER)
    registry.send("GET", f"/v2/{repository}/blobs/{digest_of(LAYER)}")
    owner.ecr.describe_images(repositoryName=repository)
    owner.iam.get_user(UserName="packinfra")
    records = [(r.summary.replace(repository, "N"), r.status, r.received) for r in sandbox.requests(since=before)]
    uploads = [(summary, status) for summary, status, _ in records if "/uploads/" in summary]
    assert [status for _, status in uploads] == [202, 201, 202, 201]
    rest = [row for row in records if "/uploads/" not in row[0]]
    assert rest == [
        ("PUT /v2/N/manifests/1.0.0", 201, len(manifest(LAYER))),
        (f"GET /v2/N/blobs/{digest_of(LAYER)}", 307, 0),
        ("GET layer", 200, 0),
        ("ecr:DescribeImages N", 200, len(f'{{"repositoryName": "{repository}"}}')),
        ("iam:GetUser packinfra", 200, rest[-1][2]),
    ]
    assert sandbox.requests(f"PUT /v2/{repository}/manifests/*", before)[0].host == registry.host
    assert digest
    text = str(sandbox.requests())
    assert registry.credentials
    assert registry.credentials[1] not in text
    assert owner.secret_key not in text


def test_hold_before_the_effect(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-2
    registry.push(repository, "1.0.0", LAYER)
    with sandbox.faults.add(f"PUT /v2/{repository}/manifests/*", action="hold", when="before") as fault:
        thread, results = in_background(lambda: registry.put(repository, "2.0.0", manifest(LAYER)))
        fault.wait()
        assert registry.send("HEAD", f"/v2/{repository}/manifests/2.0.0").status_code == 404
        assert not results
        fault.release()
        thread.join(10)
    assert results[0].status_code == 201


def test_hold_after_the_effect(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-2
    registry.push(repository, "1.0.0", LAYER)
    with sandbox.faults.add(f"PUT /v2/{repository}/manifests/*", action="hold", when="after") as fault:
        thread, results = in_background(lambda: registry.put(repository, "2.0.0", manifest(LAYER)))
        fault.wait()
        assert registry.send("HEAD", f"/v2/{repository}/manifests/2.0.0").status_code == 200
        assert not results
    thread.join(10)  # removed, not released: the client gets no response
    assert isinstance(results[0], requests.ConnectionError)


@pytest.mark.parametrize("size", [17, 8 * 1024 * 1024], ids=["small", "large"])
def test_held_and_removed_has_no_effect(sandbox: Sandbox, registry: Registry, repository: str, size: int) -> None:
    """FLT-2: a request that was held and removed leaves nothing, even if all its bytes had arrived."""
    content = bytes(size)
    location = registry.start(repository)
    with sandbox.faults.add(f"PUT /v2/{repository}/blobs/*", when="before") as fault:
        url = f"{location}?digest={digest_of(content)}"
        thread, results = in_background(lambda: registry.send("PUT", url, data=content))
        fault.wait()
    thread.join(10)
    assert isinstance(results[0], requests.ConnectionError)
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(content)}").status_code == 404


def test_hold_in_the_middle_of_a_body(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-2
    content = bytes(1024 * 1024)
    url = f"{registry.start(repository)}?digest={digest_of(content)}"
    with sandbox.faults.add(f"PUT /v2/{repository}/blobs/*", when="during") as fault:
        thread, results = in_background(lambda: registry.send("PUT", url, data=content))
        fault.wait()
        (record,) = [r for r in sandbox.requests() if r.fault == fault.id]
        assert 0 < record.received < len(content)
    thread.join(10)
    assert isinstance(results[0], requests.ConnectionError)
    assert no_upload_left(sandbox)


def test_hold_of_the_api(sandbox: Sandbox, owner: Caller) -> None:  # FLT-2
    name = "s/held"
    for when, exists in (("before", False), ("after", True)):
        with sandbox.faults.add(f"ecr:CreateRepository {name}", when=when) as fault:
            thread, results = in_background(lambda: owner.ecr.create_repository(repositoryName=name))
            fault.wait()
        thread.join(10)
        # With a proxy, urllib3 reports every dropped connection as the proxy's failure.
        assert isinstance(results[0], ConnectionClosedError | ProxyConnectionError)
        if not exists:
            with rejected("RepositoryNotFoundException"):
                owner.ecr.describe_repositories(repositoryNames=[name])
    owner.ecr.delete_repository(repositoryName=name)


CLIENT = """
import sys
import requests

url, user, password, ca, proxy = sys.argv[1:]
with requests.Session() as session:
    session.trust_env = False
    session.put(
        url, data=sys.stdin.buffer.read(), auth=(user, password), verify=ca, proxies={"https": proxy},
        headers={"Content-Type": "application/vnd.oci.image.manifest.v1+json"},
    )
"""


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_killed_client(sandbox: Sandbox, registry: Registry, repository: str, when: str, status: int) -> None:
    """FLT-2: a client killed while its request is held; a request held before its effect never has one."""
    registry.push(repository, "1.0.0", LAYER)
    assert registry.credentials
    url = f"https://{registry.host}/v2/{repository}/manifests/2.0.0"
    arguments = [url, *registry.credentials, sandbox.ca, sandbox.variables["HTTPS_PROXY"]]
    with sandbox.faults.add(f"PUT /v2/{repository}/manifests/*", when=when) as fault:
        client = subprocess.Popen([sys.executable, "-c", CLIENT, *arguments], stdin=subprocess.PIPE)
        assert client.stdin
        client.stdin.write(manifest(LAYER))
        client.stdin.close()
        fault.wait()
        client.kill()
        client.wait()
    assert registry.send("HEAD", f"/v2/{repository}/manifests/2.0.0").status_code == status


def test_stops_while_it_holds_a_request(tmp_path: Path) -> None:  # FLT-2
    with running_sandbox(tmp_path / "s") as sandbox:
        caller = Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])
        fault = sandbox.faults.add("ecr:*")
        thread, results = in_background(caller.ecr.describe_repositories)
        fault.wait()
        file = sandbox.dir / PID_FILE
        with file.open() as lock:  # held by the sandbox as long as it lives
            os.kill(sandbox.pid, signal.SIGTERM)
            ended, _ = in_background(lambda: fcntl.flock(lock, fcntl.LOCK_EX))
            ended.join(60)
            assert not ended.is_alive(), "it waits for the request that it holds"
        assert not file.exists(), "it ended by itself, and cleaned up"
        thread.join(60)
        assert isinstance(results[0], Exception)
        assert "Traceback" not in (sandbox.dir / "sandbox.log").read_text()


def test_the_nth_request(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-3
    path = f"/v2/{repository}/tags/list"
    params = {"action": "respond", "response": "unavailable", "nth": 2, "times": 2}
    with sandbox.faults.add(f"GET {path}", **params) as fault:
        assert [registry.send("GET", path).status_code for _ in range(5)] == [200, 503, 503, 200, 200]
        assert len(fault.hits()) == 2
        assert [record.fault for record in sandbox.requests(f"GET {path}")] == [None, fault.id, fault.id, None, None]
    with sandbox.faults.add(f"GET {path}", **{**params, "nth": 1, "times": 0}):
        assert {registry.send("GET", path).status_code for _ in range(4)} == {503}
    assert registry.send("GET", path).status_code == 200


def test_every_boundary_of_a_run(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-3
    """As kill tests do: record the requests of one run, then repeat it with a cut at each of them."""
    before = sandbox.mark()
    registry.push(repository, "1.0.0", LAYER)
    steps = sandbox.requests(since=before)
    assert len(steps) == 5
    for number in range(1, len(steps) + 1):
        with sandbox.faults.add(f"* /v2/{repository}/*", nth=number, action="cut", when="after") as fault:
            with pytest.raises(requests.ConnectionError):
                registry.push(repository, f"1.0.{number}", LAYER)
            assert len(fault.hits()) == 1


def test_cut_before_and_after(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-4
    registry.push(repository, "1.0.0", LAYER)
    for when, status in (("before", 404), ("after", 200)):
        with (
            sandbox.faults.add(f"PUT /v2/{repository}/manifests/*", action="cut", when=when) as fault,
            pytest.raises(requests.ConnectionError),
        ):
            registry.put(repository, when, manifest(LAYER))
        assert registry.send("HEAD", f"/v2/{repository}/manifests/{when}").status_code == status
        (record,) = [r for r in sandbox.requests() if r.fault == fault.id]
        assert record.status is None
    assert "Traceback" not in (sandbox.dir / "sandbox.log").read_text()


def test_delay(sandbox: Sandbox, registry: Registry) -> None:  # FLT-5
    with sandbox.faults.add("GET /v2/", action="delay", seconds=0.3):
        begin = time.monotonic()
        assert registry.send("GET", "/v2/").status_code == 200
        assert time.monotonic() - begin > 0.3


@pytest.mark.parametrize(
    ("failure", "status", "code"),
    [  # FLT-6, FLT-7, FLT-8, FLT-9, FLT-10, FLT-11
        ("throttled", 429, "TOOMANYREQUESTS"),
        ("error", 500, "UNKNOWN"),
        ("bad-gateway", 502, None),
        ("unavailable", 503, None),
        ("gateway-timeout", 504, None),
        ("expired", 403, "DENIED"),
        ("forbidden", 403, None),
    ],
)
def test_responses_of_the_registry(
    sandbox: Sandbox, registry: Registry, repository: str, failure: str, status: int, code: str | None
) -> None:
    with sandbox.faults.add("PUT /v2/*", action="respond", response=failure, headers={"Retry-After": "7"}):
        response = registry.put(repository, "1.0.0", manifest())
    assert response.headers["Retry-After"] == "7"
    assert code_of(response) == (status, code) if code else (response.status_code, response.content) == (status, b"")


def test_challenge(sandbox: Sandbox, registry: Registry) -> None:  # FLT-9
    with sandbox.faults.add("GET /v2/", action="respond", response="unauthorized"):
        response = registry.send("GET", "/v2/")
    assert (response.status_code, response.text) == (401, "Not Authorized\n")
    assert response.headers["WWW-Authenticate"].startswith("Basic realm=")


@pytest.mark.parametrize(
    ("failure", "ecr", "iam"),
    [  # FLT-6, FLT-7, FLT-8, FLT-9, FLT-10
        ("throttled", "ThrottlingException", "Throttling"),
        ("error", "ServerException", "ServiceFailure"),
        ("unavailable", "503", "ServiceUnavailable"),
        ("unauthorized", "UnrecognizedClientException", "InvalidClientTokenId"),
        ("expired", "ExpiredTokenException", "ExpiredToken"),
    ],
)
def test_responses_of_the_apis(sandbox: Sandbox, owner: Caller, failure: str, ecr: str, iam: str) -> None:
    with sandbox.faults.add("*", action="respond", response=failure, times=0):
        with rejected(ecr):
            owner.ecr.describe_repositories()
        with rejected(iam):
            owner.iam.get_user(UserName="packinfra")


def test_empty_response_of_the_api(sandbox: Sandbox, owner: Caller) -> None:  # FLT-11
    with sandbox.faults.add("*", action="respond", response="forbidden"), rejected("403"):
        owner.ecr.describe_repositories()


def test_response_after_the_effect(sandbox: Sandbox, registry: Registry, repository: str) -> None:  # FLT-8
    """A gateway gives up on a request that succeeds behind it."""
    registry.push(repository, "1.0.0", LAYER)
    params = {"when": "after", "action": "respond", "response": "gateway-timeout"}
    with sandbox.faults.add(f"PUT /v2/{repository}/manifests/*", **params):
        assert registry.put(repository, "2.0.0", manifest(LAYER)).status_code == 504
    assert registry.send("HEAD", f"/v2/{repository}/manifests/2.0.0").status_code == 200


@pytest.mark.parametrize(
    ("params", "word"),
    [
        ({"colour": "red"}, "colour"),
        ({"when": "later"}, "before"),
        ({"action": "respond"}, "throttled"),
        ({"action": "hold", "response": "error"}, "action respond"),
        ({"nth": "two"}, "int"),
        ({"headers": []}, "dict"),
    ],
)
def test_invalid_faults(sandbox: Sandbox, params: dict[str, Any], word: str) -> None:
    with pytest.raises(HTTPError) as raised:
        sandbox.faults.add(**params)
    assert raised.value.code == 400
    assert word in raised.value.read().decode()


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("GET", "/faults/99999"), ("PUT", "/faults")])
def test_unknown_addresses(sandbox: Sandbox, method: str, path: str) -> None:
    with pytest.raises(HTTPError) as raised:
        sandbox.faults.control(method, path)
    assert raised.value.code in (404, 405)
    assert "there is no" in (text := raised.value.read().decode()) or "not for faults" in text
