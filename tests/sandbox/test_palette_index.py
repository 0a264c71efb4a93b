"""The Palette stand-in reads registries (sandbox/palette/behaviour.md): which packs it lists."""

import gzip
import hashlib
from pathlib import Path

import pytest

from tests.support.aws import Caller, Json, MakeSpec, Register, Shelf, manifest
from tests.support.palette import OCI, Palette, key_spec, pack_layer
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize(
    ("base", "listed"),
    [("{}", True), ("/{}/", True), ("{}/spectro-packs", False), ("{}/spectro-packs/archive", False), ("s", False), ("", False)],
)  # fmt: skip
def test_base_path(
    palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf, base: str, listed: bool
) -> None:
    """PAL-46: a wrong one is not an error."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec(baseContentPath=base.format(shelf.base)))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == (["1.0.0"] if listed else [])


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


def test_charts(sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-108: a wrong secret fails the run; a good one reads nothing below the base path."""
    shelf.push("hello", "1.0.0", pack_layer())
    mark = sandbox.mark()
    uid = register("ecr", make_spec(providerType="helm", baseContentPath=f"{shelf.base}/charts"))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert not sandbox.requests("ecr:DescribeRepositories*", mark)
    assert palette.versions(uid) == []
    wrong = key_spec(shelf.base, "AKIAIOSFODNN7EXAMPLE", "wrong", providerType="helm")
    failed = palette.sync("ecr", register("ecr", wrong))
    assert failed["status"] == "Failed"
    assert failed["message"]


def test_deleted_packs(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:
    """PAL-48, PAL-27: packs deleted in the registry disappear at the next run; the others are not pulled again."""
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
    """Another manifest with the same tag is read again."""
    for values in (b"a: 1\n", b"a: 2\n"):
        shelf.push("hello", "1.0.0", pack_layer(files={"values.yaml": values}))
        uid = register("ecr", make_spec())
        palette.sync("ecr", uid)
        assert palette.get(f"/v1/packs/hello/registries/{uid}")["packValues"][0]["values"] == values.decode()


def members(layer: bytes) -> bytes:
    """The same archive in gzip members of 512 bytes, so that one ends within the first file."""
    tar = gzip.decompress(layer)
    return b"".join(gzip.compress(tar[start : start + 512]) for start in range(0, len(tar), 512))


def test_several_gzip_members(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-65, as packs above 8 MiB have them. A damaged second member is as bad as a damaged first."""
    shelf.push("hello", "1.0.0", layer := members(pack_layer()))
    shelf.push("hello", "1.1.0", members(pack_layer(version="1.1.0"))[: len(layer) // 2])
    uid = register("ecr", make_spec())
    status = palette.sync("ecr", uid)
    assert palette.versions(uid) == ["1.0.0"]
    assert palette.get(f"/v1/packs/hello/registries/{uid}")["packValues"][0]["values"] == "a: 1\n"
    assert "archive/hello:1.1.0: its layer is no .tar.gz" in status["message"]


NO_PACKS = {
    "gz": b"no archive at all",
    "cut": pack_layer()[:100],
    "empty": pack_layer("x", files={"pack.json": b""}),
    "no-object": pack_layer("x", files={"pack.json": b"[]"}),
    "no-version": pack_layer("x", files={"pack.json": b'{"name": "no-version", "version": 1}'}),
    "other": pack_layer("hello"),
}


def test_artifacts_that_are_not_packs(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-49: artifacts that are not packs don't affect the others."""
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
    "pattern", ["GET layer", "GET /v2/*/manifests/*", "GET /v2/*/tags/list", "ecr:DescribeRepositories*"]
)
@pytest.mark.parametrize("fault", [{"action": "cut"}, {"action": "respond", "response": "unavailable"}])
def test_failed_requests(
    sandbox: Sandbox,
    palette: Palette,
    register: Register,
    make_spec: MakeSpec,
    shelf: Shelf,
    pattern: str,
    fault: Json,
) -> None:
    """PAL-61: the run fails, instead of skipping a pack, and without a retry."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    with sandbox.faults.add(pattern, headers={"Retry-After": "1"}, **fault) as added:
        status = palette.sync("ecr", uid)
        assert len(added.hits()) == 1
    assert (status["status"], palette.versions(uid)) == ("Failed", [])
    assert status["message"]
    assert palette.sync("ecr", uid)["status"] == "Success"


def test_large_layer(tmp_path: Path) -> None:
    """PAL-62: in a separate sandbox, whose memory no other test uses."""
    with running_sandbox(tmp_path / "sandbox") as own:
        palette = Palette(own)
        caller = Caller(own, own.variables["AWS_ACCESS_KEY_ID"], own.variables["AWS_SECRET_ACCESS_KEY"])
        caller.ecr.create_repository(repositoryName=(name := "base/spectro-packs/archive/hello"))
        uid = palette.create("ecr", "r", key_spec("base", caller.access_key, caller.secret_key))
        assert palette.sync("ecr", uid)["status"] == "Success"
        blocks = b"".join(hashlib.sha256(str(n).encode()).digest() for n in range(2**15))
        layer = pack_layer(files={"charts/large": blocks * 128})  # 128 MiB, hardly compressible
        assert len(layer) > 100 * 2**20
        caller.registry().push(name, "1.0.0", layer)
        before = peak(own.pid, reset=True)
        assert palette.sync("ecr", uid)["status"] == "Success"
        assert palette.versions(uid) == ["1.0.0"]
        assert peak(own.pid) - before < 64 * 2**20
        own.faults.control("POST", "/palette", {"hangs": True})
        palette.trigger("ecr", uid)
        palette.until("ecr", uid, "InProgress")
    assert (own.dir / "sandbox.log").read_text() == ""  # it stops in the middle of a run without an error


def peak(pid: int, *, reset: bool = False) -> int:
    """The peak of a process's memory since the last reset, in bytes."""
    if reset:
        Path(f"/proc/{pid}/clear_refs").write_text("5")
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024
