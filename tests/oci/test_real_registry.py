"""The client against distribution's registry, 3 and 2.8: plain, and with TLS of an own CA and a password. crane reads it
back."""

from __future__ import annotations

import hashlib
import io
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.artifacts.pack import pack_manifest
from packinfra.oci import Client, Reference
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from packinfra.oci.errors import CertificateUntrusted, DeleteDisabled, NotAuthorized
from packinfra.oci.manifest import Manifest
from packinfra.oci.same_registry import same_registry
from packinfra.oci.transport import Transport
from tests.support.oci import CREATED, sha
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry

pytestmark = pytest.mark.registry

MIB = 1 << 20
PEAK = 96 * MIB
"""What a push may need, whatever the layer's size."""


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("plain"), tls=False) as running:
        yield running


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("secure"), tls=True) as running:
        running.crane("auth", "login", running.host, "-u", USER, "-p", PASSWORD)
        yield running


@pytest.fixture(scope="module")
def plain2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("plain2"), tls=False, version=2) as running:
        yield running


@pytest.fixture(scope="module")
def secure2(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("secure2"), tls=True, version=2) as running:
        running.crane("auth", "login", running.host, "-u", USER, "-p", PASSWORD)
        yield running


@pytest.fixture(params=["plain", "secure", "plain2", "secure2"])
def registry(request: pytest.FixtureRequest) -> RealRegistry:
    running: RealRegistry = request.getfixturevalue(request.param)
    return running


@pytest.fixture
def client(registry: RealRegistry) -> Client:
    return registry.client()


def reference(registry: RealRegistry, name: str, tag: str = "1.0.0") -> Reference:
    return Reference.of(f"{registry.host}/base/spectro-packs/archive/{name}", tag)


def described(name: str, tag: str, layer: bytes) -> Manifest:
    return pack_manifest(f"{name}-{tag}.tar.gz", sha(layer), len(layer), CREATED)


def requests_since(registry: RealRegistry, before: int) -> Counter[str]:
    shapes = [re.sub(r"/v2/.*/(manifests|blobs/uploads|blobs|tags)/.*", r"\1", r) for r in registry.requests[before:]]
    return Counter(shapes)


