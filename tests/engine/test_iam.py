"""The four documents of packinfra/aws/policies.py against enforced IAM: what they allow, what not, and that nothing in
them is superfluous."""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from packinfra.aws import policies
from packinfra.settings import PACKS_PATH
from tests.support.aws import ACCOUNT, REGION, Caller, Registry, digest_of, manifest
from tests.support.palette import Palette
from tests.support.project import Project
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

DocumentOf = Callable[[str], policies.Document]


Step = Callable[["Walk"], None]
Steps = tuple[Step, ...]


class DeniedError(Exception):
    """IAM said no; the text is what the caller gets to see."""


@dataclass
class Walk:
    """The steps of publishing and reading, each as an action of its own, by one caller in one repository."""

    caller: Caller
    repository: str
    layer: bytes = field(default_factory=lambda: secrets.token_bytes(64))
    _registry: Registry | None = None
    _upload: str = ""

    def get_authorization_token(self) -> None:
        self._registry = self._api(self.caller.registry)

    def create_repository(self) -> None:
        self._ecr("create_repository", "RepositoryAlreadyExistsException")

    def describe_repositories(self) -> None:
        self._api(lambda: self.caller.ecr.describe_repositories(repositoryNames=[self.repository]))

    def find_repositories(self) -> None:
        self._api(self.caller.ecr.describe_repositories)

    def batch_get_image(self) -> None:
        self._send("GET", "manifests/1.0.0")

    def batch_check_layer_availability(self) -> None:
        if self.registry.send("HEAD", f"/v2/{self.repository}/blobs/{digest_of(b'{}')}").status_code == 403:
            # A HEAD has no body to say why; the API call of the same name has.
            self._ecr("batch_check_layer_availability", layerDigests=[digest_of(b"{}")])

    def initiate_layer_upload(self) -> None:
        response = self._send("POST", "blobs/uploads/")
        self._upload = response.headers["Location"]

    def upload_layer_part(self) -> None:
        for blob in (self.layer, b"{}"):
            upload = self._upload or f"/v2/{self.repository}/blobs/uploads/none"
            self._refused(self.registry.send("PUT", f"{upload}?digest={digest_of(blob)}", data=blob))
            if self._upload:
                self.initiate_layer_upload()

    complete_layer_upload = upload_layer_part  # one request, two actions

    def put_image(self) -> None:
        self._refused(self.registry.put(self.repository, "1.0.0", manifest(self.layer)))

    def get_download_url_for_layer(self) -> None:
        self._send("GET", f"blobs/{digest_of(self.layer)}", allow_redirects=False)

    def list_images(self) -> None:
        self._send("GET", "tags/list")

    def describe_images(self) -> None:
        self._ecr("describe_images")

    def batch_delete_image(self) -> None:
        self._ecr("batch_delete_image", imageIds=[{"imageTag": "1.0.0"}])

    def delete_repository(self) -> None:
        self._ecr("delete_repository")

    def list_tags_for_resource(self) -> None:
        arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{self.repository}"
        self._api(lambda: self.caller.ecr.list_tags_for_resource(resourceArn=arn))

    def get_lifecycle_policy(self) -> None:
        self._ecr("get_lifecycle_policy", "LifecyclePolicyNotFoundException")

    def get_repository_policy(self) -> None:
        self._ecr("get_repository_policy", "RepositoryPolicyNotFoundException")

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            self.get_authorization_token()
        assert self._registry
        return self._registry

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return self._refused(self.registry.send(method, f"/v2/{self.repository}/{path}", **options))

    def _refused(self, response: Any) -> Any:
        if response.status_code == 403:
            raise DeniedError(response.text)
        return response

    def _ecr(self, operation: str, *tolerated: str, **arguments: Any) -> None:
        call = getattr(self.caller.ecr, operation)
        self._api(lambda: call(repositoryName=self.repository, **arguments), *tolerated)

    @staticmethod
    def _api(call: Callable[[], Any], *tolerated: str) -> Any:
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDeniedException":
                raise DeniedError(str(error)) from None
            if code not in tolerated:
                raise
            return None


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


@dataclass
class User:
    """Somebody with one policy, which can be changed."""

    owner: Caller
    name: str = field(default_factory=lambda: f"u{secrets.token_hex(5)}")

    def __post_init__(self) -> None:
        self.owner.iam.create_user(UserName=self.name)
        key = self.owner.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.caller = Caller(self.owner.sandbox, key["AccessKeyId"], key["SecretAccessKey"])

    def may(self, document: policies.Document) -> Caller:
        self.owner.iam.put_user_policy(UserName=self.name, PolicyName="p", PolicyDocument=json.dumps(document))
        return self.caller


@pytest.fixture
def user(owner: Caller) -> User:
    return User(owner)


def only(document: policies.Document, actions: set[str]) -> policies.Document:
    """The document with no other actions than these; empty statements fall away."""
    statements = [{**s, "Action": sorted(actions.intersection(s["Action"]))} for s in document["Statement"]]
    filled = [s for s in statements if s["Action"]]
    return {**document, "Statement": filled or [{"Effect": "Deny", "Action": ["sns:Publish"], "Resource": "*"}]}


