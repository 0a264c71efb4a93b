"""Charts, policies and files through the real engine, on the sandbox's ECR and on distribution's registry; there Helm and
crane, which others wrote, read what was published."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.oci import Client, Reference
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from packinfra.oci.transport import Transport
from tests.support.artifacts import make_chart_folder, make_files
from tests.support.ecr import Ecr
from tests.support.helm import Helm
from tests.support.palette import Palette
from tests.support.project import Project
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine
SETTINGS: dict[str, Any] = {
    "charts": ["charts/*"],
    "policies": [
        {"name": "authz", "version": "1.0.0", "path": "policy"},
        {"name": "conf", "version": "1.0.0", "path": "policy", "format": "conftest"},
    ],
    "artifacts": [
        {"name": "cfg", "version": "1.0.0", "artifactType": "application/vnd.acme.cfg",
         "files": [{"path": "a.json", "mediaType": "application/json"}]},
    ],
}  # fmt: skip
PATHS = ["artifacts/cfg", "charts/web", "policies/authz", "policies/conf"]


@pytest.fixture
def project(project: Project) -> Project:
    make_chart_folder(project.folder / "charts/web", description="hello")
    make_files(project.folder, {"policy/a.rego": "package a\n", "policy/data.json": '{"a": 1}', "a.json": '{"b": 2}'})
    return project


def test_on_ecr(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    """Palette, which reads the same registry, lists the pack and nothing else."""
    registered = {"palette": {"name": project.base_path}}
    project.configure(**SETTINGS, **registered)
    project.up()
    assert Palette(sandbox).versions(project.output("paletteRegistryUid")) == ["1.0.0"]
    artifacts = project.output("artifacts")
    assert sorted(artifacts) == PATHS
    for path in PATHS:
        assert ecr.tags(f"{project.base_path}/{path}") == artifacts[path]["versions"]
        assert ecr.has_all(f"{project.base_path}/{path}", "1.0.0")

    make_chart_folder(project.folder / "charts/web", {"values.yaml": "text: new\n"}, version="1.1.0+b1")
    shown = project.run("preview")
    assert "web 1.1.0_b1 will be published as sha256:" in shown
    assert "since 1.0.0: changed Chart.yaml, values.yaml" in shown
    project.up()
    assert ecr.tags(f"{project.base_path}/charts/web").keys() == {"1.0.0", "1.1.0_b1"}

    less = {**SETTINGS, **registered, "charts": None, "policies": SETTINGS["policies"][:1]}
    project.configure(**less)
    refused = project.run("preview", succeeds=False)
    assert "2 published artifacts have no source any more:\n      charts/web: 1.0.0, 1.1.0_b1" in refused
    project.configure(**less, removedArtifacts=["charts/web", "policies/conf"])
    project.up()
    assert [name for name in ecr.names(project.base_path) if "spectro-packs" not in name] == [
        f"{project.base_path}/{path}" for path in ("artifacts/cfg", "policies/authz")
    ]
    foreign = f"{project.base_path}/policies/authz"
    ecr.push(foreign, "theirs", b"layer")
    assert f"repository {foreign} contains images that this stack does not delete: theirs" in project.destroy(
        succeeds=False
    )
    assert ecr.tags(foreign).keys() == {"1.0.0", "theirs"}
    ecr.delete_tag(foreign, "theirs")
    project.destroy()
    assert ecr.names(project.base_path) == []


@pytest.fixture
def registry(project: Project, tmp_path: Path) -> Iterator[RealRegistry]:
    """distribution with TLS and a password; the stack's registry."""
    with real_registry(tmp_path / "registry", tls=True) as running:
        assert running.ca_file
        shutil.copy(running.ca_file, project.folder / "ca.pem")
        where = {
            "kind": "basic",
            "host": running.host,
            "basePath": project.base_path,
            "caFile": "ca.pem",
            "username": USER,
        }
        project.configure(
            registry=where, repositories=None, aws_region=None, aws_allowedAccountIds=None, **SETTINGS,
        )  # fmt: skip
        project.secret("registryPassword", PASSWORD)
        yield running


@pytest.mark.registry
def test_on_distribution(project: Project, registry: RealRegistry, tmp_path: Path) -> None:
    project.up()
    project.same()
    artifacts = project.output("artifacts")
    base = f"{registry.host}/{project.base_path}"
    assert {path: each["repository"] for path, each in artifacts.items()} == {path: f"{base}/{path}" for path in PATHS}

    helm = Helm(registry, tmp_path / "helm")
    chart = f"{project.base_path}/charts/web"
    assert "data: {text: hello}" in helm.template(chart, "1.0.0")
    pulled = helm.pull(chart, "1.0.0").read_bytes()
    registry.crane("auth", "login", registry.host, "-u", USER, "-p", PASSWORD)
    manifest = json.loads(registry.crane("manifest", f"{base}/charts/web:1.0.0"))
    assert manifest["layers"][0]["digest"] == f"sha256:{hashlib.sha256(pulled).hexdigest()}"
    for path in PATHS:
        assert registry.crane("digest", f"{base}/{path}:1.0.0").strip() == artifacts[path]["versions"]["1.0.0"]
    files = json.loads(registry.crane("manifest", f"{base}/artifacts/cfg:1.0.0"))
    assert files["artifactType"] == "application/vnd.acme.cfg"
    assert registry.crane("blob", f"{base}/artifacts/cfg@{files['layers'][0]['digest']}") == '{"b": 2}'

    login = RegistryCredentials(registry.host, Credentials(USER, PASSWORD))
    with Client(Transport(registry.host, login, ca_file=registry.ca_file)) as client:
        gone = Reference.of(f"{base}/policies/conf", "1.0.0")
        client.delete(gone, artifacts["policies/conf"]["versions"]["1.0.0"])
        assert "is gone from the registry" in project.run("refresh", "--yes", "--skip-preview")
        project.up()
        assert client.resolve(gone) == artifacts["policies/conf"]["versions"]["1.0.0"]
        project.destroy()
        assert [client.tags(Reference.of(f"{base}/{path}", "x")) for path in PATHS] == [[], [], [], []]
