"""IAM and KMS: corrections of ministack, and behaviour that the plugin and the policies need."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest

from tests.support.aws import Caller, Json, MakeUser, rejected

pytestmark = pytest.mark.sandbox

Call = Callable[..., Any]
ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})


def test_user_with_keys_or_policies(owner: Caller) -> None:  # USR-1
    iam = owner.iam
    iam.create_user(UserName="holder")
    iam.put_user_policy(UserName="holder", PolicyName="inline", PolicyDocument=ALLOW)
    with rejected("DeleteConflict"):
        iam.delete_user(UserName="holder")
    iam.delete_user_policy(UserName="holder", PolicyName="inline")
    policy = iam.create_policy(PolicyName="attached", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="holder", PolicyArn=policy)
    with rejected("DeleteConflict"):
        iam.delete_user(UserName="holder")
    with rejected("DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    iam.detach_user_policy(UserName="holder", PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)
    key = iam.create_access_key(UserName="holder")["AccessKey"]["AccessKeyId"]
    with rejected("DeleteConflict"):
        iam.delete_user(UserName="holder")
    iam.delete_access_key(UserName="holder", AccessKeyId=key)
    iam.delete_user(UserName="holder")


def test_third_access_key(owner: Caller) -> None:  # USR-2
    owner.iam.create_user(UserName="keys")
    keys = [owner.iam.create_access_key(UserName="keys")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    with rejected("LimitExceeded"):
        owner.iam.create_access_key(UserName="keys")
    for key in keys:
        owner.iam.delete_access_key(UserName="keys", AccessKeyId=key)
    owner.iam.delete_user(UserName="keys")


def test_renamed_user(owner: Caller, make_user: MakeUser) -> None:  # USR-3
    user = make_user({"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"})
    old = user.name
    with rejected("EntityAlreadyExists"):
        owner.iam.update_user(UserName=old, NewUserName="packinfra")
    with rejected("NoSuchEntity"):
        owner.iam.update_user(UserName="nobody", NewPath="/x/")
    owner.iam.update_user(UserName=old, NewUserName="another", NewPath="/x/")
    assert owner.iam.get_user(UserName="another")["User"]["Arn"].endswith(":user/x/another")
    renamed = Caller(owner.sandbox, user.access_key, user.secret_key)
    assert renamed.arn.endswith(":user/x/another")
    assert "repositories" in renamed.ecr.describe_repositories()
    owner.iam.update_user(UserName="another", NewUserName=old, NewPath="/")


def test_openid_connect_provider(owner: Caller) -> None:  # OIDC-1, OIDC-2
    iam = owner.iam
    with rejected("ValidationError"):
        iam.create_open_id_connect_provider(Url="http://oidc.example.com", ClientIDList=["a"])
    made = iam.create_open_id_connect_provider(Url="https://oidc.example.com/id", ClientIDList=["a"])
    named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    assert named["OpenIDConnectProviderArn"].endswith(":oidc-provider/oidc.example.com/id")

    def provider() -> Any:
        return iam.get_open_id_connect_provider(**named)

    assert provider()["Url"] == "oidc.example.com/id"
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["0" * 40, "1" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["a"])
    assert (provider()["ClientIDList"], provider()["ThumbprintList"]) == (["b"], ["0" * 40, "1" * 40])
    assert provider()["Tags"] == [{"Key": "b", "Value": "2"}]
    iam.delete_open_id_connect_provider(**named)
    with rejected("NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="b")


def test_entities_of_a_policy(owner: Caller, make_user: MakeUser) -> None:  # ENT-1, ENT-2, ENT-3
    iam = owner.iam
    policy = iam.create_policy(PolicyName="held", PolicyDocument=ALLOW)["Policy"]["Arn"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for make, name in ((iam.create_user, "UserName"), (iam.create_group, "GroupName")):
        make(**{name: "has-it"})
    iam.create_role(RoleName="has-it", AssumeRolePolicyDocument=trust)
    iam.attach_user_policy(UserName="has-it", PolicyArn=policy)
    iam.attach_group_policy(GroupName="has-it", PolicyArn=policy)
    iam.attach_role_policy(RoleName="has-it", PolicyArn=policy)

    def entities(caller: Caller) -> list[list[str]]:
        attached = caller.iam.list_entities_for_policy(PolicyArn=policy)
        kinds = ("Role", "User", "Group")
        return [[entity[f"{kind}Name"] for entity in attached[f"Policy{kind}s"]] for kind in kinds]

    assert entities(owner) == [["has-it"]] * 3
    with rejected("NoSuchEntity"):
        iam.list_entities_for_policy(PolicyArn=f"{policy}-other")
    with rejected("AccessDenied"):
        entities(make_user({"Effect": "Allow", "Action": "iam:ListEntitiesForPolicy", "Resource": f"{policy}-other"}))
    may = {"Effect": "Allow", "Action": "iam:ListEntitiesForPolicy", "Resource": policy}
    assert entities(make_user(may)) == [["has-it"]] * 3
    iam.detach_user_policy(UserName="has-it", PolicyArn=policy)
    iam.detach_group_policy(GroupName="has-it", PolicyArn=policy)
    with rejected("DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    with rejected("DeleteConflict"):
        iam.delete_role(RoleName="has-it")
    iam.detach_role_policy(RoleName="has-it", PolicyArn=policy)
    iam.put_role_policy(RoleName="has-it", PolicyName="inline", PolicyDocument=ALLOW)
    with rejected("DeleteConflict"):
        iam.delete_role(RoleName="has-it")
    iam.delete_role_policy(RoleName="has-it", PolicyName="inline")
    iam.delete_role(RoleName="has-it")
    iam.delete_policy(PolicyArn=policy)
    iam.delete_user(UserName="has-it")
    iam.delete_group(GroupName="has-it")


@pytest.fixture
def tagged(owner: Caller) -> Iterator[dict[str, tuple[Call, Call]]]:
    """Of each kind: creates another one with these tags, adds them to one that exists."""
    iam = owner.client("iam", parameter_validation=False)
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="tagged", AssumeRolePolicyDocument=trust)
    iam.create_user(UserName="tagged")
    policy = iam.create_policy(PolicyName="tagged", PolicyDocument=ALLOW)["Policy"]["Arn"]
    provider = iam.create_open_id_connect_provider(Url="https://tagged.example.com", ClientIDList=["a"])
    arn = provider["OpenIDConnectProviderArn"]
    yield {
        "role": (
            partial(iam.create_role, RoleName="other", AssumeRolePolicyDocument=trust),
            partial(iam.tag_role, RoleName="tagged"),
        ),
        "user": (partial(iam.create_user, UserName="other"), partial(iam.tag_user, UserName="tagged")),
        "policy": (
            partial(iam.create_policy, PolicyName="other", PolicyDocument=ALLOW),
            partial(iam.tag_policy, PolicyArn=policy),
        ),
        "provider": (
            partial(iam.create_open_id_connect_provider, Url="https://other.example.com", ClientIDList=["a"]),
            partial(iam.tag_open_id_connect_provider, OpenIDConnectProviderArn=arn),
        ),
    }
    iam.delete_role(RoleName="tagged")
    iam.delete_user(UserName="tagged")
    iam.delete_policy(PolicyArn=policy)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)


def pairs(*keys: str, value: str = "") -> list[Json]:
    return [{"Key": key, "Value": value} for key in keys]


FIFTY = [f"k{number}" for number in range(50)]
REFUSED_TAGS: list[tuple[list[Json], str, str]] = [
    (pairs("a", value="packs (one, two)"), "ValidationError", r"'packs \(one, two\)' at 'tags.1.member.value' failed"),
    (pairs("ok", "it's"), "ValidationError", r"at 'tags.2.member.key' failed .*: \[\\p{L}\\p{Z}\\p{N}_.:/=\+\\-@\]\+$"),
    (pairs("a", value="*"), "ValidationError", "pattern"),
    (pairs("a", value="tab\t"), "ValidationError", "pattern"),
    (pairs("", value="x"), "ValidationError", "at 'tags.1.member.key'"),
    (pairs("k" * 129), "ValidationError", "length less than or equal to 128"),
    (pairs("k", value="v" * 257), "ValidationError", "length less than or equal to 256"),
    (pairs(*FIFTY, "k50"), "ValidationError", "at 'tags' failed .* length less than or equal to 50"),
    (pairs("a", "a"), "InvalidInput", "Duplicate tag keys found"),
    (pairs("AWS:x"), "InvalidInput", "reserved"),
]


@pytest.mark.parametrize("kind", ["role", "user", "policy", "provider"])
def test_tags(tagged: dict[str, tuple[Call, Call]], kind: str) -> None:  # TAG-1, TAG-2, TAG-3, TAG-4
    create, tag = tagged[kind]
    for tags, code, text in REFUSED_TAGS:
        for call in (create, tag):
            with rejected(code) as messages:
                call(Tags=tags)
            assert re.search(text, messages[0])
    tag(Tags=pairs(*FIFTY, value="Größe 1 _.:/=+-@"))
    tag(Tags=pairs("k1"))
    with rejected("LimitExceeded"):
        tag(Tags=pairs("k50"))


@pytest.mark.parametrize("kind", ["role", "user"])
def test_case_of_tag_keys(owner: Caller, tagged: dict[str, tuple[Call, Call]], kind: str) -> None:  # TAG-2, TAG-5
    create, tag = tagged[kind]
    for call in (create, tag):
        with rejected("InvalidInput"):
            call(Tags=pairs("team", "Team"))
    tag(Tags=pairs("team"))
    tag(Tags=pairs("Team"))
    listed = getattr(owner.iam, f"list_{kind}_tags")(**{f"{kind.title()}Name": "tagged"})
    assert listed["Tags"] == pairs("Team")


def test_case_of_other_tag_keys(tagged: dict[str, tuple[Call, Call]]) -> None:  # TAG-2
    for kind in ("policy", "provider"):
        tagged[kind][1](Tags=pairs("team", "Team"))


def test_key_needs_both_policies(owner: Caller, make_user: MakeUser) -> None:  # KMS-1
    kms = owner.client("kms")
    key = kms.create_key()["KeyMetadata"]
    may = {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": key["Arn"]}
    with rejected("AccessDeniedException"):
        make_user().client("kms").describe_key(KeyId=key["KeyId"])
    user = make_user(may)
    assert user.client("kms").describe_key(KeyId=key["KeyId"])
    only_owner = {"Effect": "Allow", "Principal": {"AWS": owner.arn}, "Action": "kms:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only_owner]})
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=document)
    with rejected("AccessDeniedException"):
        user.client("kms").describe_key(KeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"])


def test_alias_has_the_key_id(owner: Caller) -> None:  # KMS-3
    kms = owner.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/packs", TargetKeyId=key["Arn"])
    aliases = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    assert aliases["alias/packs"] == key["KeyId"]
    kms.delete_alias(AliasName="alias/packs")
    kms.schedule_key_deletion(KeyId=key["KeyId"])
