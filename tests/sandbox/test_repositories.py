"""Repositories, their settings, tags and documents."""

import json
import time
from typing import Any

import pytest

from tests.sandbox.conftest import (
    ACCOUNT,
    HOST,
    REGION,
    Caller,
    Json,
    MakeRepository,
    MakeUser,
    Registry,
    allow,
    digest_of,
    refused,
)

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("name", ["x", "Upper", "a//b", "/a", "a/", "a b", "a" * 257, "ä", "a..b"])
def test_names(owner: Caller, name: str) -> None:  # REP-1
    with refused("InvalidParameterException", "RepositoryNotFoundException") as refusal:
        owner.unchecked.create_repository(repositoryName=name)
    assert "repositoryName" in refusal[0]


@pytest.mark.parametrize(
    ("settings", "member"),
    [
        ({"imageTagMutability": "SOMETIMES"}, "imageTagMutability"),
        ({"encryptionConfiguration": {"encryptionType": "ROT13"}}, "encryptionType"),
        ({"encryptionConfiguration": {}}, "encryptionType"),
    ],
    ids=["mutability", "encryption", "missing"],
)
def test_members(owner: Caller, settings: Json, member: str) -> None:  # REP-1
    with refused("InvalidParameterException") as refusal:
        owner.unchecked.create_repository(repositoryName="s/bad", **settings)
    assert f"Invalid parameter at '{member}' failed to satisfy constraint" in refusal[0]


def test_missing_repository(owner: Caller) -> None:  # REP-2
    text = f"The repository with name 's/none' does not exist in the registry with id '{ACCOUNT}'"
    for call in (owner.ecr.list_images, owner.ecr.describe_images, owner.ecr.delete_repository):
        with refused("RepositoryNotFoundException") as refusal:
            call(repositoryName="s/none")
        assert refusal[0] == text


def test_duplicate(owner: Caller, repository: str) -> None:  # REP-3
    with refused("RepositoryAlreadyExistsException") as refusal:
        owner.ecr.create_repository(repositoryName=repository)
    assert refusal[0] == (f"The repository with name '{repository}' already exists in the registry with id '{ACCOUNT}'")


