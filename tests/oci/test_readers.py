"""Published policies and files, as the programs read them for which they are made: opa loads the bundle from the registry,
oras pulls the files. conftest's own pull is that of oras into a folder (its downloader is ORAS's), so oras stands for it:
conftest takes five minutes to build.

Not part of `make test`: see test-readers in the Makefile.
"""

from __future__ import annotations

import contextlib
import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from packinfra.artifacts.files import ArtifactFile
from packinfra.artifacts.manifest import blobs_of, manifest_of
from packinfra.artifacts.sources import ArtifactSource, ConftestPolicy, Files, OpaBundle
from packinfra.oci import Reference
from packinfra.packs.archive import CREATED
from tests.support.artifacts import make_files, make_tgz
from tests.support.registry import BIN, PASSWORD, USER, RealRegistry, real_registry

pytestmark = pytest.mark.readers
REGO = "package authz\n\nimport rego.v1\n\nallow if input.user == data.users.admin\n"
FILES = {
    "policy/authz.rego": REGO,
    "policy/users/data.json": '{"admin": "ann"}',
    "b.txt": "b",
    "sub/c.json": '{"c": 1}',
}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("registry") / "r", tls=True) as running:
        yield running


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make_files(
        tmp_path, {**FILES, "bundle.tar.gz": make_tgz({"/x.rego": REGO, "/users/data.json": '{"admin": "ann"}'})}
    )


def push(registry: RealRegistry, name: str, source: ArtifactSource) -> str:
    content = source.read()
    assert content.errors == ()
    reference = Reference.of(f"{registry.host}/{name}", content.version)
    with registry.client() as client, content.parts(CREATED) as parts:
        client.push(reference, manifest_of(parts), blobs_of(parts))
    return str(reference)


def oras_pull(registry: RealRegistry, reference: str, into: Path) -> dict[str, str]:
    into.mkdir()
    login = ["--username", USER, "--password", PASSWORD, "--ca-file", registry.ca_file or ""]
    command = [str(BIN / "oras"), "pull", reference, "--output", str(into), *login]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={"HOME": str(into.parent)})
    assert done.returncode == 0, done.stdout + done.stderr
    return {str(path.relative_to(into)): path.read_text() for path in into.rglob("*") if path.is_file()}


@pytest.mark.parametrize("image_spec", ["v1.0", "v1.1"])
def test_oras_pulls_files(registry: RealRegistry, folder: Path, image_spec: Any) -> None:
    files = [ArtifactFile("b.txt", "text/plain"), ArtifactFile("sub/c.json", "application/json", "d/e.json")]
    source = Files("1.0.0", files, artifact_type="application/vnd.acme.cfg", image_spec=image_spec)
    reference = push(registry, f"artifacts/cfg-{image_spec}", source)
    assert oras_pull(registry, reference, folder / "pulled") == {"b.txt": "b", "d/e.json": '{"c": 1}'}


def test_oras_pulls_policies_as_conftest_does(registry: RealRegistry, folder: Path) -> None:
    pulled = oras_pull(registry, push(registry, "policies/conf", ConftestPolicy("policy", "1.0.0")), folder / "pulled")
    assert pulled == {"authz.rego": REGO, "users/data.json": '{"admin": "ann"}'}


@pytest.mark.parametrize("path", ["policy", "bundle.tar.gz"])
def test_opa_loads_the_bundle(registry: RealRegistry, folder: Path, path: str) -> None:
    """From the registry, over TLS, with its own client; then it decides by it."""
    name = f"policies/{path.replace('.', '-')}"
    reference = push(registry, name, OpaBundle(path, "1.0.0"))
    config = {
        "services": {"registry": {
            "type": "oci", "url": f"https://{registry.host}",
            "credentials": {"bearer": {"scheme": "Basic", "token": f"{USER}:{PASSWORD}"}},
            "tls": {"ca_cert": registry.ca_file},
        }},
        "bundles": {"authz": {"service": "registry", "resource": reference}},
        "persistence_directory": str(folder / "opa"),
    }  # fmt: skip
    (folder / "opa.json").write_text(json.dumps(config))
    with socket.create_server(("127.0.0.1", 0)) as free:  # opa doesn't say which port it took
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [str(BIN / "opa"), "run", "--server", "-c", "opa.json", "--addr", address, "--log-format", "json"]
    with (folder / "log").open("wb") as log:
        opa = subprocess.Popen(
            command, stdout=log, stderr=log, env={"HOME": str(folder), "SSL_CERT_FILE": registry.ca_file or ""}
        )
    try:
        _wait_for_the_bundle(opa, address, folder / "log")
        url = f"http://{address}/v1/data/authz/allow"
        allowed = [
            requests.post(url, json={"input": {"user": user}}, timeout=10).json().get("result", False)
            for user in ("ann", "bob")
        ]
    finally:
        opa.terminate()
        opa.wait(10)
    assert allowed == [True, False], (folder / "log").read_text()


def _wait_for_the_bundle(opa: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        with contextlib.suppress(requests.ConnectionError):
            if requests.get(f"http://{address}/health?bundles", timeout=10).ok:
                return
        assert opa.poll() is None, log.read_text()
        time.sleep(0.05)
    raise AssertionError(log.read_text())
