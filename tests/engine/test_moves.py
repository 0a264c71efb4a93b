"""Another base path, key or region: a version stays pullable until its successor is."""

from __future__ import annotations

from typing import Any

import pytest

from packinfra.settings import PACKS_PATH
from tests.support.ecr import Ecr
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine


def move(project: Project) -> str:
    """Configures another base path; returns the pack's repository there."""
    moved = f"{project.base_path}/moved"
    project.configure(registry={"kind": "ecr", "basePath": moved})
    return f"{moved}/{PACKS_PATH}/hello"


def test_another_base_path(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    project.up()
    published, old = project.digests(), project.repository
    new = move(project)
    mark = sandbox.mark()
    project.up()
    assert ecr.tags(new) == project.digests() == published
    assert ecr.names(project.base_path) == [new.removesuffix("/hello"), new]
    asked = [request.summary for request in sandbox.requests(since=mark)]
    put, withdrawn = f"PUT /v2/{new}/manifests/1.0.0", f"ecr:BatchDeleteImage {old}"
    assert asked.index(put) < asked.index(withdrawn) < asked.index(f"ecr:DeleteRepository {old}")
    assert project.preview() == {}
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_another_base_path_with_an_image_of_somebody_else(project: Project, ecr: Ecr) -> None:
    project.up()
    published, old = project.digests(), project.repository
    ecr.push(old, "latest", b"not ours")
    new = move(project)
    output = project.up(succeeds=False)
    assert "RepositoryNotEmptyException" in output
    assert old in output
    assert ecr.tags(new) == project.digests() == published
    assert ecr.tags(old).keys() == {"latest"}
    ecr.delete_tag(old, "latest")
    project.up()
    assert ecr.names(project.base_path) == [new.removesuffix("/hello"), new]
    assert project.preview() == {}


def test_another_key(project: Project, ecr: Ecr) -> None:
    """Nothing is replaced; preview says so, and another base path has the new key."""
    project.up()
    published, key = project.digests(), ecr.kms_key()
    repositories = {"immutable": False, "kmsKey": key}
    project.configure(repositories=repositories)
    output = project.run("preview", "--expect-no-changes")
    both = f"{PACKS_PATH}, {PACKS_PATH}/hello"
    assert f"not encrypted as repositories.kmsKey says (KMS {key}): {both}" in output
    project.up()
    assert ecr.tags(project.repository) == published
    moved = f"{project.base_path}/moved"
    project.configure(registry={"kind": "ecr", "basePath": moved}, repositories=repositories)
    assert "not encrypted as" not in project.up()
    assert encryption(ecr, f"{moved}/{PACKS_PATH}/hello") == {"encryptionType": "KMS", "kmsKey": key}
    assert ecr.tags(f"{moved}/{PACKS_PATH}/hello") == published
    assert project.preview() == {}


def test_imported_with_a_key_of_aws(project: Project, ecr: Ecr) -> None:
    """No setting can name that key, so the repository keeps it when importRepositories is gone (field case B31)."""
    kms = {"encryptionType": "KMS"}
    ecr.api.create_repository(
        repositoryName=project.repository, imageTagMutability="MUTABLE", encryptionConfiguration=kms
    )
    foreign = ecr.push(project.repository, "0.9.0", b"not ours")
    project.configure(repositories={"immutable": False, "importRepositories": ["hello"]})
    project.up()
    before = encryption(ecr, project.repository)
    project.configure()
    assert "replace" not in " ".join(project.preview().values())
    assert f"not encrypted as repositories.kmsKey says (AES256): {PACKS_PATH}/hello" in project.run("preview")
    project.up()
    assert encryption(ecr, project.repository) == before
    assert ecr.tags(project.repository) == {"0.9.0": foreign, **project.digests()}
    assert project.preview() == {}


def test_another_region(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    """The new place first, and with a key of its own region."""

    def elsewhere(service: str) -> Any:
        session: Any = sandbox.session()
        return session.client(service, region_name="eu-central-1", config=sandbox.config, verify=sandbox.ca)

    project.configure(repositories={"immutable": False, "kmsKey": ecr.kms_key()})
    project.up()
    published = project.digests()
    key = elsewhere("kms").create_key()["KeyMetadata"]["Arn"]
    project.configure(repositories={"immutable": False, "kmsKey": key}, aws_region="eu-central-1")
    mark = sandbox.mark()
    project.up()
    images = elsewhere("ecr").list_images(repositoryName=project.repository)["imageIds"]
    assert {image["imageTag"]: image["imageDigest"] for image in images} == published
    (described,) = elsewhere("ecr").describe_repositories(repositoryNames=[project.repository])["repositories"]
    assert described["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key}
    assert ecr.names(project.base_path) == []
    asked = [request.summary for request in sandbox.requests(since=mark)]
    put, withdrawn = f"PUT /v2/{project.repository}/manifests/1.0.0", f"ecr:BatchDeleteImage {project.repository}"
    assert asked.index(put) < asked.index(withdrawn)
    assert project.preview() == {}


def encryption(ecr: Ecr, repository: str) -> dict[str, str]:
    (described,) = ecr.api.describe_repositories(repositoryNames=[repository])["repositories"]
    found: dict[str, str] = described["encryptionConfiguration"]
    return found