def test_defaults(owner: Caller, repository: str) -> None:  # REP-4
    found = owner.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert time.time() - found.pop("createdAt").timestamp() < 60
    assert found == {
        "repositoryArn": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{repository}",
        "registryId": ACCOUNT,
        "repositoryName": repository,
        "repositoryUri": f"{HOST}/{repository}",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def _filters(*texts: str) -> list[Json]:
    return [{"filterType": "WILDCARD", "filter": text} for text in texts]


@pytest.mark.parametrize(
    ("mutability", "filters"),
    [
        ("IMMUTABLE_WITH_EXCLUSION", []),  # REP-5
        ("IMMUTABLE", _filters("sha256-*")),
        ("MUTABLE", _filters("sha256-*")),
        ("IMMUTABLE_WITH_EXCLUSION", _filters(*"abcdef")),  # REP-6
        ("IMMUTABLE_WITH_EXCLUSION", _filters("a b")),
    ],
)
def test_exclusion_filters(owner: Caller, repository: str, mutability: str, filters: list[Json]) -> None:
    settings: Json = {"imageTagMutability": mutability}
    if filters:
        settings["imageTagMutabilityExclusionFilters"] = filters
    with refused("InvalidParameterException"):
        owner.unchecked.create_repository(repositoryName="s/bad", **settings)
    with refused("InvalidParameterException"):
        owner.unchecked.put_image_tag_mutability(repositoryName=repository, **settings)


def test_settings_are_kept(owner: Caller, repository: str) -> None:  # REP-5
    filters = _filters("sha256-*")
    owner.ecr.put_image_tag_mutability(
        repositoryName=repository,
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
        imageTagMutabilityExclusionFilters=filters,
    )
    owner.ecr.put_image_scanning_configuration(
        repositoryName=repository, imageScanningConfiguration={"scanOnPush": True}
    )
    found = owner.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert found["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert found["imageTagMutabilityExclusionFilters"] == filters
    assert found["imageScanningConfiguration"] == {"scanOnPush": True}


def test_one_missing_name_is_an_error(owner: Caller, repository: str) -> None:  # REP-7
    with refused("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=[repository, "s/none"])


def test_delete_needs_force(owner: Caller, registry: Registry, make_repository: MakeRepository) -> None:
    """REP-8, REP-9"""
    name = make_repository()
    registry.push(name, "1.0.0", b"layer")
    with refused("RepositoryNotEmptyException"):
        owner.ecr.delete_repository(repositoryName=name)
    owner.ecr.delete_repository(repositoryName=name, force=True)
    make_repository(name)
    assert owner.ecr.list_images(repositoryName=name)["imageIds"] == []
    digest = "sha256:" + "0" * 64
    assert registry.send("HEAD", f"/v2/{name}/blobs/{digest}").status_code == 404
    missing = registry.send("GET", f"/v2/{name}/manifests/1.0.0")
    assert missing.status_code == 404
    checked = owner.ecr.batch_check_layer_availability(repositoryName=name, layerDigests=[digest_of(b"layer")])
    assert checked["layers"][0]["layerAvailability"] == "UNAVAILABLE"


def test_tags(owner: Caller, make_repository: MakeRepository) -> None:  # REP-10
    name = make_repository(tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
    owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
    owner.ecr.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    tags = {tag["Key"]: tag["Value"] for tag in owner.ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"b": "3", "c": ""}
    for bad in ({"Key": "aws:x", "Value": ""}, {"Key": "k" * 129, "Value": ""}, {"Key": "k", "Value": "v" * 257}):
        with refused("InvalidTagParameterException"):
            owner.ecr.tag_resource(resourceArn=arn, tags=[bad])
    with refused("TooManyTagsException"):
        owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": f"k{n}", "Value": ""} for n in range(51)])
    with refused("RepositoryNotFoundException"):
        owner.ecr.list_tags_for_resource(resourceArn=arn + "-none")


def test_pages(owner: Caller, make_repository: MakeRepository) -> None:  # REP-11
    names = {make_repository() for _ in range(5)}
    pages = owner.ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    found = [repository["repositoryName"] for page in pages for repository in page["repositories"]]
    assert len(found) == len(set(found))
    assert names <= set(found)
    with refused("InvalidParameterException"):
        owner.ecr.describe_repositories(nextToken="made-up")


def test_operation_that_is_not_there(owner: Caller) -> None:  # REP-12
    with refused("UnknownOperationException"):
        owner.ecr.describe_pull_through_cache_rules()


def test_regions_are_apart(owner: Caller, repository: str) -> None:  # HOST-1
    with refused("RepositoryNotFoundException"):
        owner.client("ecr", "us-east-1").describe_repositories(repositoryNames=[repository])


STATEMENT = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": ["ecr:BatchGetImage"]}


@pytest.mark.parametrize(
    "text",
    [
        "nope",
        "{}",
        "[]",
        *(
            json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            for statement in (
                {**STATEMENT, "Effect": "Maybe"},
                {key: STATEMENT[key] for key in ("Effect", "Action")},
                {key: STATEMENT[key] for key in ("Effect", "Principal")},
                {**STATEMENT, "Action": "s3:GetObject"},
                {**STATEMENT, "Action": "ecr:GetAuthorizationToken"},
            )
        ),
    ],
)
def test_bad_repository_policies(owner: Caller, repository: str, text: str) -> None:  # POL-1
    with refused("InvalidParameterException") as refusal:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=text)
    assert "Invalid repository policy provided" in refusal[0]


def _allow(**parts: Any) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", **parts}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_policy_with_a_resource(owner: Caller, repository: str) -> None:  # POL-4
    with refused("InvalidParameterException") as refusal:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=_allow(Resource="*"))
    assert "Invalid repository policy provided" in refusal[0]


@pytest.mark.parametrize("name", ["user/nobody", "role/nobody", "user/path/packinfra"])
def test_principal_that_is_not_there(owner: Caller, repository: str, name: str) -> None:  # POL-5
    text = _allow(Principal={"AWS": [owner.arn, f"arn:aws:iam::{ACCOUNT}:{name}"]})
    with refused("InvalidParameterException") as refusal:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=text)
    assert "'PolicyText' failed to satisfy constraint: 'Principal not found'" in refusal[0]


@pytest.mark.parametrize(
    "principal",
    [
        f"arn:aws:iam::{ACCOUNT}:*",
        f"arn:aws:iam::{ACCOUNT}:user/*",
        "packinfra",
        "12345",
        f"arn:aws:iam::{ACCOUNT}:group/all",
        f"arn:aws:s3::{ACCOUNT}:user/packinfra",
        7,
    ],
)
def test_principals_of_a_wrong_form(owner: Caller, repository: str, principal: Any) -> None:  # POL-6
    for kind in ("AWS", "Federated"):
        with refused("InvalidParameterException") as refusal:
            owner.ecr.set_repository_policy(repositoryName=repository, policyText=_allow(Principal={kind: principal}))
        assert "Invalid repository policy provided" in refusal[0]


@pytest.mark.parametrize(
    "principal",
    [
        {"AWS": "*"},
        {"AWS": ACCOUNT},
        {"AWS": [f"arn:aws:iam::{ACCOUNT}:root", "arn:aws:iam::999999999999:role/reader"]},
        {"AWS": f"arn:aws:iam::{ACCOUNT}:user/packinfra", "Service": "codebuild.amazonaws.com"},
    ],
)
def test_principals(owner: Caller, repository: str, principal: Json) -> None:  # POL-5, POL-6
    owner.ecr.set_repository_policy(repositoryName=repository, policyText=_allow(Principal=principal))


def test_kms_key(owner: Caller, make_user: MakeUser, make_repository: MakeRepository) -> None:  # REP-13
    kms = owner.client("kms")
    key = kms.create_key()["KeyMetadata"]
    wanted = {"encryptionType": "KMS", "kmsKey": key["KeyId"]}
    name = make_repository(encryptionConfiguration=wanted)
    (found,) = owner.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert found["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key["Arn"]}
    with refused("InvalidParameterException"):
        make_repository(encryptionConfiguration={**wanted, "encryptionType": "AES256"})

    user = make_user(allow("ecr:CreateRepository"))
    with refused("AccessDeniedException") as denial:
        user.ecr.create_repository(repositoryName="s/with-key", encryptionConfiguration=wanted)
    assert "kms:DescribeKey" in denial[0]
    lends = {"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:CreateGrant"], "Resource": key["Arn"]}
    user = make_user(allow("ecr:CreateRepository"), lends)
    user.ecr.create_repository(repositoryName="s/with-key", encryptionConfiguration=wanted)
    owner.ecr.delete_repository(repositoryName="s/with-key")

    kms.schedule_key_deletion(KeyId=key["KeyId"])
    for missing in (key["KeyId"], key["Arn"].replace(key["KeyId"], "0"), "alias/none"):
        with refused("KmsException"):
            make_repository(encryptionConfiguration={**wanted, "kmsKey": missing})


def test_repository_policy(owner: Caller, repository: str) -> None:  # POL-2, POL-3
    for call in (owner.ecr.get_repository_policy, owner.ecr.delete_repository_policy):
        with refused("RepositoryPolicyNotFoundException"):
            call(repositoryName=repository)
    document = {"Version": "2012-10-17", "Statement": [STATEMENT]}
    owner.ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(document))
    text = owner.ecr.get_repository_policy(repositoryName=repository)["policyText"]
    assert json.loads(text) == document
    assert text != json.dumps(document)
    owner.ecr.delete_repository_policy(repositoryName=repository)
    with refused("RepositoryPolicyNotFoundException"):
        owner.ecr.get_repository_policy(repositoryName=repository)


