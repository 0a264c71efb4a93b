"""IAM and KMS, where ministack was corrected, or where the plugin and the policies stand on it."""

import json
from typing import Any

import pytest

from tests.sandbox.conftest import Caller, MakeUser, refused

pytestmark = pytest.mark.sandbox

ALLOW = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]})


def test_user_that_still_has_something(owner: Caller) -> None:  # USR-1
    iam = owner.iam
    iam.create_user(UserName="holder")
    iam.put_user_policy(UserName="holder", PolicyName="inline", PolicyDocument=ALLOW)
    with refused("DeleteConflict"):
        iam.delete_user(UserName="holder")
    iam.delete_user_policy(UserName="holder", PolicyName="inline")
    policy = iam.create_policy(PolicyName="attached", PolicyDocument=ALLOW)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="holder", PolicyArn=policy)
    with refused("DeleteConflict"):
        iam.delete_user(UserName="holder")
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    iam.detach_user_policy(UserName="holder", PolicyArn=policy)
    iam.delete_policy(PolicyArn=policy)
    key = iam.create_access_key(UserName="holder")["AccessKey"]["AccessKeyId"]
    with refused("DeleteConflict"):
        iam.delete_user(UserName="holder")
    iam.delete_access_key(UserName="holder", AccessKeyId=key)
    iam.delete_user(UserName="holder")


def test_third_access_key(owner: Caller) -> None:  # USR-2
    owner.iam.create_user(UserName="keys")
    keys = [owner.iam.create_access_key(UserName="keys")["AccessKey"]["AccessKeyId"] for _ in range(2)]
    with refused("LimitExceeded"):
        owner.iam.create_access_key(UserName="keys")
    for key in keys:
        owner.iam.delete_access_key(UserName="keys", AccessKeyId=key)
    owner.iam.delete_user(UserName="keys")


def test_renamed_user(owner: Caller, make_user: MakeUser) -> None:  # USR-3
    user = make_user({"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"})
    old = user.name
    with refused("EntityAlreadyExists"):
        owner.iam.update_user(UserName=old, NewUserName="packinfra")
    with refused("NoSuchEntity"):
        owner.iam.update_user(UserName="nobody", NewPath="/x/")
    owner.iam.update_user(UserName=old, NewUserName="another", NewPath="/x/")
    assert owner.iam.get_user(UserName="another")["User"]["Arn"].endswith(":user/x/another")
    renamed = Caller(owner.sandbox, user.access_key, user.secret_key)
    assert renamed.arn.endswith(":user/x/another")
    assert "repositories" in renamed.ecr.describe_repositories()
    owner.iam.update_user(UserName="another", NewUserName=old, NewPath="/")


