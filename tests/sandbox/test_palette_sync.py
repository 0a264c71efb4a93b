"""The Palette stand-in reads registries (sandbox/palette/behaviour.md): sync, its status, what is found."""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
import trustme

from tests.sandbox.conftest import READER, Caller, Json, MakeRole, MakeSpec, MakeUser, Register, Shelf, manifest
from tests.support.palette import Palette, basic_spec, key_spec, pack_layer
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

OCI = "/v1/registries/oci"
NEVER = "0001-01-01T00:00:00.000Z"


def trigger(palette: Palette, uid: str, query: str = "") -> None:
    answer = palette.send("POST", f"{OCI}/{uid}/ecr/sync{query}")
    assert (answer.status_code, answer.content) == (202, b"")


def until(palette: Palette, uid: str, status: str) -> Json:
    deadline = time.monotonic() + 10
    while (found := palette.status("ecr", uid))["status"] != status:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


# ---- status -----------------------------------------------------------------------------------------------------


def test_a_run(sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-36, PAL-38, PAL-39, PAL-40: from 202 to the pack; then the next one, whose status comes late (PAL-37)."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    never = {"isSyncSupported": True, "status": "Pending", "message": "", "lastRunTime": NEVER, "lastSyncedTime": NEVER}
    assert palette.status("ecr", uid) == never
    assert palette.get(f"{OCI}/{uid}/ecr")["status"]["syncStatus"] == never
    with sandbox.palette.ordered(stale_seconds=0.5, sync_seconds=0.5):
        trigger(palette, uid)
        assert palette.status("ecr", uid) == never
        running = until(palette, uid, "InProgress")
        assert running["lastRunTime"] > NEVER
        assert running["lastSyncedTime"] == NEVER
        first = until(palette, uid, "Success")
        assert first["lastRunTime"] == running["lastRunTime"]
        assert first["lastSyncedTime"] > first["lastRunTime"]
        assert first["message"] == ""
        assert palette.versions(uid) == ["1.0.0"]

        shelf.push("hello", "1.1.0", pack_layer(version="1.1.0"))
        trigger(palette, uid)
        for _ in range(3):  # the trap: Success, but that of the run before
            assert palette.status("ecr", uid) == first
            assert palette.versions(uid) == ["1.0.0"]
        second = palette.wait("ecr", uid, first["lastRunTime"])
        assert second["lastSyncedTime"] > first["lastSyncedTime"]
        assert palette.versions(uid) == ["1.0.0", "1.1.0"]


def test_sync_on_creation(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:  # PAL-23
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec(), sync=True)
    assert palette.wait("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == ["1.0.0"]
    quiet = register("ecr", make_spec())
    off = register("ecr", make_spec(providerType="helm", isSyncSupported=False), sync=True)
    time.sleep(0.4)
    assert palette.status("ecr", quiet)["status"] == "Pending"
    assert palette.status("ecr", off)["status"] == "Pending"


def test_failure_keeps_what_was_found(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:
    """PAL-40, PAL-51: a failure; then all is well again."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    good = palette.sync("ecr", uid)
    with sandbox.palette.ordered(fails="registry content is broken"):
        failed = palette.sync("ecr", uid)
    assert (failed["status"], failed["message"]) == ("Failed", "registry content is broken")
    assert failed["lastRunTime"] > good["lastRunTime"]
    assert failed["lastSyncedTime"] == good["lastSyncedTime"]
    assert palette.versions(uid) == ["1.0.0"]
    again = palette.sync("ecr", uid)
    assert (again["status"], again["message"]) == ("Success", "")


def test_one_run_at_a_time(sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec) -> None:
    """PAL-41, PAL-51: a run that hangs keeps others out, until one is forced."""
    uid = register("ecr", make_spec())
    with sandbox.palette.ordered(hangs=True):
        trigger(palette, uid)
        hanging = until(palette, uid, "InProgress")
        trigger(palette, uid)
        time.sleep(0.5)
        assert palette.status("ecr", uid) == hanging
        trigger(palette, uid, "?forceSync=true")
        time.sleep(0.5)
        forced = palette.status("ecr", uid)
        assert forced["status"] == "InProgress"
        assert forced["lastRunTime"] > hanging["lastRunTime"]
        assert palette.send("DELETE", f"{OCI}/{uid}/ecr").status_code == 204  # PAL-30
    other = register("ecr", make_spec())
    with sandbox.palette.ordered(hangs=True):
        trigger(palette, other)
        until(palette, other, "InProgress")
    assert palette.wait("ecr", other)["status"] == "Success"  # the order is over


def test_packs_visible_late(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:  # PAL-51
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    with sandbox.palette.ordered(visible_seconds=0.5):
        assert palette.sync("ecr", uid)["status"] == "Success"
        assert palette.versions(uid) == []
        time.sleep(0.6)
        assert palette.versions(uid) == ["1.0.0"]


def test_sync_that_is_off(palette: Palette, register: Register, make_spec: MakeSpec) -> None:  # PAL-42
    uid = register("ecr", make_spec(providerType="helm", isSyncSupported=False))
    trigger(palette, uid)
    time.sleep(0.4)
    status = palette.status("ecr", uid)
    assert (status["isSyncSupported"], status["status"]) == (False, "Pending")


# ---- with which rights ------------------------------------------------------------------------------------------


def test_role(sandbox: Sandbox, palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec) -> None:
    """PAL-43, PAL-61: assumed by Palette's account, in a request as any other."""
    for condition in ({"StringEquals": {"sts:ExternalId": "somebody-else"}}, None):
        arn = make_role(Condition=condition) if condition else "arn:aws:iam::123456789012:role/none"
        uid, before = register("ecr", make_spec(arn)), sandbox.mark()
        status = palette.sync("ecr", uid)
        assert status["status"] == "Failed"
        assert "AccessDenied" in status["message"]
        assert f"sts:AssumeRole on resource: {arn}" in status["message"]
        assert [asked.status for asked in sandbox.requests(f"sts:AssumeRole {arn}", before)] == [403]
        assert not sandbox.requests("ecr:*", before)
    with sandbox.faults.add("sts:AssumeRole *", action="answer", answer="throttled"):
        uid = register("ecr", make_spec())
        assert "Throttling" in palette.sync("ecr", uid)["message"]
    assert palette.sync("ecr", uid)["status"] == "Success"


def test_role_known_late(
    sandbox: Sandbox, palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec
) -> None:  # PAL-50
    arn = make_role()
    uid = register("ecr", make_spec(arn))
    with sandbox.palette.ordered(role_seconds=1):
        answer = palette.send("POST", f"{OCI}/ecr/validate", make_spec(arn))
        assert answer.status_code == 400
        assert f"sts:AssumeRole on resource: {arn}" in answer.json()["message"]
        assert palette.sync("ecr", uid)["status"] == "Failed"
        time.sleep(1)
        assert palette.send("POST", f"{OCI}/ecr/validate", make_spec(arn)).status_code == 204
        assert palette.sync("ecr", uid)["status"] == "Success"


@pytest.mark.parametrize(
    "action",
    ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
)  # fmt: skip
def test_each_action_is_needed(
    palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec, shelf: Shelf, action: str
) -> None:  # PAL-44
    shelf.push("hello", "1.0.0", pack_layer())
    denied = make_role([*READER, {"Effect": "Deny", "Action": action, "Resource": "*"}])
    status = palette.sync("ecr", uid := register("ecr", make_spec(denied)))
    assert status["status"] == "Failed"
    assert action in status["message"]
    assert palette.versions(uid) == []


def test_access_key(palette: Palette, register: Register, make_user: MakeUser, shelf: Shelf) -> None:  # PAL-44
    shelf.push("hello", "1.0.0", pack_layer())
    user = make_user(*READER)
    uid = register("ecr", key_spec(shelf.base, user.access_key, user.secret_key))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == ["1.0.0"]
    status = palette.sync("ecr", register("ecr", key_spec(shelf.base, user.access_key, "wrong")))
    assert "InvalidSignatureException" in status["message"]


# ---- what is found ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("base", "found"),
    [("{}", True), ("/{}/", True), ("{}/spectro-packs", False), ("{}/spectro-packs/archive", False), ("s", False), ("", False)],
)  # fmt: skip
def test_base_path(
    palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf, base: str, found: bool
) -> None:
    """PAL-46: a wrong one is no failure."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec(baseContentPath=base.format(shelf.base)))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == (["1.0.0"] if found else [])


def test_one_level_below(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:  # PAL-46
    archive = f"{shelf.base}/spectro-packs/archive"
    shelf.push("deep/hello", "1.0.0", pack_layer())
    for name in (archive, f"{shelf.base}/spectro-packs/hello", f"{shelf.base}/x/spectro-packs/archive/hello"):
        shelf.make_repository(name)
        shelf.registry.push(name, "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    assert palette.sync("ecr", uid)["message"] == ""
    assert palette.versions(uid) == []


def test_provider_type(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:  # PAL-47
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec(providerType=None))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == []


def test_what_is_gone(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:
    """PAL-48, PAL-27: deleted in the registry, it goes at the next run; what stayed is not pulled again."""
    repository = shelf.push("hello", "1.0.0", pack_layer())
    shelf.push("hello", "1.1.0", pack_layer(version="1.1.0"))
    shelf.push("other", "1.0.0", pack_layer("other"))
    spec = make_spec()
    uid = register("ecr", spec)
    palette.sync("ecr", uid)
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    before = palette.get(f"/v1/packs/hello/registries/{uid}")["tags"]
    shelf.registry.send("DELETE", f"/v2/{repository}/manifests/1.0.0")
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    mark = sandbox.mark()
    palette.sync("ecr", uid)
    assert palette.versions(uid) == ["1.1.0"]
    assert palette.versions(uid, "other") == ["1.0.0"]
    assert palette.get(f"/v1/packs/hello/registries/{uid}")["tags"] == before[1:]
    assert not sandbox.requests("GET layer", mark)

    elsewhere = {"metadata": {"name": palette.get(f"{OCI}/{uid}/ecr")["metadata"]["name"]}, "spec": spec}
    spec["baseContentPath"] = "elsewhere"
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", elsewhere).status_code == 204
    assert palette.versions(uid) == ["1.1.0"]
    palette.sync("ecr", uid)
    assert palette.versions(uid) == []


def test_overwritten_tag(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """Another manifest under the same tag is read anew."""
    for values in (b"a: 1\n", b"a: 2\n"):
        shelf.push("hello", "1.0.0", pack_layer(files={"values.yaml": values}))
        uid = register("ecr", make_spec())
        palette.sync("ecr", uid)
        assert palette.get(f"/v1/packs/hello/registries/{uid}")["packValues"][0]["values"] == values.decode()


NO_PACKS = {
    "gz": b"no archive at all",
    "cut": pack_layer()[:100],
    "empty": pack_layer("x", files={"pack.json": b""}),
    "no-object": pack_layer("x", files={"pack.json": b"[]"}),
    "no-version": pack_layer("x", files={"pack.json": b'{"name": "no-version", "version": 1}'}),
    "other": pack_layer("hello"),
}


def test_no_packs(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-49: what is no pack keeps nothing else out."""
    shelf.push("hello", "1.0.0", pack_layer(cloudTypes="all", addonType=None))
    for name, layer in NO_PACKS.items():
        shelf.push(name, "1.0.0", layer)
    shelf.make_repository(bare := f"{shelf.base}/spectro-packs/archive/bare")
    for blob in (b"{}",):
        shelf.registry.push_blob(bare, blob)
    assert shelf.registry.put(bare, "1.0.0", manifest()).status_code == 201
    uid = register("ecr", make_spec())
    status = palette.sync("ecr", uid)
    assert status["status"] == "Success"
    for name in (*NO_PACKS, "bare"):
        assert f"archive/{name}:1.0.0: " in status["message"]
        assert palette.versions(uid, name) == []
    assert palette.versions(uid) == ["1.0.0"]
    assert "cloudTypes" not in palette.get(f"/v1/packs/hello/registries/{uid}")


@pytest.mark.parametrize(
    "what", ["GET layer", "GET /v2/*/manifests/*", "GET /v2/*/tags/list", "ecr:DescribeRepositories*"]
)
@pytest.mark.parametrize("order", [{"action": "cut"}, {"action": "answer", "answer": "unavailable"}])
def test_trouble_on_the_way(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf, what: str, order: Json
) -> None:
    """PAL-61: a failure, not a pack that is left out; once, without another try."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    with sandbox.faults.add(what, headers={"Retry-After": "1"}, **order) as fault:
        status = palette.sync("ecr", uid)
        assert len(fault.struck()) == 1
    assert (status["status"], palette.versions(uid)) == ("Failed", [])
    assert status["message"]
    assert palette.sync("ecr", uid)["status"] == "Success"


def test_large_layer(palette: Palette, tmp_path: Path) -> None:
    """PAL-62: in a sandbox of its own, whose memory nobody else uses."""
    with running_sandbox(tmp_path / "sandbox") as own:
        theirs = Palette(own)
        caller = Caller(own, own.variables["AWS_ACCESS_KEY_ID"], own.variables["AWS_SECRET_ACCESS_KEY"])
        caller.ecr.create_repository(repositoryName=(name := "base/spectro-packs/archive/hello"))
        uid = theirs.create("ecr", "r", key_spec("base", caller.access_key, caller.secret_key))
        assert theirs.sync("ecr", uid)["status"] == "Success"
        blocks = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(2**15))
        layer = pack_layer(files={"charts/large": blocks * 128})  # 128 MiB, hardly compressible
        assert len(layer) > 100 * 2**20
        caller.registry().push(name, "1.0.0", layer)
        before = peak(own.pid, reset=True)
        assert theirs.sync("ecr", uid)["status"] == "Success"
        assert theirs.versions(uid) == ["1.0.0"]
        assert peak(own.pid) - before < 64 * 2**20
        own.faults.control("POST", "/palette", {"hangs": True})
        trigger(theirs, uid)
        until(theirs, uid, "InProgress")
    assert (own.dir / "sandbox.log").read_text() == ""  # it ends without complaint in the middle of a run


def peak(pid: int, *, reset: bool = False) -> int:
    """The most memory a process held since the last reset, in bytes."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


# ---- basic registries -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("secure"), tls=True) as running:
        push(running, "project/spectro-packs/archive/hello", "1.0.0", pack_layer())
        push(running, "project/spectro-packs/archive", "base", pack_layer())
        yield running


def push(registry: RealRegistry, name: str, tag: str, layer: bytes) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        session.verify = registry.ca_file or False
        for blob in (b"{}", layer):
            started = session.post(f"https://{registry.host}/v2/{name}/blobs/uploads/")
            place = requests.compat.urljoin(started.url, started.headers["Location"])
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            assert session.put(place, params={"digest": digest}, data=blob).status_code == 201
        headers = {"Content-Type": json.loads(manifest())["mediaType"]}
        url = f"https://{registry.host}/v2/{name}/manifests/{tag}"
        assert session.put(url, data=manifest(layer), headers=headers).status_code == 201


@pytest.mark.registry
def test_basic(palette: Palette, register: Register, secure: RealRegistry) -> None:
    """PAL-11, PAL-14, PAL-45: with the CA, or without asking for any."""
    ca = Path(secure.ca_file or "").read_text()
    for tls in (
        {"certificate": ca},
        {"insecureSkipVerify": True},
        {"certificate": other_ca(), "insecureSkipVerify": True},
    ):
        for endpoint in (f"https://{secure.host}", f"https://{secure.host}/v2/"):
            spec = basic_spec(endpoint, "project", USER, PASSWORD, **tls)
            assert palette.send("POST", f"{OCI}/basic/validate", spec).status_code == 204
            uid = register("basic", spec)
            assert palette.sync("basic", uid)["status"] == "Success"
            assert palette.versions(uid) == ["1.0.0"]


def other_ca() -> str:
    return trustme.CA().cert_pem.bytes().decode()


Break = Callable[[RealRegistry], Json]


@pytest.mark.registry
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda _: {"password": "wrong"}, "401"),
        (lambda _: {"password": "********"}, "401"),
        (lambda _: {"user": "nobody"}, "401"),
        (lambda _: {"certificate": ""}, "CERTIFICATE_VERIFY_FAILED"),
        (lambda _: {"certificate": other_ca()}, "CERTIFICATE_VERIFY_FAILED"),
        (lambda _: {"certificate": "bm8gUEVN"}, "PEM"),
        (lambda _: {"endpoint": "https://127.0.0.1:1"}, "refused"),
        (lambda registry: {"endpoint": f"http://{registry.host}"}, "400"),
        (lambda registry: {"endpoint": f"https://{registry.host}/artifactory"}, "404"),
    ],
)
def test_basic_refused(
    palette: Palette, register: Register, secure: RealRegistry, change: Break, words: str
) -> None:  # PAL-13, PAL-45
    good = {"endpoint": f"https://{secure.host}", "user": USER, "password": PASSWORD}
    asked = {**good, "certificate": Path(secure.ca_file or "").read_text(), **change(secure)}
    spec = basic_spec(asked["endpoint"], "project", asked["user"], asked["password"], certificate=asked["certificate"])
    answer = palette.send("POST", f"{OCI}/basic/validate", spec)
    assert (answer.status_code, answer.json()["code"]) == (400, "InvalidCredentials")
    assert words in answer.json()["message"]
    assert PASSWORD not in answer.text
    uid = register("basic", spec)
    status = palette.sync("basic", uid)
    assert status["status"] == "Failed"
    assert words in status["message"]
    assert palette.versions(uid) == []