def _rule(priority: int, status: str = "untagged", **selection: Any) -> Json:
    chosen = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 5, **selection}
    return {"rulePriority": priority, "selection": chosen, "action": {"type": "expire"}}


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [_rule(n) for n in range(1, 52)],
        [_rule(1), _rule(1)],
        [_rule(1, "any"), _rule(2)],
        [_rule(1, "tagged")],
        [_rule(1, countUnit="days")],
        [_rule(1, countType="sinceImagePushed")],
        [_rule(1, countNumber=0)],
        [_rule(1, surprise=1)],
        [{**_rule(1), "action": {"type": "burn"}}],
    ],
    ids=["none", "51", "equal", "any-first", "tagged", "unit", "no-unit", "zero", "unknown", "action"],
)
def test_bad_lifecycle_policies(owner: Caller, repository: str, rules: list[Json]) -> None:  # LIF-1
    text = json.dumps({"rules": rules}).ljust(100)
    with refused("InvalidParameterException"):
        owner.ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)


@pytest.mark.parametrize("text", ["x" * 120, "{}", " " * 30721])
def test_lifecycle_texts(owner: Caller, repository: str, text: str) -> None:  # LIF-1
    with refused("InvalidParameterException"):
        owner.unchecked.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)


def test_lifecycle_policy(owner: Caller, registry: Registry, repository: str) -> None:  # LIF-2, LIF-3, LIF-4
    for call in (owner.ecr.get_lifecycle_policy, owner.ecr.delete_lifecycle_policy):
        with refused("LifecyclePolicyNotFoundException"):
            call(repositoryName=repository)
    for version in range(7):
        registry.push(repository, str(version), bytes([version]))
    rules = [_rule(9, "any"), _rule(1, "tagged", tagPrefixList=["v"])]
    owner.ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": rules}))
    text = owner.ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
    assert json.loads(text) == {"rules": rules[::-1]}
    assert len(owner.ecr.list_images(repositoryName=repository)["imageIds"]) == 7
    owner.ecr.delete_lifecycle_policy(repositoryName=repository)
    with refused("LifecyclePolicyNotFoundException"):
        owner.ecr.get_lifecycle_policy(repositoryName=repository)
