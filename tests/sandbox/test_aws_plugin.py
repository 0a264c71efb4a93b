"""The stand-in AWS plugin, driven over gRPC as the engine drives it."""

import inspect
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import grpc
import pulumi_aws
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from sandbox.aws_plugin.kinds import Kind
from sandbox.aws_plugin.provider import KINDS
from sandbox.aws_plugin.values import UNKNOWN, from_struct, to_struct
from tests.sandbox.conftest import ACCOUNT, Caller, Json, refused
from tests.support.sandbox import ROOT, Sandbox

pytestmark = pytest.mark.sandbox

CONFIG = {"region": "eu-west-1", "version": "7.51.1"}
REPOSITORY = "aws:ecr/repository:Repository"
SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270"}


class Plugin:
    """One plugin process."""

    def __init__(self, environment: dict[str, str]) -> None:
        command = [sys.executable, "-m", "sandbox.aws_plugin", "127.0.0.1:1"]
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def close(self) -> str:
        self.channel.close()
        self.process.kill()
        return self.process.communicate()[1]

    def check_config(self, config: Json) -> list[str]:
        answer = self.stub.CheckConfig(provider_pb2.CheckRequest(urn="u", news=to_struct(config)))
        return [failure.reason for failure in answer.failures]

    def configure(self, config: Json = CONFIG) -> "Plugin":
        self.stub.Configure(provider_pb2.ConfigureRequest(args=to_struct(config)))
        return self

    def check(self, kind: str, news: Json, olds: Json | None = None, seed: bytes = b"\x12\x34\x56\x78") -> Any:
        request = provider_pb2.CheckRequest(
            type=kind, name="logical", news=to_struct(news), olds=to_struct(olds or {}), randomSeed=seed
        )
        return self.stub.Check(request)

    def inputs(self, kind: str, news: Json, olds: Json | None = None) -> Json:
        answer = self.check(kind, news, olds)
        assert not answer.failures
        return from_struct(answer.inputs)

    def diff(self, kind: str, state: Json, news: Json) -> Any:
        return self.stub.Diff(provider_pb2.DiffRequest(type=kind, olds=to_struct(state), news=to_struct(news)))

    def create(self, kind: str, inputs: Json, preview: bool = False) -> tuple[str, Json]:
        request = provider_pb2.CreateRequest(type=kind, properties=to_struct(inputs), preview=preview)
        answer = self.stub.Create(request)
        return answer.id, from_struct(answer.properties)

    def update(self, kind: str, id_: str, state: Json, news: Json, preview: bool = False) -> Json:
        request = provider_pb2.UpdateRequest(
            type=kind, id=id_, olds=to_struct(state), news=to_struct(news), preview=preview
        )
        return from_struct(self.stub.Update(request).properties)

    def read(self, kind: str, id_: str, state: Json | None = None, inputs: Json | None = None) -> Any:
        request = provider_pb2.ReadRequest(
            type=kind, id=id_, properties=to_struct(state or {}), inputs=to_struct(inputs or {})
        )
        return self.stub.Read(request)

    def delete(self, kind: str, id_: str, state: Json) -> None:
        self.stub.Delete(provider_pb2.DeleteRequest(type=kind, id=id_, properties=to_struct(state)))

    def invoke(self, token: str, **args: Any) -> Json:
        answer = self.stub.Invoke(provider_pb2.InvokeRequest(tok=token, args=to_struct(args)))
        return from_struct(getattr(answer, "return"))


def error_of(call: Any, *arguments: Any) -> str:
    with pytest.raises(grpc.RpcError) as raised:
        call(*arguments)
    return str(raised.value.details())


@pytest.fixture(scope="session")
def plugin(sandbox: Sandbox) -> Iterator[Plugin]:
    plugin = Plugin(sandbox.environment()).configure()
    yield plugin
    assert plugin.close() == ""


@pytest.fixture
def fresh(sandbox: Sandbox) -> Iterator[Any]:
    """Plugins of a test's own, with changes to their environment."""
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


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@pytest.mark.parametrize("token", KINDS)
def test_kinds_are_those_of_pulumi_aws(token: str) -> None:  # PLUG-4
    """The table has every input of the real class, and requires the same."""
    module, name = re.fullmatch(r"aws:(\w+)/\w+:(\w+)", token).groups()  # type: ignore[union-attr]
    arguments = getattr(getattr(pulumi_aws, module), f"{name}Args")
    parameters = {_camel(p.name): p for p in inspect.signature(arguments.__init__).parameters.values()}
    del parameters["Self" if "Self" in parameters else next(iter(parameters))]
    kind: Kind = KINDS[token]
    assert set(kind.inputs + kind.absent) == set(parameters)
    assert set(kind.required) == {key for key, p in parameters.items() if p.default is inspect.Parameter.empty}
    properties = {_camel(key) for key in vars(getattr(getattr(pulumi_aws, module), name)) if not key.startswith("_")}
    assert {*kind.outputs, *kind.inputs} <= properties


