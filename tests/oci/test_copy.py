"""Copies between distribution 2.8 and 3, with TLS and a password on one side; crane and helm read them back."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.oci import Reference
from packinfra.oci.copy import Copied, Copier, End
from tests.support.images import Artifact, image, index, referrer
from tests.support.oci import sha
from tests.support.registry import BIN, RealRegistry, real_registry

pytestmark = pytest.mark.registry

PLATFORMS = index(
    image(b"amd64" * 100_000, b"shared", config=b'{"os":"linux","architecture":"amd64"}'),
    image(b"arm64" * 100_000, b"shared", config=b'{"os":"linux","architecture":"arm64"}'),
)
SIGNATURE = referrer(PLATFORMS, b"a signature")
OF_SIGNATURE = referrer(SIGNATURE, b"a countersignature")


@pytest.fixture(scope="module", params=[(2, 3), (3, 2)], ids=["2 to 3", "3 to 2"])
def registries(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RealRegistry, RealRegistry]]:
    one, other = request.param
    with (
        real_registry(tmp_path_factory.mktemp("source"), tls=True, version=one) as source,
        real_registry(tmp_path_factory.mktemp("target"), tls=False, version=other) as target,
    ):
        yield source, target


def end(registry: RealRegistry, repository: str, side: str) -> End:
    return End(registry.client(), registry.host, repository, side)


def push(to: End, *artifacts: Artifact) -> None:
    for artifact in artifacts:
        artifact.push(to.client, Reference(to.host, to.repository, artifact.digest))


def copy(source: End, target: End, digest: str, *tags: str, referrers: bool = False) -> Copied:
    return Copier(source, target, digest).run(tags, referrers=referrers)


def test_an_index_with_what_refers_to_it(registries: tuple[RealRegistry, RealRegistry]) -> None:
    """Neither version has the Referrers API, so the fallback tags are read, and written anew."""
    one, other = registries
    source, target = end(one, "team/app", "source"), end(other, "prod/app", "target")
    push(source, PLATFORMS, SIGNATURE, OF_SIGNATURE)
    for subject, entry in ((PLATFORMS, SIGNATURE), (SIGNATURE, OF_SIGNATURE)):
        tag = subject.digest.replace(":", "-")
        index(entry).push(source.client, Reference(source.host, source.repository, tag))
    copied = copy(source, target, PLATFORMS.digest, "1.0.0", "latest", referrers=True)
    assert copied.referrers == (SIGNATURE.digest, OF_SIGNATURE.digest)
    at = f"{other.host}/prod/app"
    assert other.crane("digest", f"{at}:latest").strip() == PLATFORMS.digest
    assert other.crane_bytes("manifest", f"{at}:1.0.0") == PLATFORMS.manifest
    for blob in {blob for child in PLATFORMS.children for blob in child.blobs}:
        assert other.crane_bytes("blob", f"{at}@{sha(blob)}") == blob
    fallback = json.loads(other.crane("manifest", f"{at}:{PLATFORMS.digest.replace(':', '-')}"))
    assert [entry["digest"] for entry in fallback["manifests"]] == [SIGNATURE.digest]
    assert other.crane_bytes("blob", f"{at}@{sha(b'a countersignature')}") == b"a countersignature"
    before = len(other.requests)
    copy(source, target, PLATFORMS.digest, referrers=True)
    assert {request.split()[0] for request in other.requests[before:]} <= {"GET", "HEAD"}, "nothing changed"


def test_in_one_registry_blobs_are_mounted(registries: tuple[RealRegistry, RealRegistry]) -> None:
    one, _ = registries
    source, target = end(one, "team/app", "source"), end(one, "prod/mounted", "target")
    push(source, PLATFORMS)
    before = len(one.requests)
    assert copy(source, target, PLATFORMS.digest, "1.0.0").sent == 0
    requests = [request for request in one.requests[before:] if "/blobs/" in request and not request.startswith("HEAD")]
    assert {request.split()[0] for request in requests} == {"POST"}
    assert len(requests) == 5


def test_a_chart(registries: tuple[RealRegistry, RealRegistry], tmp_path: Path) -> None:
    """Helm's manifest doesn't name its media type. helm pushes it, and pulls the copy of a copy. (On loopback it speaks no
    TLS.)"""
    one, other = registries
    first, between, last = (
        end(other, "team/mini", "source"),
        end(one, "relay/mini", "target"),
        end(other, "p/mini", "target"),
    )
    (tmp_path / "mini/templates").mkdir(parents=True)
    (tmp_path / "mini/Chart.yaml").write_text("apiVersion: v2\nname: mini\nversion: 0.1.0\n")
    (tmp_path / "mini/templates/x.yaml").write_text("kind: ConfigMap\n")
    environment = {**os.environ, "HOME": str(tmp_path)}

    def helm(*arguments: str) -> None:
        command = [str(BIN / "helm"), *arguments]
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr

    helm("package", "mini")
    helm("push", "mini-0.1.0.tgz", f"oci://{other.host}/team", "--plain-http")
    digest = first.client.resolve(first.at("0.1.0"))
    assert digest
    copy(first, between, digest, "0.1.0")
    copy(between, last, digest, "0.1.0")
    (tmp_path / "pulled").mkdir()
    helm("pull", f"oci://{other.host}/p/mini", "--version", "0.1.0", "--plain-http", "-d", "pulled")
    assert (tmp_path / "pulled/mini-0.1.0.tgz").read_bytes() == (tmp_path / "mini-0.1.0.tgz").read_bytes()
    assert other.crane("digest", f"{other.host}/p/mini:0.1.0").strip() == digest