@pytest.mark.parametrize("size", [1, 100, 65_536, 65_537, 5 * MIB])
def test_pushed_is_what_crane_pulls(registry: RealRegistry, client: Client, size: int, tmp_path: Path) -> None:
    layer = (hashlib.sha512(str(size).encode()).digest() * (size // 64 + 1))[:size]
    to = reference(registry, f"size-{size}")
    manifest = described("size", "1.0.0", layer)
    before = len(registry.requests)
    assert client.resolve(to) is None
    assert client.push(to, manifest, lambda: io.BytesIO(layer)).sent == size + 2
    assert client.resolve(to) == manifest.digest
    assert requests_since(registry, before) == Counter(
        {"HEAD manifests": 2, "HEAD blobs": 2, "POST blobs/uploads": 2, "PUT blobs/uploads": 2, "PUT manifests": 1}
    )  # 8, and 1 for the second look
    assert registry.crane("manifest", str(to)).encode() == manifest.body
    assert registry.crane("digest", str(to)).strip() == manifest.digest
    blob = f"{str(to).rpartition(':')[0]}@{manifest.layers[0].digest}"
    assert registry.crane_bytes("blob", blob) == layer
    with (tmp_path / "pulled").open("w+b") as into:
        read = client.manifest(to)
        assert read
        client.pull(to, read.layers[0], into)
    assert (tmp_path / "pulled").read_bytes() == layer


def test_six_requests_where_the_config_is(registry: RealRegistry, client: Client) -> None:
    first, second = (reference(registry, "six", tag) for tag in ("1.0.0", "1.1.0"))
    client.push(first, described("six", "1.0.0", b"one"), lambda: io.BytesIO(b"one"))
    before = len(registry.requests)
    assert client.resolve(second) is None
    client.push(second, described("six", "1.1.0", b"two"), lambda: io.BytesIO(b"two"))
    assert len(registry.requests) - before == 6


def test_eight_threads_and_several_versions_of_each(registry: RealRegistry, client: Client) -> None:
    """Also of one repository at once; nothing is refused and nothing tried again."""
    jobs = [(f"many-{name}", f"1.{version}.0") for version in range(6) for name in range(4)]

    def publish(job: tuple[str, str]) -> str:
        name, tag = job
        layer = f"{name} {tag}".encode() * 5000
        return client.push(
            reference(registry, name, tag), described(name, tag, layer), lambda: io.BytesIO(layer)
        ).digest

    before = len(registry.requests)
    with ThreadPoolExecutor(8) as threads:
        digests = dict(zip(jobs, threads.map(publish, jobs), strict=True))
    assert len(registry.requests) - before == 4 * (8 - 1) + 20 * (6 - 1)
    for (name, tag), digest in digests.items():
        assert client.resolve(reference(registry, name, tag)) == digest
    listed = registry.crane("ls", str(reference(registry, "many-0")).rpartition(":")[0]).split()
    assert sorted(listed) == sorted(client.tags(reference(registry, "many-0"))) == [f"1.{n}.0" for n in range(6)]


@pytest.mark.parametrize("attempt", range(5))
def test_eight_clients_on_one_repository(registry: RealRegistry, attempt: int) -> None:
    """Each client serialises for itself only, as processes do. distribution writes its links without a lock and now
    and then responds to the race with 500 or DIGEST_INVALID; that is tried again."""
    clients, name = [registry.client() for _ in range(8)], f"race-{attempt}"

    def publish(number: int) -> str:
        tag, layer = f"1.{number}.0", str(number).encode() * 1000
        to = reference(registry, name, tag)
        return clients[number].push(to, described(name, tag, layer), lambda: io.BytesIO(layer)).digest

    with ThreadPoolExecutor(8) as threads:
        digests = list(threads.map(publish, range(8)))
    assert digests == [clients[0].resolve(reference(registry, name, f"1.{n}.0")) for n in range(8)]


def test_the_empty_base_path(registry: RealRegistry, client: Client) -> None:
    manifest = base_path_manifest(CREATED)
    to = Reference.of(f"{registry.host}/base/spectro-packs/archive", manifest.digest)
    for sent in (2, 0):
        assert client.push(to, manifest).sent == sent
    assert client.resolve(to) == manifest.digest
    assert json.loads(registry.crane("manifest", str(to)))["layers"] == []
    assert client.tags(to) == []


def test_deletes(registry: RealRegistry, client: Client) -> None:
    first, other = (reference(registry, "doomed", tag) for tag in ("1.0.0", "stays"))
    manifest = described("doomed", "1.0.0", b"doomed")
    for to in (first, other):
        client.push(to, manifest, lambda: io.BytesIO(b"doomed"))
    if registry.version == 2:  # it can't remove one of two tags
        with pytest.raises(DeleteDisabled, match="take along the tags stays"):
            client.delete(first, manifest.digest)
        assert sorted(client.tags(first)) == ["1.0.0", "stays"]
    else:
        client.delete(first, manifest.digest)
        client.delete(first, manifest.digest)
        assert client.tags(first) == ["stays"]
        assert client.resolve(first, confirm_missing=True) is None
        assert client.resolve(other) == manifest.digest


def test_deletes_by_digest(registry: RealRegistry, client: Client) -> None:
    first, other = (reference(registry, "gone", tag) for tag in ("1.0.0", "2.0.0"))
    manifests = {to: described("gone", to.reference, to.reference.encode()) for to in (first, other)}
    for to, manifest in manifests.items():
        client.push(to, manifest, partial(io.BytesIO, to.reference.encode()))
    untagged = Reference(first.host, first.repository, manifests[first].digest)
    with pytest.raises(DeleteDisabled, match=r"take along the tags 1\.0\.0"):
        client.delete(untagged, untagged.reference)
    for _ in range(2):
        client.delete(first, untagged.reference)
    assert client.tags(first) == ["2.0.0"]
    assert client.resolve(untagged, confirm_missing=True) is None, "it isn't pulled by its digest any more"
    client.delete(untagged, untagged.reference)
    client.delete(other, manifests[other].digest)
    assert client.tags(first) == []


def test_thirty_versions_go(registry: RealRegistry, client: Client) -> None:
    tags = [f"1.{number}.0" for number in range(30)]
    for tag in tags:
        client.push(
            reference(registry, "many", tag), described("many", tag, tag.encode()), partial(io.BytesIO, tag.encode())
        )
    before, removal = len(registry.requests), client.removal(reference(registry, "many"))
    for tag in tags:
        digest = removal.resolve(tag)
        assert digest
        removal.delete(tag, digest)
    assert requests_since(registry, before) == Counter({"HEAD manifests": 30, "DELETE manifests": 30, "GET tags": 1})
    assert client.tags(reference(registry, "many")) == []


@pytest.mark.parametrize("version", [2, 3])
def test_one_registry_under_two_names(tmp_path: Path, version: int) -> None:
    def transport(host: str) -> Transport:
        return Transport(host, plain_http=True)

    with (
        real_registry(tmp_path / "one", tls=False, version=version) as one,
        real_registry(tmp_path / "other", tls=False, version=version) as other,
    ):
        to = reference(one, "probe")
        for registry in (one, other):
            registry.client().push(to, described("probe", "1.0.0", b"x"), lambda: io.BytesIO(b"x"))
        alias = one.host.replace("127.0.0.1", "localhost")
        assert same_registry(transport(one.host), transport(alias), to) is True
        assert same_registry(transport(one.host), transport(other.host), to) is False
        assert same_registry(transport(one.host), transport("127.0.0.1:9"), to) is None
        assert not list(tmp_path.rglob("_uploads/*/data")), "no upload stays; distribution leaves an empty folder"


@pytest.mark.parametrize("version", [2, 3])
def test_deletes_that_are_off(tmp_path: Path, version: int) -> None:
    with real_registry(tmp_path, tls=False, delete=False, version=version) as registry:
        client, manifest = registry.client(), base_path_manifest(CREATED)
        to = reference(registry, "kept", manifest.digest)
        client.push(to, manifest)
        with pytest.raises(DeleteDisabled, match=r"405 UNSUPPORTED.*\n.*storage\.delete\.enabled"):
            client.delete(to, manifest.digest)
        assert client.resolve(to) == manifest.digest


def test_wrong_password_and_unknown_ca(secure: RealRegistry) -> None:
    registry, to = secure, reference(secure, "x")
    for credentials in (Credentials(USER, "wrong"), Credentials("nobody", PASSWORD)):
        wrong = Transport(registry.host, RegistryCredentials(registry.host, credentials), ca_file=registry.ca_file)
        with pytest.raises(NotAuthorized, match="401 UNAUTHORIZED"):
            Client(wrong).resolve(to)
    with pytest.raises(CertificateUntrusted, match=r"self-signed|unable to get local issuer"):
        Client(Transport(registry.host)).resolve(to)


@pytest.mark.parametrize("size", [256 * MIB, 1024 * MIB], ids=["256 MiB", "1 GiB"])
def test_memory_stays_flat(secure: RealRegistry, size: int, tmp_path: Path) -> None:
    """A process of its own pushes a large layer; its peak is what it ever had in memory."""
    registry = secure
    layer = tmp_path / "layer"
    digest = hashlib.sha256()
    block = hashlib.sha512(b"block").digest() * (MIB // 64)
    with layer.open("wb") as out:
        for _ in range(size // MIB):
            out.write(block)
            digest.update(block)
    name = f"large-{size // MIB}"
    script = f"""
from packinfra.artifacts.pack import pack_manifest
from packinfra.oci import Client, Reference
from tests.oci.test_real_registry import reference
from tests.support.registry import RealRegistry
from pathlib import Path
registry = RealRegistry({registry.host!r}, {registry.ca_file!r}, Path(), 3)
manifest = pack_manifest("large-1.0.0.tar.gz", "sha256:{digest.hexdigest()}", {size}, "{CREATED}")
to = reference(registry, {name!r})
print(registry.client().push(to, manifest, lambda: open({str(layer)!r}, "rb")).digest)
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, check=False)
    layer.unlink()
    assert done.returncode == 0, done.stderr
    pushed, peak = done.stdout.split()
    assert registry.crane("digest", str(reference(registry, name))).strip() == pushed
    assert int(peak) * 1024 <= PEAK
