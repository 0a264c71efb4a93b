"""Repositories, their settings, tags and documents."""

import json
import time
from typing import Any

import pytest

from tests.support.aws import (
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
    rejected,
)

pytestmark = pytest.mark.sandbox


@pytest.mark.parametrize("name", ["x", "Upper", "a//b", "/a", "a/", "a b", "a" * 257, "ä", "a..b"])
def test_names(owner: Caller, name: str) -> None:  # REP-1
    with rejected("InvalidParameterException", "RepositoryNotFoundException") as messages:
        owner.unchecked.create_repository(repositoryName=name)
    assert "repositoryName" in messages[0]


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
    with rejected("InvalidParameterException") as messages:
        owner.unchecked.create_repository(repositoryName="s/bad", **settings)
    assert f"Invalid parameter at '{member}' failed to satisfy constraint" in messages[0]


def test_missing_repository(owner: Caller) -> None:  # REP-2
    text = f"The repository with name 's/none' does not exist in the registry with id '{ACCOUNT}'"
    for call in (owner.ecr.list_images, owner.ecr.describe_images, owner.ecr.delete_repository):
        with rejected("RepositoryNotFoundException") as messages:
            call(repositoryName="s/none")
        assert messages[0] == text


def test_duplicate(owner: Caller, repository: str) -> None:  # REP-3
    with rejected("RepositoryAlreadyExistsException") as messages:
        owner.ecr.create_repository(repositoryName=repository)
    assert messages[0] == (
        f"The repository with name '{repository}' already exists in the registry with id '{ACCOUNT}'"
    )


def test_defaults(owner: Caller, repository: str) -> None:  # REP-4
    described = owner.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert time.time() - described.pop("createdAt").timestamp() < 60
    assert described == {
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
    with rejected("InvalidParameterException"):
        owner.unchecked.create_repository(repositoryName="s/bad", **settings)
    with rejected("InvalidParameterException"):
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
    described = owner.ecr.describe_repositories(repositoryNames=[repository])["repositories"][0]
    assert described["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert described["imageTagMutabilityExclusionFilters"] == filters
    assert described["imageScanningConfiguration"] == {"scanOnPush": True}


def test_one_missing_name_is_an_error(owner: Caller, repository: str) -> None:  # REP-7
    with rejected("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=[repository, "s/none"])


def test_delete_needs_force(owner: Caller, registry: Registry, make_repository: MakeRepository) -> None:
    """REP-8, REP-9"""
    name = make_repository()
    registry.push(name, "1.0.0", b"layer")
    with rejected("RepositoryNotEmptyException"):
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


REFUSED_TAGS = [
    ("aws:x", ""), ("AWS:x", ""), ("", ""), ("k" * 129, ""), ("k", "v" * 257),
    ("purpose", "packs (one, two)"), ("it's", ""), ("k", "*"), ("k", "tab\t"), ("k", "a;b"),
]  # fmt: skip


def test_tags(owner: Caller, make_repository: MakeRepository) -> None:  # REP-10
    name = make_repository(tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}"
    owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": "3"}, {"Key": "c", "Value": ""}])
    owner.ecr.untag_resource(resourceArn=arn, tagKeys=["a", "none"])
    tags = {tag["Key"]: tag["Value"] for tag in owner.ecr.list_tags_for_resource(resourceArn=arn)["tags"]}
    assert tags == {"b": "3", "c": ""}
    owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "Größe 1", "Value": "v" * 248 + "_.:/=+-@"}])
    for key, value in REFUSED_TAGS:
        bad = [{"Key": key, "Value": value}]
        with rejected("InvalidTagParameterException"):
            owner.ecr.tag_resource(resourceArn=arn, tags=bad)
        with rejected("InvalidTagParameterException"):
            owner.ecr.create_repository(repositoryName="s/refused", tags=bad)
    with rejected("InvalidTagParameterException"):
        owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": "b", "Value": value} for value in "12"])
    with rejected("TooManyTagsException"):
        owner.ecr.tag_resource(resourceArn=arn, tags=[{"Key": f"k{n}", "Value": ""} for n in range(51)])
    with rejected("RepositoryNotFoundException"):
        owner.ecr.list_tags_for_resource(resourceArn=arn + "-none")


def test_pages(owner: Caller, make_repository: MakeRepository) -> None:  # REP-11
    names = {make_repository() for _ in range(5)}
    pages = owner.ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 2})
    listed = [repository["repositoryName"] for page in pages for repository in page["repositories"]]
    assert len(listed) == len(set(listed))
    assert names <= set(listed)
    with rejected("InvalidParameterException"):
        owner.ecr.describe_repositories(nextToken="made-up")


def test_unsupported_operation(owner: Caller) -> None:  # REP-12
    with rejected("UnknownOperationException"):
        owner.ecr.describe_pull_through_cache_rules()


def test_regions_are_apart(owner: Caller, repository: str) -> None:  # HOST-1
    with rejected("RepositoryNotFoundException"):
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
    with rejected("InvalidParameterException") as messages:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=text)
    assert "Invalid repository policy provided" in messages[0]


