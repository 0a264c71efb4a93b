"""IAM: policy, role and its inline policy, the attachments of policies to roles and users, OpenID Connect provider.

Replacement rules: Terraform provider, internal/service/iam.
"""

import json
from typing import Any

from botocore.exceptions import ClientError

from sandbox.aws_plugin.kinds import ALL_TAGS, TIME, Kind, an_arn, mapping, pairs, state_only, tag_setter, without_empty
from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json

VERSIONS_KEPT = 5  # IAM's limit for one policy


def _iam(aws: Aws) -> Any:
    return aws.client("iam")


def _create_policy(aws: Aws, inputs: Json) -> str:
    response = _iam(aws).create_policy(
        PolicyName=inputs["name"],
        PolicyDocument=inputs["policy"],
        **without_empty(
            Path=inputs.get("path"), Description=inputs.get("description"), Tags=pairs(inputs.get(ALL_TAGS))
        ),
    )
    return str(response["Policy"]["Arn"])


def _read_policy(aws: Aws, id_: str, _: Json) -> Json:
    policy = _iam(aws).get_policy(PolicyArn=id_)["Policy"]
    version = _iam(aws).get_policy_version(PolicyArn=id_, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    tags = mapping(policy.get("Tags"))
    return {
        "arn": policy["Arn"],
        "attachmentCount": policy["AttachmentCount"],
        "description": policy.get("Description", ""),
        "name": policy["PolicyName"],
        "path": policy["Path"],
        "policy": json.dumps(version["Document"]),
        "policyId": policy["PolicyId"],
        ALL_TAGS: tags,
    }


def _other_versions(aws: Aws, id_: str) -> list[Json]:
    versions = [v for v in _iam(aws).list_policy_versions(PolicyArn=id_)["Versions"] if not v["IsDefaultVersion"]]
    return sorted(versions, key=lambda version: version["CreateDate"])


def _set_policy(aws: Aws, id_: str, news: Json, _: Json) -> None:
    """IAM keeps five versions of a policy: the oldest make room."""
    others = _other_versions(aws, id_)
    for version in others[: max(0, len(others) + 2 - VERSIONS_KEPT)]:
        _iam(aws).delete_policy_version(PolicyArn=id_, VersionId=version["VersionId"])
    _iam(aws).create_policy_version(PolicyArn=id_, PolicyDocument=news["policy"], SetAsDefault=True)


def _delete_policy(aws: Aws, id_: str, _: Json) -> None:
    for version in _other_versions(aws, id_):
        _iam(aws).delete_policy_version(PolicyArn=id_, VersionId=version["VersionId"])
    _iam(aws).delete_policy(PolicyArn=id_)


POLICY = Kind(
    title="IAM Policy",
    required=("policy",),
    optional=("delayAfterPolicyCreationInMs", "description", "name", "path", "tags"),
    absent=("namePrefix",),
    outputs=("arn", "attachmentCount", "policyId"),
    defaults={"path": "/"},
    documents=("policy",),
    create=_create_policy,
    read=_read_policy,
    delete=_delete_policy,
    update={
        "policy": _set_policy,
        "delayAfterPolicyCreationInMs": state_only,
        "tags": tag_setter(
            lambda aws, id_, _, tags: _iam(aws).tag_policy(PolicyArn=id_, Tags=tags),
            lambda aws, id_, _, keys: _iam(aws).untag_policy(PolicyArn=id_, TagKeys=keys),
        ),
    },
)


def _create_role(aws: Aws, inputs: Json) -> str:
    response = _iam(aws).create_role(
        RoleName=inputs["name"],
        AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
        **without_empty(
            Path=inputs.get("path"),
            Description=inputs.get("description"),
            MaxSessionDuration=inputs.get("maxSessionDuration"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=pairs(inputs.get(ALL_TAGS)),
        ),
    )
    return str(response["Role"]["RoleName"])


def _read_role(aws: Aws, id_: str, _: Json) -> Json:
    role = _iam(aws).get_role(RoleName=id_)["Role"]
    for list_policies in (_iam(aws).list_role_policies, _iam(aws).list_attached_role_policies):
        list_policies(RoleName=id_)  # as the real plugin does, for outputs that nothing here needs (PLUG-29)
    tags = mapping(role.get("Tags"))
    return {
        "arn": role["Arn"],
        "assumeRolePolicy": json.dumps(role["AssumeRolePolicyDocument"]),
        "createDate": role["CreateDate"].strftime(TIME),
        "description": role.get("Description", ""),
        "maxSessionDuration": role.get("MaxSessionDuration", 3600),
        "name": role["RoleName"],
        "path": role["Path"],
        "permissionsBoundary": role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        ALL_TAGS: tags,
        "uniqueId": role["RoleId"],
    }


def _set_boundary(aws: Aws, id_: str, news: Json, _: Json) -> None:
    if boundary := news.get("permissionsBoundary"):
        _iam(aws).put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=boundary)
    else:
        _iam(aws).delete_role_permissions_boundary(RoleName=id_)


def _delete_role(aws: Aws, id_: str, state: Json) -> None:
    if state.get("forceDetachPolicies"):
        for policy in _iam(aws).list_attached_role_policies(RoleName=id_)["AttachedPolicies"]:
            _iam(aws).detach_role_policy(RoleName=id_, PolicyArn=policy["PolicyArn"])
        for name in _iam(aws).list_role_policies(RoleName=id_)["PolicyNames"]:
            _iam(aws).delete_role_policy(RoleName=id_, PolicyName=name)
    _iam(aws).list_instance_profiles_for_role(RoleName=id_)  # the real plugin takes the role out of them (PLUG-29)
    _iam(aws).delete_role(RoleName=id_)


ROLE = Kind(
    title="IAM Role",
    valid={"permissionsBoundary": an_arn},
    required=("assumeRolePolicy",),
    optional=(
        "description",
        "forceDetachPolicies",
        "maxSessionDuration",
        "name",
        "path",
        "permissionsBoundary",
        "tags",
    ),
    absent=("inlinePolicies", "managedPolicyArns", "namePrefix"),
    outputs=("arn", "createDate", "uniqueId"),
    defaults={"path": "/", "maxSessionDuration": 3600},
    documents=("assumeRolePolicy",),
    create=_create_role,
    read=_read_role,
    delete=_delete_role,
    update={
        "assumeRolePolicy": lambda aws, id_, news, _: _iam(aws).update_assume_role_policy(
            RoleName=id_, PolicyDocument=news["assumeRolePolicy"]
        ),
        "description": lambda aws, id_, news, _: _iam(aws).update_role(
            RoleName=id_, Description=news.get("description") or ""
        ),
        "maxSessionDuration": lambda aws, id_, news, _: _iam(aws).update_role(
            RoleName=id_, MaxSessionDuration=news["maxSessionDuration"]
        ),
        "permissionsBoundary": _set_boundary,
        "forceDetachPolicies": state_only,
        "tags": tag_setter(
            lambda aws, id_, _, tags: _iam(aws).tag_role(RoleName=id_, Tags=tags),
            lambda aws, id_, _, keys: _iam(aws).untag_role(RoleName=id_, TagKeys=keys),
        ),
    },
)


def _put_role_policy(aws: Aws, inputs: Json) -> str:
    role, name = inputs["role"], inputs["name"]
    _iam(aws).put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=inputs["policy"])
    return f"{role}:{name}"