@pytest.mark.registry
def test_no_login_at_all(palette: Palette, register: Register, secure: RealRegistry, tmp_path: Path) -> None:
    """PAL-13, PAL-47: noAuth sends none; a token is not offered, nor is pod-identity (PAL-12)."""
    tls = {"certificate": Path(secure.ca_file or "").read_text()}
    spec: Json = {"endpoint": f"https://{secure.host}", "auth": {"type": "noAuth", "tls": tls}}
    assert "401" in palette.send("POST", f"{OCI}/basic/validate", spec).json()["message"]
    token = {**spec, "auth": {"type": "token", "token": "t", "tls": tls}}
    assert "not offered" in palette.send("POST", f"{OCI}/basic/validate", token).json()["message"]
    pod: Json = {**key_spec("base", "", ""), "credentials": {"credentialType": "pod-identity"}}
    assert "not offered" in palette.send("POST", f"{OCI}/ecr/validate", pod).json()["message"]
    with real_registry(tmp_path / "plain", tls=False) as plain:
        spec = {"endpoint": f"http://{plain.host}", "auth": {"type": "noAuth"}, "isSyncSupported": True}
        assert palette.send("POST", f"{OCI}/basic/validate", spec).status_code == 204
        assert palette.sync("basic", register("basic", spec))["status"] == "Success"


class _Website(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    def log_message(self, *_: object) -> None:
        pass


def test_no_registry_there(palette: Palette, register: Register) -> None:  # PAL-45
    with HTTPServer(("127.0.0.1", 0), _Website) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            uid = register("basic", basic_spec(f"http://127.0.0.1:{server.server_port}", "project", "u", "p"))
            status = palette.sync("basic", uid)
        finally:
            server.shutdown()
            thread.join()
    assert status["status"] == "Failed"
    assert "no list of repositories" in status["message"]


@pytest.mark.registry
def test_base_path_of_the_address(palette: Palette, register: Register, secure: RealRegistry) -> None:
    """PAL-45: it stands before /v2, where distribution's registry has nothing."""
    spec = basic_spec(f"https://{secure.host}", "project", USER, PASSWORD, insecureSkipVerify=True)
    assert palette.send("POST", f"{OCI}/basic/validate", {**spec, "basePath": "/"}).status_code == 204
    uid = register("basic", {**spec, "basePath": "/artifactory/api/docker/key/"})
    assert f"https://{secure.host}/artifactory/api/docker/key/v2/" in palette.sync("basic", uid)["message"]
