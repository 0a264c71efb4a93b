"""The stand-in AWS plugin: the inputs of resources."""

import json

import pytest

from sandbox.aws_plugin.values import UNKNOWN, from_struct
from tests.support.aws import Json
from tests.support.plugin import CONFIG, REPOSITORY, SECRET, Plugin, StartPlugin, error_of

pytestmark = pytest.mark.sandbox


POLICY: Json = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}


def test_unknown_and_missing_inputs(plugin: Plugin) -> None:  # PLUG-4
    response = plugin.check("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"repository": "r", "colour": "red"})
    assert [(f.property, f.reason.rpartition(" ")[2]) for f in response.failures] == [
        ("colour", "colour"),
        ("policy", "policy"),
    ]
    response = plugin.check("aws:iam/role:Role", {"assumeRolePolicy": "{}", "namePrefix": "x"})
    assert "does not have namePrefix" in response.failures[0].reason
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


def test_default_tags(start_plugin: StartPlugin) -> None:  # PLUG-6
    tags = {"tags": {"team": "packs", "stage": "dev"}}
    plugin = start_plugin().configure({**CONFIG, "defaultTags": json.dumps(tags)})
    inputs = plugin.inputs(REPOSITORY, {"name": "s/tagged", "tags": {"stage": "prod"}})
    assert inputs["tags"] == {"stage": "prod"}
    assert inputs["tagsAll"] == {"team": "packs", "stage": "prod"}
    _, planned = plugin.create(REPOSITORY, inputs, preview=True)
    assert planned["tagsAll"] == inputs["tagsAll"]
    id_, state = plugin.create(REPOSITORY, inputs)
    assert (state["tags"], state["tagsAll"]) == (inputs["tags"], inputs["tagsAll"])

    news = start_plugin().configure().inputs(REPOSITORY, {"name": "s/tagged", "tags": {"stage": "prod"}}, inputs)
    diff = plugin.diff(REPOSITORY, state, news)
    assert (list(diff.diffs), list(diff.replaces)) == (["tagsAll"], [])
    plain = start_plugin().configure()
    state = plain.update(REPOSITORY, id_, state, news)
    assert state["tags"] == state["tagsAll"] == {"stage": "prod"}
    plugin.delete(REPOSITORY, id_, state)

    secret = {**CONFIG, "defaultTags": {**SECRET, "value": json.dumps(tags)}}
    inputs = plugin.configure(secret).inputs(REPOSITORY, {})
    assert "tags" not in inputs
    assert inputs["tagsAll"] == tags["tags"]


def test_unknown_tags(plugin: Plugin) -> None:  # PLUG-6, PLUG-10
    assert plugin.inputs(REPOSITORY, {"tags": UNKNOWN})["tagsAll"] == UNKNOWN
    assert plugin.inputs(REPOSITORY, {"tags": {"a": UNKNOWN}})["tagsAll"] == {"a": UNKNOWN}
    assert "tagsAll" not in plugin.inputs(REPOSITORY, {})


INVALID = [
    (
        REPOSITORY,
        {"imageTagMutability": "SOMETIMES"},
        "imageTagMutability",
        "expected image_tag_mutability to be one of",
    ),
    (
        REPOSITORY,
        {"encryptionConfigurations": [{"encryptionType": "KMS"}, {"encryptionType": "ROT13"}]},
        "encryptionConfigurations.encryptionType",
        '["AES256" "KMS" "KMS_DSSE"], got ROT13',
    ),
    (
        REPOSITORY,
        {"imageTagMutabilityExclusionFilters": [{"filterType": "REGEX", "filter": "a"}]},
        "imageTagMutabilityExclusionFilters.filterType",
        'expected filter_type to be one of ["WILDCARD"], got REGEX',
    ),
    (
        "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
        {"role": "r", "policyArn": "reader"},
        "policyArn",
        '"policy_arn" (reader) is an invalid ARN: arn: invalid prefix',
    ),
    (
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        {"user": "u", "policyArn": "arn:aws:iam"},
        "policyArn",
        '"policy_arn" (arn:aws:iam) is an invalid ARN: arn: not enough sections',
    ),
    (
        "aws:iam/role:Role",
        {"assumeRolePolicy": "{}", "permissionsBoundary": "b"},
        "permissionsBoundary",
        '"permissions_boundary" (b) is an invalid ARN',
    ),
    ("aws:iam/user:User", {"permissionsBoundary": "b"}, "permissionsBoundary", "is an invalid ARN"),
    ("aws:iam/accessKey:AccessKey", {"user": "u", "status": "On"}, "status", '["Active" "Inactive"], got On'),
]


@pytest.mark.parametrize(("kind", "values", "path", "reason"), INVALID)
def test_refused_at_preview(plugin: Plugin, kind: str, values: Json, path: str, reason: str) -> None:  # PLUG-7
    (failure,) = plugin.check(kind, values).failures
    assert failure.property == path
    assert reason in failure.reason
    assert failure.reason.endswith(f". Examine values at 'logical.{path}'.")


def test_ecr_validates_the_names(plugin: Plugin) -> None:  # PLUG-7, PLUG-13
    text = error_of(plugin.create, REPOSITORY, plugin.inputs(REPOSITORY, {"name": "S/No"}))
    assert "creating ECR Repository (S/No)" in text
    assert "InvalidParameterException" in text


def test_generated_name_of_an_alias(plugin: Plugin) -> None:  # PLUG-5
    inputs = plugin.inputs("aws:kms/alias:Alias", {"targetKeyId": "1234"})
    assert inputs["name"] == "alias/logical-1234567"


def test_unknown_document(plugin: Plugin) -> None:  # PLUG-10
    inputs = plugin.inputs("aws:iam/policy:Policy", {"policy": {**POLICY, "Id": UNKNOWN}})
    assert inputs["policy"] == UNKNOWN