def test_starts_quickly(fresh: Any) -> None:
    begin = time.monotonic()
    assert fresh().stub.GetPluginInfo(empty_pb2.Empty()).version == "7.51.1"
    assert time.monotonic() - begin < 2


def test_ends_with_the_engine(sandbox: Sandbox) -> None:
    """A shell in the engine's place, killed: the plugin doesn't stay behind."""
    script = f'"{sys.executable}" -m sandbox.aws_plugin & wait'
    engine = subprocess.Popen(
        ["sh", "-c", script], cwd=ROOT, env=sandbox.environment(), stdout=subprocess.PIPE, text=True
    )
    assert engine.stdout
    int(engine.stdout.readline())
    engine.kill()
    engine.wait()
    begin = time.monotonic()
    assert engine.stdout.read() == ""  # returns when the last holder of the pipe, the plugin, is gone
    assert time.monotonic() - begin < 5
    engine.stdout.close()


def test_region_is_needed(fresh: Any) -> None:  # PLUG-1
    plugin = fresh(AWS_REGION=None, AWS_DEFAULT_REGION=None)
    (reason,) = plugin.check_config({"version": "7.51.1"})
    for word in ("pulumi config set aws:region", "AWS_REGION", "AWS_DEFAULT_REGION"):
        assert word in reason
        assert word in error_of(plugin.configure, {})
    assert plugin.check_config(CONFIG) == []


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"AWS_ACCESS_KEY_ID": None, "AWS_SECRET_ACCESS_KEY": None}, "Unable to locate credentials"),
        ({"AWS_SECRET_ACCESS_KEY": "wrong"}, "SignatureDoesNotMatch"),
        ({"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}, "InvalidClientTokenId"),
        ({"AWS_PROFILE": "mine"}, "The config profile (mine) could not be found"),
    ],
)
def test_credentials_are_needed(fresh: Any, changes: dict[str, str | None], cause: str) -> None:  # PLUG-2
    plugin = fresh(**changes)
    (reason,) = plugin.check_config(CONFIG)
    assert cause in reason
    assert "aws sts get-caller-identity" in reason
    assert "wrong" not in reason
    assert cause in error_of(plugin.configure)


def test_credentials_of_the_stack(fresh: Any, owner: Caller) -> None:  # PLUG-16
    """Secrets arrive wrapped; they are used, and never printed."""
    plugin = fresh(AWS_ACCESS_KEY_ID=None, AWS_SECRET_ACCESS_KEY=None)
    keys = {"accessKey": {**SECRET, "value": owner.access_key}, "secretKey": {**SECRET, "value": owner.secret_key}}
    assert plugin.check_config({**CONFIG, **keys}) == []
    plugin.configure({**CONFIG, **keys})
    assert plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")["accountId"] == ACCOUNT
    (reason,) = plugin.check_config({**CONFIG, **keys, "secretKey": {**SECRET, "value": "hush-hush"}})
    assert "hush-hush" not in reason


@pytest.mark.parametrize("form", [json.dumps, list], ids=["text", "list"])
def test_account_guard(fresh: Any, form: Any) -> None:  # PLUG-3
    plugin, other = fresh(), "999999999999"
    for good in ({"allowedAccountIds": form([other, ACCOUNT])}, {"forbiddenAccountIds": form([other])}):
        assert plugin.check_config({**CONFIG, **good}) == []
    for bad in ({"allowedAccountIds": form([other])}, {"forbiddenAccountIds": form([ACCOUNT])}):
        (reason,) = plugin.check_config({**CONFIG, **bad})
        assert f"AWS account ID not allowed: {ACCOUNT}" in reason
        assert "AWS account ID not allowed" in error_of(plugin.configure, {**CONFIG, **bad})
    assert plugin.check_config({**CONFIG, "allowedAccountIds": f"[{ACCOUNT}]"}) == []  # YAML without quotes


def test_config_that_it_does_not_have(fresh: Any) -> None:  # PLUG-4
    (reason,) = fresh().check_config({**CONFIG, "endpoints": "[]"})
    assert "aws:endpoints" in reason
    (reason,) = fresh().check_config({**CONFIG, "allowedAccountIds": "{"})
    assert "not valid JSON" in reason


def test_unknown_config_at_preview(fresh: Any) -> None:  # PLUG-10
    plugin = fresh().configure({"region": UNKNOWN})
    _, planned = plugin.create(REPOSITORY, plugin.inputs(REPOSITORY, {}), preview=True)
    assert planned["arn"] == UNKNOWN


