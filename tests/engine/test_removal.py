"""Destroy removes nothing before it is known that AWS will delete the rest (field case B28)."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest

from packinfra.aws import policies
from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

READER = {"principal": "210987654321", "externalId": "hush-42", "users": []}


@pytest.fixture
def iam(sandbox: Sandbox) -> Any:
    return sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)


def test_a_policy_attached_by_hand(project: Project, ecr: Ecr, iam: Any) -> None:
    role = f"{project.base_path}-deploys"
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(policies.trust("*", "any")))
    project.configure(
        access={"reader": READER}, repositories={"immutable": False, "lifecycle": {"expireUntaggedAfterDays": 14}}
    )
    project.up()
    assert project.preview() == {}
    before, arn = project.resources().keys(), project.output("publisherPolicyArn")
    reader = project.output("readerRoleArn").rpartition("/")[2]
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    iam.put_role_policy(RoleName=reader, PolicyName="more", PolicyDocument=json.dumps(policies.publisher("*")))

    output = project.destroy(succeeds=False)
    assert f"policy {arn} is attached to role {role}, by somebody else" in output
    assert f"aws iam detach-role-policy --role-name {role} --policy-arn {arn}" in output
    assert f"aws iam delete-role-policy --role-name {reader} --policy-name more" in output
    assert "Traceback" not in output
    assert project.resources().keys() == before
    assert ecr.tags(project.repository) == project.digests()
    assert len(iam.list_entities_for_policy(PolicyArn=project.output("readerPolicyArn"))["PolicyRoles"]) == 1
    project.same()

    iam.detach_role_policy(RoleName=role, PolicyArn=arn)
    iam.delete_role_policy(RoleName=reader, PolicyName="more")
    project.destroy()
    assert ecr.names(project.base_path) == []
    iam.delete_role(RoleName=role)


def test_images_of_somebody_else(project: Project, ecr: Ecr) -> None:
    """Also one under a version of ours, after a refresh has dropped that."""
    make_pack(project.folder / "packs/other", name="other")
    make_pack(project.folder / "packs/other-2", name="other", version="2.0.0")
    project.up()
    other = project.repository.replace("/hello", "/other")
    signature, moved = ecr.push(project.repository, "sha256-0.sig", b"theirs"), ecr.push(other, "2.0.0", b"moved")
    project.run("refresh", "--yes", "--skip-preview")
    before = ecr.tags(project.repository), ecr.tags(other)
    output = project.destroy(succeeds=False)
    assert f"repository {project.repository} contains images that this stack does not delete: sha256-0.sig\n" in output
    assert f"repository {other} contains images that this stack does not delete: 2.0.0" in output
    assert (ecr.tags(project.repository), ecr.tags(other)) == before
    assert {signature, moved} <= {*before[0].values(), *before[1].values()}

    ecr.api.delete_repository(repositoryName=other, force=True)
    ecr.delete_tag(project.repository, "sha256-0.sig")
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_with_force_delete_images_are_no_reason(project: Project, ecr: Ecr) -> None:
    project.configure(repositories={"immutable": False, "forceDelete": True})
    project.up()
    ecr.push(project.repository, "latest", b"theirs")
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_target(project: Project, ecr: Ecr) -> None:
    """One pack alone: the check is among its dependents. The next up makes both again."""
    make_pack(project.folder / "packs/other", name="other")
    project.up()
    other = project.urn("PublishedPack packs-other")
    output = project.run("destroy", "--yes", "--skip-preview", "--target", other, succeeds=False)
    assert "--target-dependents" in output
    project.run("destroy", "--yes", "--skip-preview", "--target", other, "--target-dependents")
    assert ecr.tags(project.repository) == project.digests()
    assert ecr.tags(project.repository.replace("/hello", "/other")) == {}
    project.up()
    assert ecr.tags(project.repository.replace("/hello", "/other")).keys() == {"1.0.0"}
    assert project.preview() == {}


def test_adopted_versions(project: Project, ecr: Ecr) -> None:
    """Pushed by hand before the first up, with the same content: they stay, unless deleteAdopted."""
    repository = f"{project.base_path}/spectro-packs/archive/hello"
    ecr.create(repository)
    command = ["tar", "-czf", "-", "hello"]
    archive = subprocess.run(command, cwd=project.folder / "packs", check=True, capture_output=True).stdout
    ecr.push(repository, "1.0.0", archive)
    importing = {"immutable": False, "importRepositories": ["hello"]}
    project.configure(repositories=importing)
    project.up()
    output = project.destroy(succeeds=False)
    assert f"repository {repository} contains images that this stack does not delete: 1.0.0\n" in output
    assert ecr.tags(repository).keys() == {"1.0.0"}
    project.configure(repositories=importing, packs=[{"path": "packs/*", "deleteAdopted": True}])
    project.up()
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_versions_adopted_with_our_own_digest(project: Project, ecr: Ecr) -> None:
    """As after a run that was killed between a push and its record: they go as all others do."""
    project.up()
    pack = project.resources()["PublishedPack packs-hello"]["urn"]
    project.run("state", "delete", "--yes", "--target-dependents", pack)
    assert "adopted sha256:" in project.up()
    project.destroy()
    assert ecr.names(project.base_path) == []


def test_without_permission_to_ask(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    project.up()
    with sandbox.faults.add("iam:ListEntitiesForPolicy *", times=0, action="cut"):
        output = project.destroy()
    assert "warning: could not find out where arn:aws:iam::123456789012:policy/packs-publisher" in output
    assert ecr.names(project.base_path) == []