def _read_role_policy(aws: Aws, id_: str, _state: Json) -> Json:
    role, _, name = id_.partition(":")
    details = _iam(aws).get_role_policy(RoleName=role, PolicyName=name)
    return {"role": role, "name": name, "policy": json.dumps(details["PolicyDocument"])}


def _delete_role_policy(aws: Aws, id_: str, _state: Json) -> None:
    role, _, name = id_.partition(":")
    _iam(aws).delete_role_policy(RoleName=role, PolicyName=name)


ROLE_POLICY = Kind(
    title="IAM Role Policy",
    required=("policy", "role"),
    optional=("name",),
    absent=("namePrefix",),
    documents=("policy",),
    create=_put_role_policy,
    read=_read_role_policy,
    delete=_delete_role_policy,
    update={"policy": lambda aws, _, news, state: _put_role_policy(aws, {**state, **news})},
    always_written=True,
)


def _attachment(holder: str) -> Kind:
    """A policy on a role or a user; the id is ``<holder>/<policy ARN>``, as the real kind is imported."""
    title = holder.capitalize()

    def call(aws: Aws, verb: str, name: str, **arguments: str) -> Any:
        return getattr(_iam(aws), verb)(**{f"{title}Name": name}, **arguments)

    def create(aws: Aws, inputs: Json) -> str:
        call(aws, f"attach_{holder}_policy", inputs[holder], PolicyArn=inputs["policyArn"])
        return f"{inputs[holder]}/{inputs['policyArn']}"

    def read(aws: Aws, id_: str, _state: Json) -> Json:
        name, _, arn = id_.partition("/")
        attached = call(aws, f"list_attached_{holder}_policies", name)["AttachedPolicies"]
        if arn not in [policy["PolicyArn"] for policy in attached]:
            raise ClientError({"Error": {"Code": "NoSuchEntity", "Message": f"{arn} is not attached"}}, "List")
        return {holder: name, "policyArn": arn}

    def delete(aws: Aws, _id: str, state: Json) -> None:
        call(aws, f"detach_{holder}_policy", state[holder], PolicyArn=state["policyArn"])

    return Kind(
        title=f"IAM {title} Policy Attachment",
        required=("policyArn", holder),
        optional=(),
        valid={"policyArn": an_arn},
        delete_first=True,
        create=create,
        read=read,
        delete=delete,
    )