def test_openid_connect_provider(owner: Caller) -> None:  # OIDC-1, OIDC-2
    iam = owner.iam
    with refused("ValidationError"):
        iam.create_open_id_connect_provider(Url="http://oidc.example.com", ClientIDList=["a"])
    made = iam.create_open_id_connect_provider(Url="https://oidc.example.com/id", ClientIDList=["a"])
    named = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    assert named["OpenIDConnectProviderArn"].endswith(":oidc-provider/oidc.example.com/id")

    def found() -> Any:
        return iam.get_open_id_connect_provider(**named)

    assert found()["Url"] == "oidc.example.com/id"
    iam.add_client_id_to_open_id_connect_provider(**named, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**named, ClientID="a")
    iam.update_open_id_connect_provider_thumbprint(**named, ThumbprintList=["0" * 40, "1" * 40])
    iam.tag_open_id_connect_provider(**named, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    iam.untag_open_id_connect_provider(**named, TagKeys=["a"])
    assert (found()["ClientIDList"], found()["ThumbprintList"]) == (["b"], ["0" * 40, "1" * 40])
    assert found()["Tags"] == [{"Key": "b", "Value": "2"}]
    iam.delete_open_id_connect_provider(**named)
    with refused("NoSuchEntity"):
        iam.add_client_id_to_open_id_connect_provider(**named, ClientID="b")


def test_who_has_a_policy(owner: Caller, make_user: MakeUser) -> None:  # ENT-1, ENT-2, ENT-3
    iam = owner.iam
    policy = iam.create_policy(PolicyName="held", PolicyDocument=ALLOW)["Policy"]["Arn"]
    trust = json.dumps({"Version": "2012-10-17", "Statement": []})
    for make, name in ((iam.create_user, "UserName"), (iam.create_group, "GroupName")):
        make(**{name: "has-it"})
    iam.create_role(RoleName="has-it", AssumeRolePolicyDocument=trust)
    iam.attach_user_policy(UserName="has-it", PolicyArn=policy)
    iam.attach_group_policy(GroupName="has-it", PolicyArn=policy)
    iam.attach_role_policy(RoleName="has-it", PolicyArn=policy)

    def holders(caller: Caller) -> list[list[str]]:
        found = caller.iam.list_entities_for_policy(PolicyArn=policy)
        kinds = ("Role", "User", "Group")
        return [[entity[f"{kind}Name"] for entity in found[f"Policy{kind}s"]] for kind in kinds]

    assert holders(owner) == [["has-it"]] * 3
    with refused("NoSuchEntity"):
        iam.list_entities_for_policy(PolicyArn=f"{policy}-other")
    with refused("AccessDenied"):
        holders(make_user({"Effect": "Allow", "Action": "iam:ListEntitiesForPolicy", "Resource": f"{policy}-other"}))
    may = {"Effect": "Allow", "Action": "iam:ListEntitiesForPolicy", "Resource": policy}
    assert holders(make_user(may)) == [["has-it"]] * 3
    iam.detach_user_policy(UserName="has-it", PolicyArn=policy)
    iam.detach_group_policy(GroupName="has-it", PolicyArn=policy)
    with refused("DeleteConflict"):
        iam.delete_policy(PolicyArn=policy)
    with refused("DeleteConflict"):
        iam.delete_role(RoleName="has-it")
    iam.detach_role_policy(RoleName="has-it", PolicyArn=policy)
    iam.put_role_policy(RoleName="has-it", PolicyName="inline", PolicyDocument=ALLOW)
    with refused("DeleteConflict"):
        iam.delete_role(RoleName="has-it")
    iam.delete_role_policy(RoleName="has-it", PolicyName="inline")
    iam.delete_role(RoleName="has-it")
    iam.delete_policy(PolicyArn=policy)
    iam.delete_user(UserName="has-it")
    iam.delete_group(GroupName="has-it")


def test_key_needs_both_policies(owner: Caller, make_user: MakeUser) -> None:  # KMS-1
    kms = owner.client("kms")
    key = kms.create_key()["KeyMetadata"]
    may = {"Effect": "Allow", "Action": "kms:DescribeKey", "Resource": key["Arn"]}
    with refused("AccessDeniedException"):
        make_user().client("kms").describe_key(KeyId=key["KeyId"])
    user = make_user(may)
    assert user.client("kms").describe_key(KeyId=key["KeyId"])
    only_owner = {"Effect": "Allow", "Principal": {"AWS": owner.arn}, "Action": "kms:*", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [only_owner]})
    kms.put_key_policy(KeyId=key["KeyId"], PolicyName="default", Policy=document)
    with refused("AccessDeniedException"):
        user.client("kms").describe_key(KeyId=key["KeyId"])
    kms.schedule_key_deletion(KeyId=key["KeyId"])


def test_alias_tells_the_key_id(owner: Caller) -> None:  # KMS-3
    kms = owner.client("kms")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName="alias/packs", TargetKeyId=key["Arn"])
    aliases = {alias["AliasName"]: alias["TargetKeyId"] for alias in kms.list_aliases()["Aliases"]}
    assert aliases["alias/packs"] == key["KeyId"]
    kms.delete_alias(AliasName="alias/packs")
    kms.schedule_key_deletion(KeyId=key["KeyId"])