def actions_of(document: policies.Document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def unproven(document: policies.Document) -> set[str]:
    return {a.name for a in policies.ACTIONS if a.unproven}.intersection(actions_of(document))


def below(base_path: str) -> str:
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{base_path}/*"


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


OPTIONS: dict[str, Any] = {
    "lifecycle": {"expireUntaggedAfterDays": 14},
    "tags": {"team": "platform", "stage": "test"},
    "forceDelete": True,
}
ACCESS: dict[str, Any] = {
    "publishers": {"roles": ["builder"], "users": ["jane"]},
    "ci": {"issuer": "token.actions.githubusercontent.com", "subjects": ["repo:acme/packs:*"]},
    "reader": {"principal": "210987654321", "externalId": "first"},
    "pull": {"principals": ["210987654321"]},
}


@pytest.mark.engine
def test_deployer(deploying: Deploying) -> None:
    """Begins with what publishing needs (proven above), and is granted what an error names: in the end that is the
    document. Registering in Palette asks for no more: its role is a reader role."""
    project = deploying.project
    key = {"kmsKey": deploying.key}
    project.configure(repositories=OPTIONS | key, access=ACCESS)
    deploying.until_it_works("up", "--continue-on-error", again=deploying.start_over)
    assert project.preview() == {}
    changed = {"immutable": False, "scanOnPush": False, "tags": {"team": "apps"}, "forceDelete": True, **key}
    reader = {"principal": "210987654321", "externalId": "second"}
    project.configure(repositories=changed, access={**ACCESS, "reader": reader, "pull": {}})
    deploying.until_it_works("up", "--continue-on-error")
    project.configure(
        registry={"kind": "ecr", "basePath": f"{project.base_path}/moved"},
        repositories={**changed, "forceDelete": False},
        access={key: value for key, value in ACCESS.items() if key != "reader"},
        palette={"name": "packs"},
    )
    deploying.until_it_works("up")  # with --continue-on-error the engine hangs when the old repository stays
    assert project.preview() == {}
    palette = Palette(deploying.sandbox)
    assert palette.versions(project.output("paletteRegistryUid")) == ["1.0.0"]
    deploying.until_it_works("destroy", "--continue-on-error")
    assert set(project.resources()) <= {"Stack packinfra-test"}
    document = deploying.document
    assert deploying.granted == actions_of(document) - unproven(document)


class Deploying:
    """A project run by a user of its own, in a sandbox of its own."""

    def __init__(self, folder: Path, sandbox: Sandbox, owner: Caller, base_path: str) -> None:
        self.sandbox, self._owner = sandbox, owner
        self.key = str(owner.client("kms").create_key()["KeyMetadata"]["Arn"])
        self.document = policies.deployer(below(base_path), roles=["builder"], users=["jane"], kms_key=self.key)
        self.granted = actions_of(policies.pusher(below(base_path)))
        self._user = User(owner)
        caller = self._user.may(only(self.document, self.granted))
        self.project = Project(folder, sandbox, base_path)
        self.project.variables(AWS_ACCESS_KEY_ID=caller.access_key, AWS_SECRET_ACCESS_KEY=caller.secret_key)
        self._empty = folder / "empty"
        shutil.copytree(self.project.workspace.local / "state", self._empty)

    def until_it_works(self, command: str, *flags: str, again: Callable[[], None] = lambda: None) -> None:
        while True:
            done = self.project.workspace.pulumi(
                command, "--yes", "--skip-preview", *flags, "--stack", "test", "--non-interactive"
            )
            output = done.stdout + done.stderr
            # "probably": a HEAD is refused without a word, so the client names what the step needs.
            named = set(re.findall(r"(?:not authorized to perform:|probably) (\w+:\w+) ", output)) - self.granted
            assert named or done.returncode == 0, output
            self.granted |= named  # also what destroy warns of: it goes on without asking
            if done.returncode == 0:
                return
            self._user.may(only(self.document, self.granted))
            if command == "up" and "--refresh" not in flags:
                flags = (*flags, "--refresh")  # a failed update left its planned values in the state (PLUG-23)
            again()

    def start_over(self) -> None:
        """Removes what a creation left behind that failed half-way, and the stack that knows nothing of it."""
        ecr, iam = self._owner.ecr, self._owner.iam
        for page in ecr.get_paginator("describe_repositories").paginate():
            for repository in page["repositories"]:
                ecr.delete_repository(repositoryName=repository["repositoryName"], force=True)
        for policy in iam.list_policies(Scope="Local")["Policies"]:
            holders = iam.list_entities_for_policy(PolicyArn=policy["Arn"])
            for role in holders["PolicyRoles"]:
                iam.detach_role_policy(RoleName=role["RoleName"], PolicyArn=policy["Arn"])
            for user in holders["PolicyUsers"]:
                iam.detach_user_policy(UserName=user["UserName"], PolicyArn=policy["Arn"])
            iam.delete_policy(PolicyArn=policy["Arn"])
        for role in iam.list_roles()["Roles"]:
            if role["RoleName"].startswith("packs-"):
                iam.delete_role(RoleName=role["RoleName"])
        state = self.project.workspace.local / "state"
        shutil.rmtree(state)
        shutil.copytree(self._empty, state)


@pytest.fixture
def deploying(tmp_path: Path, base_path: str) -> Iterator[Deploying]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        keys = sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"]
        owner = Caller(sandbox, *keys)
        owner.iam.create_user(UserName="jane")
        owner.iam.create_role(RoleName="builder", AssumeRolePolicyDocument=json.dumps(policies.trust("*", "any")))
        yield Deploying(tmp_path, sandbox, owner, base_path)