def test_unknown_and_missing_inputs(plugin: Plugin) -> None:  # PLUG-4
    answer = plugin.check("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "r", "colour": "red"})
    assert [(f.property, f.reason.rpartition(" ")[2]) for f in answer.failures] == [
        ("colour", "colour"),
        ("policy", "policy"),
    ]
    answer = plugin.check("aws:iam/role:Role", {"assumeRolePolicy": "{}", "namePrefix": "x"})
    assert "does not have namePrefix" in answer.failures[0].reason
    assert "has no aws:s3/bucket:Bucket" in error_of(plugin.check, "aws:s3/bucket:Bucket", {})


def test_names(plugin: Plugin) -> None:  # PLUG-5
    inputs = plugin.inputs(REPOSITORY, {})
    assert inputs["name"] == "logical-1234567"
    assert "name" in inputs["__defaults"]
    again = plugin.check(REPOSITORY, {}, inputs, seed=b"\x99" * 4)
    assert from_struct(again.inputs)["name"] == inputs["name"]
    assert plugin.inputs(REPOSITORY, {"name": "mine"}, inputs)["name"] == "mine"
    back = plugin.check(REPOSITORY, {}, {"name": "mine"}, seed=b"\x99" * 4)
    assert from_struct(back.inputs)["name"] == "logical-9999999"


def test_default_tags(fresh: Any) -> None:  # PLUG-6
    tags = {"tags": {"team": "packs", "stage": "dev"}}
    plugin = fresh().configure({**CONFIG, "defaultTags": json.dumps(tags)})
    inputs = plugin.inputs(REPOSITORY, {"tags": {"stage": "prod"}})
    assert inputs["tags"] == {"team": "packs", "stage": "prod"}
    _, planned = plugin.create(REPOSITORY, inputs, preview=True)
    assert planned["tagsAll"] == inputs["tags"]
    secret = {**CONFIG, "defaultTags": {**SECRET, "value": json.dumps(tags)}}
    assert plugin.configure(secret).inputs(REPOSITORY, {})["tags"] == tags["tags"]


def test_ecr_judges_the_values(plugin: Plugin) -> None:  # PLUG-7, PLUG-13
    inputs = plugin.inputs(REPOSITORY, {"name": "s/ok", "imageTagMutability": "SOMETIMES"})
    text = error_of(plugin.create, REPOSITORY, inputs)
    assert "creating ECR Repository (s/ok)" in text
    assert "InvalidParameterException" in text


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


# kind, inputs, and what then changes in place
LIVES: dict[str, tuple[str, Json, Json]] = {
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


@pytest.mark.parametrize("name", LIVES)
def test_life(
    name: str, plugin: Plugin, repository: str, role: str, user: str, policy_arn: str, keys: tuple[str, str]
) -> None:
    """PLUG-11, PLUG-12, PLUG-14, PLUG-15: created, clean, read, imported, updated, deleted, deleted again."""
    kind, program, changes = LIVES[name]
    places = {"{repository}": repository, "{role}": role, "{user}": user, "{policy_arn}": policy_arn}
    places |= {"{key_arn}": keys[0], "{other_key}": keys[1]}
    program, changes = (
        {key: places.get(value, value) if isinstance(value, str) else value for key, value in values.items()}
        for values in (program, changes)
    )

    inputs = plugin.inputs(kind, program)
    _, planned = plugin.create(kind, inputs, preview=True)
    assert {key for key, value in planned.items() if value == UNKNOWN} == set(KINDS[kind].outputs)
    id_, state = plugin.create(kind, inputs)
    assert UNKNOWN not in state.values()

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
        assert (set(diff.diffs), list(diff.replaces)) == (set(changes), [])
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
    preview = plugin.update(
        REPOSITORY, name, state, plugin.inputs(REPOSITORY, {"name": name, "tags": {"a": "b"}}), True
    )
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
    ("user-attachment", {"user": "other"}, False),
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
    kind, program, _ = LIVES[name]
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
    assert set(plugin.diff(REPOSITORY, refreshed, inputs).diffs) == {"imageTagMutability", "tags"}
    plugin.update(REPOSITORY, name, refreshed, inputs)
    assert owner.ecr.list_tags_for_resource(resourceArn=state["arn"])["tags"] == []


def test_existing_repository(plugin: Plugin, repository: str) -> None:  # PLUG-13
    text = error_of(plugin.create, REPOSITORY, plugin.inputs(REPOSITORY, {"name": repository}))
    assert "RepositoryAlreadyExistsException" in text
    assert f"The repository with name '{repository}' already exists" in text


def test_repository_that_is_not_empty(plugin: Plugin, registry: Any, repository: str) -> None:  # PLUG-13
    registry.push(repository, "1.0.0")
    text = error_of(plugin.delete, REPOSITORY, repository, {})
    assert "not empty, consider using force_delete" in text
    plugin.delete(REPOSITORY, repository, {"forceDelete": True})
    assert plugin.read(REPOSITORY, repository).id == ""


def test_denied_is_not_gone(fresh: Any, make_user: Any, repository: str) -> None:  # PLUG-11
    user = make_user()
    plugin = fresh(AWS_ACCESS_KEY_ID=user.access_key, AWS_SECRET_ACCESS_KEY=user.secret_key).configure()
    assert "AccessDeniedException" in error_of(plugin.read, REPOSITORY, repository)


def test_secret_of_a_key_is_told_once(plugin: Plugin, user: str, owner: Caller) -> None:  # PLUG-17
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
def test_the_same_in_other_words(name: str, old: Json, new: Json, plugin: Plugin) -> None:
    kind, program, _ = LIVES[name]
    inputs = plugin.inputs(kind, program)
    diff = plugin.diff(kind, {**inputs, **old}, {**inputs, **new})
    assert diff.changes == provider_pb2.DiffResponse.DIFF_NONE


def test_renamed_user_keeps_his_id(plugin: Plugin) -> None:  # PLUG-19
    kind = "aws:iam/user:User"
    inputs = plugin.inputs(kind, {"name": "before"})
    id_, state = plugin.create(kind, inputs)
    state = plugin.update(kind, id_, state, {**inputs, "name": "after"})
    refreshed = plugin.read(kind, id_, state, {**inputs, "name": "after"})
    assert (refreshed.id, from_struct(refreshed.properties)["name"]) == ("before", "after")
    plugin.delete(kind, id_, state)


def test_key_pending_deletion_is_gone(plugin: Plugin, owner: Caller) -> None:  # KMS-2
    kind = "aws:kms/key:Key"
    id_, state = plugin.create(kind, plugin.inputs(kind, {}))
    plugin.delete(kind, id_, state)
    assert owner.client("kms").describe_key(KeyId=id_)["KeyMetadata"]["KeyState"] == "PendingDeletion"
    assert plugin.read(kind, id_, state).id == ""


def test_generated_name_of_an_alias(plugin: Plugin) -> None:  # PLUG-5
    inputs = plugin.inputs("aws:kms/alias:Alias", {"targetKeyId": "1234"})
    assert inputs["name"] == "alias/logical-1234567"


def test_region_of_a_resource(plugin: Plugin, owner: Caller) -> None:  # PLUG-8
    id_, state = plugin.create(REPOSITORY, plugin.inputs(REPOSITORY, {"name": "s/far", "region": "us-east-1"}))
    assert state["repositoryUrl"] == f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/s/far"
    with refused("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=["s/far"])
    plugin.delete(REPOSITORY, id_, state)


def test_unknown_document(plugin: Plugin) -> None:  # PLUG-10
    inputs = plugin.inputs("aws:iam/policy:Policy", {"policy": {**POLICY, "Id": UNKNOWN}})
    assert inputs["policy"] == UNKNOWN


def test_policy_versions_make_room(plugin: Plugin) -> None:  # PLUG-8
    kind = "aws:iam/policy:Policy"
    inputs = plugin.inputs(kind, {"name": "often", "policy": json.dumps(POLICY)})
    id_, state = plugin.create(kind, inputs)
    for number in range(7):
        changed = {**inputs, "policy": json.dumps({**POLICY, "Id": str(number)})}
        state = plugin.update(kind, id_, state, changed)
    plugin.delete(kind, id_, state)


def test_lookups(plugin: Plugin) -> None:  # PLUG-2
    identity = plugin.invoke("aws:index/getCallerIdentity:getCallerIdentity")
    assert (identity["accountId"], identity["arn"]) == (ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/packinfra")
    assert plugin.invoke("aws:index/getRegion:getRegion")["region"] == "eu-west-1"
    assert plugin.invoke("aws:index/getPartition:getPartition")["partition"] == "aws"
    document = plugin.invoke(
        "aws:iam/getPolicyDocument:getPolicyDocument",
        statements=[
            {
                "sid": "Pull",
                "actions": ["ecr:BatchGetImage"],
                "resources": ["a", "b"],
                "principals": [{"type": "AWS", "identifiers": ["*"]}],
                "conditions": [{"test": "StringEquals", "variable": "sts:ExternalId", "values": ["x"]}],
            }
        ],
    )
    assert json.loads(document["json"]) == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Pull",
                "Effect": "Allow",
                "Action": "ecr:BatchGetImage",
                "Resource": ["a", "b"],
                "Principal": {"AWS": "*"},
                "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
            }
        ],
    }
    assert "has no aws:index/getIpRanges:getIpRanges" in error_of(plugin.invoke, "aws:index/getIpRanges:getIpRanges")
