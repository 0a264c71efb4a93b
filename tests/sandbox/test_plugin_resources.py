"""The stand-in AWS plugin: create, read, update, replace and delete of each kind."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from pulumi.runtime.proto import provider_pb2

from sandbox.aws_plugin.provider import KINDS
from sandbox.aws_plugin.values import UNKNOWN, from_struct
from tests.support.aws import ACCOUNT, Caller, Json, rejected
from tests.support.plugin import REPOSITORY, Plugin, StartPlugin, error_of
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


LIFECYCLE = {
    "rules": [
        {
            "rulePriority": priority,
            "selection": {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 9},
            "action": {"type": "expire"},
        }
        for priority, status in ((2, "any"), (1, "untagged"))
    ]
}
TRUST: Json = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ],
}
PULL: Json = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["ecr:BatchGetImage"]}
    ],
}
POLICY: Json = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}


@pytest.fixture
def policy_arn(owner: Caller) -> Iterator[str]:
    arn = owner.iam.create_policy(PolicyName="attached", PolicyDocument=json.dumps(POLICY))["Policy"]["Arn"]
    yield arn
    owner.iam.delete_policy(PolicyArn=arn)


@pytest.fixture
def role(owner: Caller) -> Iterator[str]:
    owner.iam.create_role(RoleName="holder", AssumeRolePolicyDocument=json.dumps(TRUST))
    yield "holder"
    owner.iam.delete_role(RoleName="holder")


@pytest.fixture
def user(owner: Caller) -> Iterator[str]:
    owner.iam.create_user(UserName="keyholder")
    yield "keyholder"
    owner.iam.delete_user(UserName="keyholder")


@pytest.fixture(scope="module")
def keys(owner: Caller) -> Iterator[tuple[str, str]]:
    """The ARN of one key, the id of another."""
    kms = owner.client("kms")
    first, second = (kms.create_key()["KeyMetadata"] for _ in range(2))
    yield first["Arn"], second["KeyId"]
    for key in (first, second):
        kms.schedule_key_deletion(KeyId=key["KeyId"])


# kind, inputs, changes in place
CASES: dict[str, tuple[str, Json, Json]] = {
    "repository": (
        REPOSITORY,
        {
            "name": "s/life",
            "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
            "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "sha256-*"}],
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfigurations": [{"encryptionType": "AES256"}],
            "tags": {"a": "1", "b": ""},
        },
        {
            "imageTagMutability": "IMMUTABLE",
            "imageTagMutabilityExclusionFilters": None,
            "imageScanningConfiguration": {"scanOnPush": False},
            "tags": {"b": "2"},
            "forceDelete": True,
        },
    ),
    "repository-policy": (
        "aws:ecr/repositoryPolicy:RepositoryPolicy",
        {"repository": "{repository}", "policy": PULL},
        {"policy": json.dumps({**PULL, "Statement": [{**PULL["Statement"][0], "Effect": "Deny"}]})},
    ),
    "policy": (
        "aws:iam/policy:Policy",
        {"name": "life", "policy": json.dumps(POLICY), "description": "d", "tags": {"a": "1"}},
        {
            "policy": json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], "Effect": "Deny"}]}),
            "tags": {"a": "2"},
        },
    ),
    "role": (
        "aws:iam/role:Role",
        {"name": "life", "assumeRolePolicy": json.dumps(TRUST), "tags": {"a": "1"}},
        {"description": "d", "maxSessionDuration": 7200, "forceDetachPolicies": True, "tags": None},
    ),
    "lifecycle-policy": (
        "aws:ecr/lifecyclePolicy:LifecyclePolicy",
        {"repository": "{repository}", "policy": json.dumps(LIFECYCLE)},
        {},
    ),
    "role-attachment": (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "{role}", "policyArn": "{policy_arn}"},
        {},
    ),
    "user-attachment": (
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        {"user": "packinfra", "policyArn": "{policy_arn}"},
        {},
    ),
    "role-policy": (
        "aws:iam/rolePolicy:RolePolicy",
        {"role": "{role}", "policy": POLICY},
        {"policy": json.dumps({**POLICY, "Statement": [{**POLICY["Statement"][0], "Effect": "Deny"}]})},
    ),
    "user": (
        "aws:iam/user:User",
        {"name": "life", "path": "/packs/", "permissionsBoundary": "{policy_arn}", "tags": {"a": "1", "b": "2"}},
        {"name": "renamed", "path": "/", "permissionsBoundary": None, "forceDestroy": True, "tags": {"b": ""}},
    ),
    "access-key": ("aws:iam/accessKey:AccessKey", {"user": "{user}"}, {"status": "Inactive"}),
    "oidc": (
        "aws:iam/openIdConnectProvider:OpenIdConnectProvider",
        {"url": "https://oidc.example.com/id", "clientIdLists": ["b", "a"], "tags": {"a": "1"}},
        {"clientIdLists": ["c", "b"], "thumbprintLists": ["0" * 40], "tags": {"a": "2", "b": "1"}},
    ),
    "key": (
        "aws:kms/key:Key",
        {"description": "packs", "enableKeyRotation": True, "tags": {"a": "1", "b": "2"}},
        {
            "description": "all packs",
            "enableKeyRotation": None,
            "isEnabled": False,
            "tags": {"b": "3"},
            "deletionWindowInDays": 7,
        },
    ),
    "alias": ("aws:kms/alias:Alias", {"targetKeyId": "{key_arn}"}, {"targetKeyId": "{other_key}"}),
}


@pytest.mark.parametrize("name", CASES)
def test_lifecycle(
    name: str, plugin: Plugin, repository: str, role: str, user: str, policy_arn: str, keys: tuple[str, str]
) -> None:
    """PLUG-11, PLUG-12, PLUG-14, PLUG-15, PLUG-28: created, clean, read, imported, updated, deleted, deleted again."""
    kind, program, changes = CASES[name]
    values_of = {"{repository}": repository, "{role}": role, "{user}": user, "{policy_arn}": policy_arn}
    values_of |= {"{key_arn}": keys[0], "{other_key}": keys[1]}
    program, changes = (
        {key: values_of.get(value, value) if isinstance(value, str) else value for key, value in values.items()}
        for values in (program, changes)
    )

    inputs = plugin.inputs(kind, program)
    _, planned = plugin.create(kind, inputs, preview=True)
    assert {key for key, value in planned.items() if value == UNKNOWN} == set(KINDS[kind].outputs)
    id_, state = plugin.create(kind, inputs)
    assert UNKNOWN not in state.values()
    assert state["id"] == id_
    for document in {*KINDS[kind].documents} & {*state}:
        assert state[document] == json.dumps(json.loads(state[document]), sort_keys=True, separators=(",", ":"))
    assert str(state.get("createDate", "Z")).endswith("Z")

    def clean(state: Json, inputs: Json) -> bool:
        diff = plugin.diff(kind, state, plugin.inputs(kind, program, inputs))
        return bool(diff.changes == provider_pb2.DiffResponse.DIFF_NONE)

    assert clean(state, inputs)
    refreshed = plugin.read(kind, id_, state, inputs)
    assert (refreshed.id, from_struct(refreshed.properties), from_struct(refreshed.inputs)) == (id_, state, inputs)
    imported = plugin.read(kind, id_)
    assert clean(from_struct(imported.properties), from_struct(imported.inputs))

    if changes:
        program = {key: value for key, value in {**program, **changes}.items() if value is not None}
        news = plugin.inputs(kind, program, inputs)
        diff = plugin.diff(kind, state, news)
        tags = {"tagsAll"} if "tags" in changes else set()
        assert (set(diff.diffs), list(diff.replaces)) == ({*changes, *tags}, [])
        preview = plugin.update(kind, id_, state, news, preview=True)
        assert {key: preview[key] for key in KINDS[kind].outputs} == {key: state[key] for key in KINDS[kind].outputs}
        state, inputs = plugin.update(kind, id_, state, news), news
        assert clean(state, inputs)

    plugin.delete(kind, id_, state)
    assert plugin.read(kind, id_, state, inputs).id == ""
    plugin.delete(kind, id_, state)


def test_outputs_stay_known(plugin: Plugin, make_repository: Any) -> None:  # PLUG-9
    name = make_repository()
    state = from_struct(plugin.read(REPOSITORY, name).properties)
    news = plugin.inputs(REPOSITORY, {"name": name, "tags": {"a": "b"}})
    preview = plugin.update(REPOSITORY, name, state, news, True)
    assert UNKNOWN not in preview.values()
    assert (preview["repositoryUrl"], preview["tagsAll"]) == (state["repositoryUrl"], {"a": "b"})


REPLACEMENTS = [
    ("repository", {"name": "s/other"}, True),
    ("repository", {"encryptionConfigurations": [{"encryptionType": "KMS"}]}, True),
    ("repository", {"region": "us-east-1"}, True),
    ("policy", {"description": "other"}, True),
    ("policy", {"path": "/x/"}, True),
    ("role", {"path": "/x/"}, True),
    ("lifecycle-policy", {"policy": json.dumps({"rules": LIFECYCLE["rules"][:1]})}, True),
    ("lifecycle-policy", {"repository": UNKNOWN}, True),
    ("repository-policy", {"repository": "s/other"}, False),
    ("user-attachment", {"user": "other"}, True),
    ("role-attachment", {"role": "other"}, True),
    ("role-policy", {"role": "other"}, False),
    ("role-policy", {"name": "other"}, True),
    ("access-key", {"user": "other"}, False),
    ("oidc", {"url": "https://oidc.example.com/other"}, False),
    ("key", {"keyUsage": "SIGN_VERIFY"}, False),
    ("key", {"customerMasterKeySpec": "RSA_2048"}, False),
    ("key", {"multiRegion": True}, False),
    ("key", {"region": "us-east-1"}, False),
    ("alias", {"name": "alias/other"}, True),
    ("alias", {"region": "us-east-1"}, False),
]


@pytest.mark.parametrize(("name", "change", "delete_first"), REPLACEMENTS)
def test_replacements(name: str, change: Json, delete_first: bool, plugin: Plugin) -> None:  # PLUG-8
    kind, program, _ = CASES[name]
    program = {**program, **({"policyArn": "arn:aws:iam::aws:policy/x"} if "policyArn" in program else {})}
    inputs = plugin.inputs(kind, program)
    state = {key: value for key, value in {**inputs, "region": "eu-west-1"}.items() if key != "__defaults"}
    diff = plugin.diff(kind, state, plugin.inputs(kind, {**program, **change}, inputs))
    assert list(diff.replaces) == list(change)
    assert diff.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert diff.deleteBeforeReplace == delete_first


def test_generated_name_is_replaced_first(plugin: Plugin) -> None:  # PLUG-8
    inputs = plugin.inputs(REPOSITORY, {})
    change = {"encryptionConfigurations": [{"encryptionType": "KMS"}]}
    assert not plugin.diff(REPOSITORY, inputs, plugin.inputs(REPOSITORY, change, inputs)).deleteBeforeReplace


def test_drift_is_seen(plugin: Plugin, owner: Caller, make_repository: Any) -> None:  # PLUG-11
    name = make_repository()
    inputs = plugin.inputs(REPOSITORY, {"name": name})
    state = from_struct(plugin.read(REPOSITORY, name).properties)
    owner.ecr.tag_resource(resourceArn=state["arn"], tags=[{"Key": "stranger", "Value": "1"}])
    owner.ecr.put_image_tag_mutability(repositoryName=name, imageTagMutability="IMMUTABLE")
    refreshed = from_struct(plugin.read(REPOSITORY, name, state, inputs).properties)
    assert set(plugin.diff(REPOSITORY, refreshed, inputs).diffs) == {"imageTagMutability", "tags", "tagsAll"}
    plugin.update(REPOSITORY, name, refreshed, inputs)
    assert owner.ecr.list_tags_for_resource(resourceArn=state["arn"])["tags"] == []


def of_aws(*expected: str) -> str:
    """A pattern for an error of AWS."""
    before, service, operation, after = expected
    request = f"operation error {service}: {operation}, https response error StatusCode: 4\\d\\d, RequestID: \\S*, "
    return f"{before}1 error occurred:\n\t\\* {re.escape(after).replace('REQUEST', request)}.*\n\n"


def test_existing_repository(plugin: Plugin, repository: str) -> None:  # PLUG-13, PLUG-27
    text = error_of(plugin.create, REPOSITORY, plugin.inputs(REPOSITORY, {"name": repository}))
    shown = (
        f"creating ECR Repository ({repository}): REQUESTRepositoryAlreadyExistsException: The repository with name "
    )
    assert re.fullmatch(of_aws("", "ECR", "CreateRepository", shown), text)


def test_repository_with_images(plugin: Plugin, registry: Any, repository: str) -> None:  # PLUG-13, PLUG-27
    registry.push(repository, "1.0.0")
    text = error_of(plugin.delete, REPOSITORY, repository, {})
    shown = (
        f"ECR Repository ({repository}) not empty, consider using force_delete: REQUESTRepositoryNotEmptyException: "
    )
    assert re.fullmatch(of_aws("deleting urn:pulumi:x: ", "ECR", "DeleteRepository", shown), text)
    plugin.delete(REPOSITORY, repository, {"forceDelete": True})
    assert plugin.read(REPOSITORY, repository).id == ""


def test_denied_is_not_gone(start_plugin: StartPlugin, make_user: Any, repository: str) -> None:  # PLUG-11
    user = make_user()
    plugin = start_plugin(AWS_ACCESS_KEY_ID=user.access_key, AWS_SECRET_ACCESS_KEY=user.secret_key).configure()
    text = error_of(plugin.read, REPOSITORY, repository)
    shown = (
        f"reading ECR Repository ({repository}): REQUESTapi error AccessDeniedException: "  # no code of the API model
    )
    assert re.fullmatch(of_aws("", "ECR", "DescribeRepositories", shown), text)


def test_calls_on_a_role(plugin: Plugin, sandbox: Sandbox) -> None:  # PLUG-29
    kind = "aws:iam/role:Role"
    inputs = plugin.inputs(kind, {"assumeRolePolicy": json.dumps(TRUST)})
    id_, state = plugin.create(kind, inputs)
    for step, calls in (
        (plugin.read, ["GetRole", "ListRolePolicies", "ListAttachedRolePolicies"]),
        (plugin.delete, ["ListInstanceProfilesForRole", "DeleteRole"]),
    ):
        since = sandbox.mark()
        step(kind, id_, state)
        assert [request.summary for request in sandbox.requests(f"* {id_}", since)] == [f"iam:{c} {id_}" for c in calls]


def test_secret_of_a_key_is_returned_once(plugin: Plugin, user: str, owner: Caller) -> None:  # PLUG-17
    kind = "aws:iam/accessKey:AccessKey"
    inputs = plugin.inputs(kind, {"user": user})
    id_, state = plugin.create(kind, inputs)
    assert Caller(owner.sandbox, id_, state["secret"]).arn.endswith(f":user/{user}")
    assert from_struct(plugin.read(kind, id_, state, inputs).properties)["secret"] == state["secret"]
    assert "secret" not in from_struct(plugin.read(kind, id_).properties)
    assert plugin.update(kind, id_, state, {**inputs, "status": "Inactive"})["secret"] == state["secret"]
    plugin.delete(kind, id_, state)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [  # PLUG-18
        ("oidc", {"clientIdLists": ["a", "b"]}, {"clientIdLists": ["b", "a"]}),
        ("oidc", {"url": "oidc.example.com/id"}, {"url": "https://oidc.example.com/id"}),
        ("alias", {"targetKeyId": "1234"}, {"targetKeyId": "arn:aws:kms:eu-west-1:123456789012:key/1234"}),
    ],
)
def test_equal_values(name: str, old: Json, new: Json, plugin: Plugin) -> None:
    kind, program, _ = CASES[name]
    inputs = plugin.inputs(kind, program)
    diff = plugin.diff(kind, {**inputs, **old}, {**inputs, **new})
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_id_of_a_renamed_user(plugin: Plugin) -> None:  # PLUG-19
    kind = "aws:iam/user:User"
    inputs = plugin.inputs(kind, {"name": "before"})
    id_, state = plugin.create(kind, inputs)
    state = plugin.update(kind, id_, state, {**inputs, "name": "after"})
    refreshed = plugin.read(kind, id_, state, {**inputs, "name": "after"})
    assert (refreshed.id, from_struct(refreshed.properties)["id"]) == ("before", "after")
    plugin.delete(kind, id_, state)


def test_key_pending_deletion_is_gone(plugin: Plugin, owner: Caller) -> None:  # KMS-2
    kind = "aws:kms/key:Key"
    id_, state = plugin.create(kind, plugin.inputs(kind, {}))
    plugin.delete(kind, id_, state)
    assert owner.client("kms").describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert plugin.read(kind, id_, state).id == ""


def test_region_of_a_resource(plugin: Plugin, owner: Caller) -> None:  # PLUG-8
    id_, state = plugin.create(REPOSITORY, plugin.inputs(REPOSITORY, {"name": "s/far", "region": "us-east-1"}))
    assert state["repositoryUrl"] == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/s/far"
    with rejected("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=["s/far"])
    plugin.delete(REPOSITORY, id_, state)


def test_old_policy_versions_are_deleted(plugin: Plugin) -> None:  # PLUG-8
    kind = "aws:iam/policy:Policy"
    inputs = plugin.inputs(kind, {"name": "often", "policy": json.dumps(POLICY)})
    id_, state = plugin.create(kind, inputs)
    for number in range(7):
        changed = {**inputs, "policy": json.dumps({**POLICY, "Id": str(number)})}
        state = plugin.update(kind, id_, state, changed)
    plugin.delete(kind, id_, state)