def _allow(**parts: Any) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage", **parts}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_policy_with_a_resource(owner: Caller, repository: str) -> None:  # POL-4
    with rejected("InvalidParameterException") as messages:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=_allow(Resource="*"))
    assert "Invalid repository policy provided" in messages[0]


@pytest.mark.parametrize("name", ["user/nobody", "role/nobody", "user/path/packinfra"])
def test_missing_principal(owner: Caller, repository: str, name: str) -> None:  # POL-5
    text = _allow(Principal={"AWS": [owner.arn, f"arn:aws:iam::{ACCOUNT}:{name}"]})
    with rejected("InvalidParameterException") as messages:
        owner.ecr.set_repository_policy(repositoryName=repository, policyText=text)
    assert "'PolicyText' failed to satisfy constraint: 'Principal not found'" in messages[0]


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
def test_malformed_principals(owner: Caller, repository: str, principal: Any) -> None:  # POL-6
    for kind in ("AWS", "Federated"):
        with rejected("InvalidParameterException") as messages:
            owner.ecr.set_repository_policy(repositoryName=repository, policyText=_allow(Principal={kind: principal}))
        assert "Invalid repository policy provided" in messages[0]


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
    encryption = {"encryptionType": "KMS", "kmsKey": key["KeyId"]}
    name = make_repository(encryptionConfiguration=encryption)
    (described,) = owner.ecr.describe_repositories(repositoryNames=[name])["repositories"]
    assert described["encryptionConfiguration"] == {"encryptionType": "KMS", "kmsKey": key["Arn"]}
    with rejected("InvalidParameterException"):
        make_repository(encryptionConfiguration={**encryption, "encryptionType": "AES256"})

    user = make_user(allow("ecr:CreateRepository"))
    with rejected("AccessDeniedException") as messages:
        user.ecr.create_repository(repositoryName="s/with-key", encryptionConfiguration=encryption)
    assert "kms:DescribeKey" in messages[0]
    grant = {"Effect": "Allow", "Action": ["kms:DescribeKey", "kms:CreateGrant"], "Resource": key["Arn"]}
    user = make_user(allow("ecr:CreateRepository"), grant)
    user.ecr.create_repository(repositoryName="s/with-key", encryptionConfiguration=encryption)
    owner.ecr.delete_repository(repositoryName="s/with-key")

    kms.schedule_key_deletion(KeyId=key["KeyId"])
    for missing in (key["KeyId"], key["Arn"].replace(key["KeyId"], "0"), "alias/none"):
        with rejected("KmsException"):
            make_repository(encryptionConfiguration={**encryption, "kmsKey": missing})


def test_repository_policy(owner: Caller, repository: str) -> None:  # POL-2, POL-3
    for call in (owner.ecr.get_repository_policy, owner.ecr.delete_repository_policy):
        with rejected("RepositoryPolicyNotFoundException"):
            call(repositoryName=repository)
    document = {"Version": "2012-10-17", "Statement": [STATEMENT]}
    owner.ecr.set_repository_policy(repositoryName=repository, policyText=json.dumps(document))
    text = owner.ecr.get_repository_policy(repositoryName=repository)["policyText"]
    assert json.loads(text) == document
    assert text != json.dumps(document)
    owner.ecr.delete_repository_policy(repositoryName=repository)
    with rejected("RepositoryPolicyNotFoundException"):
        owner.ecr.get_repository_policy(repositoryName=repository)


def _rule(priority: int, status: str = "untagged", **selection: Any) -> Json:
    selected = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 5, **selection}
    return {"rulePriority": priority, "selection": selected, "action": {"type": "expire"}}


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
    with rejected("InvalidParameterException"):
        owner.ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)


@pytest.mark.parametrize("text", ["x" * 120, "{}", " " * 30721])
def test_lifecycle_texts(owner: Caller, repository: str, text: str) -> None:  # LIF-1
    with rejected("InvalidParameterException"):
        owner.unchecked.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=text)


def test_lifecycle_policy(owner: Caller, registry: Registry, repository: str) -> None:  # LIF-2, LIF-3, LIF-4
    for call in (owner.ecr.get_lifecycle_policy, owner.ecr.delete_lifecycle_policy):
        with rejected("LifecyclePolicyNotFoundException"):
            call(repositoryName=repository)
    for version in range(7):
        registry.push(repository, str(version), bytes([version]))
    rules = [_rule(9, "any"), _rule(1, "tagged", tagPrefixList=["v"])]
    owner.ecr.put_lifecycle_policy(repositoryName=repository, lifecyclePolicyText=json.dumps({"rules": rules}))
    text = owner.ecr.get_lifecycle_policy(repositoryName=repository)["lifecyclePolicyText"]
    assert json.loads(text) == {"rules": rules[::-1]}
    assert len(owner.ecr.list_images(repositoryName=repository)["imageIds"]) == 7
    owner.ecr.delete_lifecycle_policy(repositoryName=repository)
    with rejected("LifecyclePolicyNotFoundException"):
        owner.ecr.get_lifecycle_policy(repositoryName=repository)
