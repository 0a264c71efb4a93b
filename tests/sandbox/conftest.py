"""Fixtures for the sandbox's tests: callers of the AWS API and of ``/v2``, users, roles, registrations in Palette."""

import contextlib
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.aws import (
    READER,
    Caller,
    Json,
    MakeRepository,
    MakeRole,
    MakeSpec,
    MakeUser,
    Register,
    Registry,
    Shelf,
)
from tests.support.palette import Palette, role_spec
from tests.support.plugin import Plugin, StartPlugin
from tests.support.profiles import layer, scope
from tests.support.sandbox import Sandbox


@pytest.fixture(scope="session")
def owner(sandbox: Sandbox) -> Caller:
    """The user of the sandbox's environment, with all permissions for ECR, IAM, KMS and STS."""
    return Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture(scope="session")
def registry(owner: Caller) -> Registry:
    return owner.registry()


@pytest.fixture
def make_repository(owner: Caller) -> Iterator[MakeRepository]:
    made: list[str] = []

    def make(name: str | None = None, **settings: Any) -> str:
        name = name or f"s/{uuid.uuid4().hex[:10]}"
        owner.ecr.create_repository(repositoryName=name, **settings)
        made.append(name)
        return name

    yield make
    for name in made:
        with contextlib.suppress(owner.ecr.exceptions.RepositoryNotFoundException):
            owner.ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture
def repository(make_repository: MakeRepository) -> str:
    return make_repository()


@pytest.fixture
def make_user(owner: Caller) -> Iterator[MakeUser]:
    """Creates users, each with one policy of these statements."""
    made: list[tuple[str, str]] = []

    def make(*statements: Json) -> Caller:
        name = f"u{uuid.uuid4().hex[:10]}"
        owner.iam.create_user(UserName=name)
        key = owner.iam.create_access_key(UserName=name)["AccessKey"]
        made.append((name, key["AccessKeyId"]))
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            owner.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        return Caller(owner.sandbox, key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for name, key in made:
        owner.iam.delete_access_key(UserName=name, AccessKeyId=key)
        for policy in owner.iam.list_user_policies(UserName=name)["PolicyNames"]:
            owner.iam.delete_user_policy(UserName=name, PolicyName=policy)
        owner.iam.delete_user(UserName=name)


@pytest.fixture
def palette(sandbox: Sandbox) -> Iterator[Palette]:
    """A tenant admin of a Palette with short runs."""
    with sandbox.palette.overrides(stale_seconds=0.05, sync_seconds=0.05):
        yield Palette(sandbox)


@pytest.fixture
def project(palette: Palette) -> dict[str, str]:
    """The header of the project Default."""
    return scope(palette)


@pytest.fixture
def addon(palette: Palette) -> Json:
    return layer(palette, "spectro-proxy", "1.4.3")


@pytest.fixture
def make_role(owner: Caller, palette: Palette) -> Iterator[MakeRole]:
    """Creates roles that Palette can assume, by default to read packs; ``trust`` changes the trust policy. Returns the ARN."""
    made: list[str] = []

    def make(statements: list[Json] | None = None, **trust: Any) -> str:
        principal, name = palette.principal(), f"r{uuid.uuid4().hex[:10]}"
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{principal['accountId']}:root"},
            "Condition": {"StringEquals": {"sts:ExternalId": principal["externalId"]}},
            **trust,
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        arn = owner.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        made.append(name)
        document["Statement"] = READER if statements is None else statements
        owner.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        return str(arn)

    yield make
    for name in made:
        owner.iam.delete_role_policy(RoleName=name, PolicyName="p")
        owner.iam.delete_role(RoleName=name)


@pytest.fixture
def make_spec(palette: Palette, make_role: MakeRole, base_path: str) -> MakeSpec:
    """Makes specs of an ECR registry with a working role and the base path of ``Shelf``, with changes."""

    def make(arn: str | None = None, **changes: Any) -> Json:
        return role_spec(f"s/{base_path}", arn or make_role(), palette.principal()["externalId"], **changes)

    return make


@pytest.fixture
def register(palette: Palette) -> Iterator[Register]:
    """Creates a registry in Palette, by default under a new name, and returns its uid."""
    made: list[str] = []

    def create(kind: str, spec: Json, name: str = "", *, sync: bool = False) -> str:
        made.append(palette.create(kind, name or f"r-{uuid.uuid4().hex[:8]}", spec, sync=sync))
        return made[-1]

    yield create
    for uid in made:
        assert palette.send("DELETE", f"/v1/registries/{uid}").status_code in (204, 404)


@pytest.fixture
def shelf(registry: Registry, make_repository: MakeRepository, base_path: str) -> Shelf:
    return Shelf(registry, make_repository, f"s/{base_path}")


@pytest.fixture(scope="session")
def plugin(sandbox: Sandbox) -> Iterator[Plugin]:
    plugin = Plugin(sandbox.environment()).configure()
    yield plugin
    assert plugin.close() == ""


@pytest.fixture
def start_plugin(sandbox: Sandbox) -> Iterator[StartPlugin]:
    """Starts plugins, with changes to their environment; None removes a variable."""
    made: list[Plugin] = []

    def make(**changes: str | None) -> Plugin:
        environment = {**sandbox.environment(), **{name: value for name, value in changes.items() if value is not None}}
        for name in (name for name, value in changes.items() if value is None):
            environment.pop(name, None)
        made.append(Plugin(environment))
        return made[-1]

    yield make
    for plugin in made:
        plugin.close()
