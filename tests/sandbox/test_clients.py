"""crane and helm, clients by other authors, push to the sandbox and pull from it."""

import json
import os
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support.aws import HOST, Caller, MakeRepository, Registry
from tests.support.sandbox import ROOT, Sandbox

pytestmark = pytest.mark.sandbox

BIN = ROOT / ".tools" / "bin"


class Client:
    """A program with the sandbox's environment and its own credentials."""

    def __init__(self, name: str, sandbox: Sandbox, owner: Caller, home: Path) -> None:
        self.program = str(BIN / name)
        own = {"HOME": str(home), "DOCKER_CONFIG": str(home), "HELM_REGISTRY_CONFIG": str(home / "config.json")}
        self.environment = {**sandbox.environment(), **own}
        token = owner.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        (home / "config.json").write_text(json.dumps({"auths": {HOST: {"auth": token}}}))

    def __call__(self, *arguments: str | Path, succeeds: bool = True) -> str:
        """Its output, stdout and stderr."""
        done = subprocess.run(
            [self.program, *map(str, arguments)], env=self.environment, capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip
        output = done.stdout + done.stderr
        assert (done.returncode == 0) is succeeds, output
        return output


@pytest.fixture
def crane(sandbox: Sandbox, owner: Caller, tmp_path: Path) -> Client:
    return Client("crane", sandbox, owner, tmp_path)


@pytest.fixture
def helm(sandbox: Sandbox, owner: Caller, tmp_path: Path) -> Client:
    return Client("helm", sandbox, owner, tmp_path)


def test_crane(crane: Client, registry: Registry, make_repository: MakeRepository, tmp_path: Path) -> None:
    """Push, list, pull, copy, overwrite, delete."""
    name, other = make_repository(), make_repository()
    content = os.urandom(3 * 1024 * 1024)
    (tmp_path / "file").write_bytes(content)
    with tarfile.open(tmp_path / "layer.tar", "w") as tar:
        tar.add(tmp_path / "file", "file")
    reference = f"{HOST}/{name}:1.0.0"
    crane("append", "--oci-empty-base", "--new_layer", tmp_path / "layer.tar", "--new_tag", reference)

    digest = crane("digest", reference).strip()
    head = registry.send("HEAD", f"/v2/{name}/manifests/1.0.0")
    assert head.headers["Docker-Content-Digest"] == digest
    assert crane("ls", f"{HOST}/{name}").split() == ["1.0.0"]
    crane("export", reference, tmp_path / "out.tar")
    with tarfile.open(tmp_path / "out.tar") as tar:
        member = tar.extractfile("file")
        assert member
        assert member.read() == content

    crane("copy", reference, f"{HOST}/{other}:2.0.0")
    assert crane("digest", f"{HOST}/{other}:2.0.0").strip() == digest
    crane("tag", reference, "latest")
    assert crane("ls", f"{HOST}/{name}").split() == ["1.0.0", "latest"]
    crane("delete", f"{HOST}/{name}@{digest}")
    assert crane("ls", f"{HOST}/{name}").split() == []


def test_crane_is_rejected(crane: Client, make_repository: MakeRepository, tmp_path: Path) -> None:
    """It shows the errors: missing repository, immutable tag, no credentials."""
    with tarfile.open(tmp_path / "layer.tar", "w") as tar:
        tar.add(ROOT / "README.md", "README.md")
    push = ("append", "--oci-empty-base", "--new_layer", tmp_path / "layer.tar", "--new_tag")
    assert "NAME_UNKNOWN" in crane(*push, f"{HOST}/s/none:1.0.0", succeeds=False)
    reference = f"{HOST}/{make_repository(imageTagMutability='IMMUTABLE')}:1.0.0"
    crane(*push, reference)
    with tarfile.open(tmp_path / "layer.tar", "w") as tar:
        tar.add(ROOT / "CHANGELOG.md", "CHANGELOG.md")
    assert "TAG_INVALID" in crane(*push, reference, succeeds=False)
    (tmp_path / "config.json").write_text("{}")
    assert "401" in crane("digest", reference, succeeds=False)


def test_helm(helm: Client, make_repository: MakeRepository, registry: Registry, tmp_path: Path) -> None:
    """A chart, as AWS documents it for ECR: the repository is named like the chart."""
    name = make_repository("s/helm/universe")
    chart = tmp_path / "universe"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("apiVersion: v2\nname: universe\nversion: 1.2.3\n")
    (chart / "templates" / "map.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: universe}\n")
    helm("package", chart, "--destination", tmp_path)
    output = helm("push", tmp_path / "universe-1.2.3.tgz", f"oci://{HOST}/s/helm")
    head = registry.send("HEAD", f"/v2/{name}/manifests/1.2.3")
    assert head.headers["Docker-Content-Digest"] in output
    helm("pull", f"oci://{HOST}/{name}", "--version", "1.2.3", "--untar", "--destination", tmp_path / "out")
    pulled = tmp_path / "out" / "universe" / "templates" / "map.yaml"
    assert pulled.read_text() == (chart / "templates" / "map.yaml").read_text()
    assert "not found" in helm("pull", f"oci://{HOST}/{name}", "--version", "9.9.9", succeeds=False)
