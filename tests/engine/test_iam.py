"""The documents of packinfra/aws/policies.py for publishing and reading against enforced IAM: what they allow, what not, and
that nothing in them is superfluous. That of the deployer: test_deployer.py."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError

from packinfra.aws import policies
from packinfra.settings import PACKS_PATH
from tests.support.aws import ACCOUNT, Caller
from tests.support.iam import DeniedError, DocumentOf, Step, Steps, User, Walk, actions_of, below, only, unproven
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

PUSH = (
    Walk.get_authorization_token,
    Walk.batch_get_image,
    Walk.batch_check_layer_availability,
    Walk.initiate_layer_upload,
    Walk.upload_layer_part,
    Walk.put_image,
    Walk.get_download_url_for_layer,
)
LOOK = (Walk.list_images, Walk.describe_images)
DELETE = (Walk.batch_delete_image, Walk.delete_repository)
GUIDE = (
    Walk.get_authorization_token,
    Walk.create_repository,
    Walk.describe_repositories,
    *PUSH[1:],
    *LOOK,
    *DELETE,
)
READ = (
    Walk.get_authorization_token,
    Walk.find_repositories,
    Walk.describe_repositories,
    Walk.batch_get_image,
    Walk.batch_check_layer_availability,
    Walk.get_download_url_for_layer,
    *LOOK,
    Walk.list_tags_for_resource,
    Walk.get_lifecycle_policy,
    Walk.get_repository_policy,
)
EVERY_STEP: Steps = tuple(dict.fromkeys((*GUIDE, *READ)))


@pytest.fixture(scope="module")
def owner(sandbox: Sandbox) -> Caller:
    return Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture
def user(owner: Caller) -> User:
    return User(owner)


ROLES = pytest.mark.parametrize(
    ("document_of", "steps"),
    [(policies.publisher, GUIDE), (policies.pusher, PUSH), (policies.reader, READ)],
    ids=["publisher", "pusher", "reader"],
)


def walk(caller: Caller, owner: Caller, repository: str, steps: Steps) -> Walk:
    """All steps in their order, in a repository with one image (unless the steps begin by making it)."""
    walked = Walk(caller, repository)
    if Walk.create_repository not in steps:
        ready = Walk(owner, repository, walked.layer)
        ready.create_repository()
        if Walk.put_image not in steps:
            for publish in PUSH:
                publish(ready)
    for step in steps:
        step(walked)
    return walked


@ROLES
def test_suffices(document_of: DocumentOf, steps: Steps, user: User, owner: Caller, base_path: str) -> None:
    caller = user.may(document_of(below(base_path)))
    walk(caller, owner, f"{base_path}/{PACKS_PATH}", steps)
    walk(caller, owner, f"{base_path}/{PACKS_PATH}/hello", steps)


@ROLES
def test_each_action_is_needed(
    document_of: DocumentOf, steps: Steps, user: User, owner: Caller, base_path: str
) -> None:
    document = document_of(below(base_path))
    actions = actions_of(document)
    assert actions - unproven(document)
    for number, action in enumerate(sorted(actions - unproven(document))):
        caller = user.may(only(document, actions - {action}))
        with pytest.raises(DeniedError, match=f"not authorized to perform: {action} "):
            walk(caller, owner, f"{base_path}/{PACKS_PATH}/p{number}", steps)


def test_the_reader_role_wants_its_external_id(owner: Caller, user: User, base_path: str) -> None:
    role = f"{base_path}-reader"
    trust = policies.trust(f"arn:aws:iam::{ACCOUNT}:root", "agreed")
    arn = owner.iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    may = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": arn}]}
    sts = user.may(may).client("sts")
    for wrong in ({}, {"ExternalId": "guessed"}):
        with pytest.raises(ClientError, match="AccessDenied"):
            sts.assume_role(RoleArn=arn, RoleSessionName="palette", **wrong)
    assert sts.assume_role(RoleArn=arn, RoleSessionName="palette", ExternalId="agreed")["Credentials"]


@ROLES
def test_nothing_elsewhere(document_of: DocumentOf, steps: Steps, user: User, owner: Caller, base_path: str) -> None:
    stranger = f"{base_path}-other/{PACKS_PATH}/hello"
    Walk(owner, stranger).create_repository()
    # The reader finds repositories by listing, which ECR authorises on all of them: see reader().
    listing: set[Step] = (
        {Walk.find_repositories, Walk.describe_repositories} if Walk.find_repositories in steps else set()
    )
    everywhere: set[Step] = {Walk.get_authorization_token, *listing}
    all_denied(user.may(document_of(below(base_path))), stranger, everywhere)


@ROLES
def test_nothing_else(document_of: DocumentOf, steps: Steps, user: User, owner: Caller, base_path: str) -> None:
    repository = f"{base_path}/{PACKS_PATH}/hello"
    Walk(owner, repository).create_repository()
    all_denied(user.may(document_of(below(base_path))), repository, set(steps))


def all_denied(caller: Caller, repository: str, but: set[Step]) -> None:
    for step in EVERY_STEP:
        if step not in but:
            with pytest.raises(DeniedError, match="not authorized to perform"):
                step(Walk(caller, repository))
