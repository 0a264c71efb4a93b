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
    inputs = plugin.inputs(REPOSITORY, {"tags": {"stage": "prod"}})
    assert inputs["tags"] == {"team": "packs", "stage": "prod"}
    _, planned = plugin.create(REPOSITORY, inputs, preview=True)
    assert planned["tagsAll"] == inputs["tags"]
    secret = {**CONFIG, "defaultTags": {**SECRET, "value": json.dumps(tags)}}
    assert plugin.configure(secret).inputs(REPOSITORY, {})["tags"] == tags["tags"]


def test_ecr_validates_the_values(plugin: Plugin) -> None:  # PLUG-7, PLUG-13
    inputs = plugin.inputs(REPOSITORY, {"name": "s/ok", "imageTagMutability": "SOMETIMES"})
    text = error_of(plugin.create, REPOSITORY, inputs)
    assert "creating ECR Repository (s/ok)" in text
    assert "InvalidParameterException" in text


def test_generated_name_of_an_alias(plugin: Plugin) -> None:  # PLUG-5
    inputs = plugin.inputs("aws:kms/alias:Alias", {"targetKeyId": "1234"})
    assert inputs["name"] == "alias/logical-1234567"


def test_unknown_document(plugin: Plugin) -> None:  # PLUG-10
    inputs = plugin.inputs("aws:iam/policy:Policy", {"policy": {**POLICY, "Id": UNKNOWN}})
    assert inputs["policy"] == UNKNOWN