def _create_provider(aws: Aws, inputs: Json) -> str:
    response = _iam(aws).create_open_id_connect_provider(
        Url=inputs["url"],
        ClientIDList=inputs["clientIdLists"],
        **without_empty(ThumbprintList=inputs.get("thumbprintLists"), Tags=pairs(inputs.get(ALL_TAGS))),
    )
    return str(response["OpenIDConnectProviderArn"])


def _read_provider(aws: Aws, id_: str, _: Json) -> Json:
    details = _iam(aws).get_open_id_connect_provider(OpenIDConnectProviderArn=id_)
    tags = mapping(details.get("Tags"))
    return {
        "arn": id_,
        "clientIdLists": details["ClientIDList"],
        "thumbprintLists": details["ThumbprintList"],
        "url": details["Url"],
        ALL_TAGS: tags,
    }


def _set_clients(aws: Aws, id_: str, news: Json, state: Json) -> None:
    new, old = set(news["clientIdLists"]), set(state["clientIdLists"])
    for client in sorted(new - old):
        _iam(aws).add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=id_, ClientID=client)
    for client in sorted(old - new):
        _iam(aws).remove_client_id_from_open_id_connect_provider(OpenIDConnectProviderArn=id_, ClientID=client)


def _set_thumbprints(aws: Aws, id_: str, news: Json, _: Json) -> None:
    if news.get("thumbprintLists"):  # AWS takes none only at creation (terraform-provider-aws#40509)
        _iam(aws).update_open_id_connect_provider_thumbprint(
            OpenIDConnectProviderArn=id_, ThumbprintList=news["thumbprintLists"]
        )


OPEN_ID_CONNECT_PROVIDER = Kind(
    title="IAM OIDC Provider",
    required=("clientIdLists", "url"),
    optional=("tags", "thumbprintLists"),
    outputs=("arn",),
    kept=("thumbprintLists",),
    normal={"url": lambda url: url.removeprefix("https://"), "clientIdLists": sorted},
    create=_create_provider,
    read=_read_provider,
    delete=lambda aws, id_, _: _iam(aws).delete_open_id_connect_provider(OpenIDConnectProviderArn=id_),
    update={
        "clientIdLists": _set_clients,
        "thumbprintLists": _set_thumbprints,
        "tags": tag_setter(
            lambda aws, id_, _, tags: _iam(aws).tag_open_id_connect_provider(OpenIDConnectProviderArn=id_, Tags=tags),
            lambda aws, id_, _, keys: _iam(aws).untag_open_id_connect_provider(
                OpenIDConnectProviderArn=id_, TagKeys=keys
            ),
        ),
    },
)

KINDS = {
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": OPEN_ID_CONNECT_PROVIDER,
    "aws:iam/policy:Policy": POLICY,
    "aws:iam/role:Role": ROLE,
    "aws:iam/rolePolicy:RolePolicy": ROLE_POLICY,
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _attachment("role"),
    "aws:iam/userPolicyAttachment:UserPolicyAttachment": _attachment("user"),
}
