"""The same files for crane and for us, at a registry with a password: whatever crane can log in with, packinfra can."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.oci import Client, Manifest, Reference
from packinfra.oci.auth.credentials import RegistryCredentials
from packinfra.oci.errors import NotAuthorized
from packinfra.oci.transport import Transport
from tests.support.oci import CREATED
from tests.support.registry import BIN, PASSWORD, USER, RealRegistry, real_registry

pytestmark = pytest.mark.registry

GOOD = {"auth": base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
WRONG = {"username": "nobody", "password": "wr0ng"}
CASES: dict[str, tuple[dict[str, Any], bool]] = {
    "user name and password (kubewarden#1734)": ({"HOST": {"username": USER, "password": PASSWORD}}, True),
    "a scheme and Docker's old path": ({"https://HOST/v1/": GOOD}, True),
    "a whole repository": ({"HOST": WRONG, "HOST/team/packs/hello": GOOD}, True),
    "an empty identity token, a stranger's empty entry": ({"HOST": {**GOOD, "identitytoken": ""}, "o": {}}, True),
    "another path": ({"HOST/other": GOOD, "HOST": WRONG}, False),
}
ONLY_OURS: dict[str, dict[str, Any]] = {
    "a path, as podman (skopeo#773)": {"HOST": WRONG, "HOST/team": GOOD},
    "a stranger's broken entry (kaniko#670)": {"HOST": GOOD, "o": {"auth": "%"}},
}


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RealRegistry, Manifest]]:
    with real_registry(tmp_path_factory.mktemp("logins"), tls=True) as registry:
        manifest = base_path_manifest(CREATED, "a test")
        with registry.client() as client:
            client.push(reference(registry), manifest)
        yield registry, manifest


def reference(registry: RealRegistry) -> Reference:
    return Reference.of(f"{registry.host}/team/packs/hello", "1.0.0")


def ours(registry: RealRegistry, environment: dict[str, str]) -> str | None:
    login = RegistryCredentials(registry.host, environment=environment)
    with Client(Transport(registry.host, login, ca_file=registry.ca_file)) as client:
        return client.resolve(reference(registry))


def logged_in(registry: RealRegistry, folder: Path, entries: dict[str, Any]) -> dict[str, str]:
    auths = {key.replace("HOST", registry.host): entry for key, entry in entries.items()}
    (folder / "config.json").write_text(json.dumps({"auths": auths}))
    return {**os.environ, "DOCKER_CONFIG": str(folder), "SSL_CERT_FILE": registry.ca_file or ""}


@pytest.mark.parametrize("case", CASES)
def test_crane_and_packinfra_agree(published: tuple[RealRegistry, Manifest], case: str, tmp_path: Path) -> None:
    registry, manifest = published
    entries, works = CASES[case]
    environment = logged_in(registry, tmp_path, entries)
    crane = subprocess.run(
        [str(BIN / "crane"), "digest", str(reference(registry))], env=environment, capture_output=True, check=False
    )
    assert (crane.returncode == 0) is works, crane.stderr
    if works:
        assert ours(registry, environment) == manifest.digest
    else:
        with pytest.raises(NotAuthorized, match=f'auths entry "{registry.host}" in {tmp_path}/config.json'):
            ours(registry, environment)


@pytest.mark.parametrize("case", ONLY_OURS)
def test_what_crane_does_not_take(published: tuple[RealRegistry, Manifest], case: str, tmp_path: Path) -> None:
    registry, manifest = published
    assert ours(registry, logged_in(registry, tmp_path, ONLY_OURS[case])) == manifest.digest


def test_what_crane_writes(published: tuple[RealRegistry, Manifest]) -> None:
    registry, manifest = published
    registry.crane("auth", "login", registry.host, "-u", USER, "-p", PASSWORD)
    assert ours(registry, {**os.environ, "DOCKER_CONFIG": str(registry.log.parent)}) == manifest.digest
