"""The deployer's document against enforced IAM: up, changes and destroy need what it has, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.aws import policies
from tests.support.aws import Caller
from tests.support.iam import User, actions_of, below, unproven
from tests.support.palette import Palette
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

OPTIONS: dict[str, Any] = {
    "lifecycle": {"expireUntaggedAfterDays": 14},
    "tags": {"team": "platform", "stage": "test"},
    "forceDelete": True,
}


class Deployment:
    """A project of a user who has the deployer's document and no other policy."""

    def __init__(self, folder: Path, sandbox: Sandbox, base_path: str) -> None:
        self.sandbox, self._keys = sandbox, ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        self.owner = Caller(sandbox, *(sandbox.variables[name] for name in self._keys))
        self.role, self.person = f"{base_path}-builder", f"{base_path}-jane"
        self.key = str(self.owner.client("kms").create_key()["KeyMetadata"]["Arn"])
        self.document = policies.deployer(below(base_path), roles=[self.role], users=[self.person], kms_key=self.key)
        self.user = User(self.owner)
        caller = self.user.may(self.document)
        self.project = Project(folder, sandbox, base_path)
        self.project.variables(**dict(zip(self._keys, (caller.access_key, caller.secret_key), strict=True)))

    def access(self, **changes: Any) -> dict[str, Any]:
        return {
            "publishers": {"roles": [self.role], "users": [self.person]},
            "ci": {"issuer": "token.actions.githubusercontent.com", "subjects": ["repo:acme/packs:*"]},
            "reader": {"principal": "210987654321", "externalId": "first"},
            "pull": {"principals": ["210987654321"]},
            **changes,
        }


@pytest.fixture
def deployment(tmp_path: Path, sandbox: Sandbox, base_path: str) -> Iterator[Deployment]:
    made = Deployment(tmp_path, sandbox, base_path)
    made.owner.iam.create_user(UserName=made.person)
    made.owner.iam.create_role(RoleName=made.role, AssumeRolePolicyDocument=json.dumps(policies.trust("*", "any")))
    yield made
    made.project.workspace.end_orphans()
    made.owner.iam.delete_user(UserName=made.person)  # IAM refuses where a policy is still attached
    made.owner.iam.delete_role(RoleName=made.role)


def test_every_step_with_the_document_alone(deployment: Deployment) -> None:
    """It suffices. And IAM is asked about each of its actions, so without any of them a call is denied. Registering in
    Palette asks for no more: its role is a reader role."""
    project, key = deployment.project, {"kmsKey": deployment.key}
    project.configure(repositories=OPTIONS | key, access=deployment.access())
    project.up()
    assert project.preview() == {}
    changed = {"immutable": False, "scanOnPush": False, "tags": {"team": "apps"}, "forceDelete": True, **key}
    reader = {"principal": "210987654321", "externalId": "second"}
    project.configure(repositories=changed, access=deployment.access(reader=reader, pull={}))
    project.up()
    access = deployment.access()
    del access["reader"]
    project.configure(
        registry={"kind": "ecr", "basePath": f"{project.base_path}/moved"},
        repositories={**changed, "forceDelete": False},
        access=access,
        palette={"name": project.base_path},
    )
    project.up()
    assert project.preview() == {}
    palette = Palette(deployment.sandbox)
    assert palette.versions(project.output("paletteRegistryUid")) == ["1.0.0"]
    project.destroy()
    assert set(project.resources()) <= {"Stack packinfra-test"}

    document = deployment.document
    publishing = actions_of(policies.pusher(below(project.base_path)))  # each proven in test_iam.py
    asked = deployment.sandbox.asked(deployment.user.caller.arn)
    assert asked | publishing == actions_of(document) - unproven(document)
