"""IAM: user and access key.

Replacement rules: Terraform provider, internal/service/iam (user.go, access_key.go).
"""

from typing import Any

from sandbox.aws_plugin.kinds import (
    ALL_TAGS,
    TIME,
    Kind,
    an_arn,
    mapping,
    not_found,
    one_of,
    pairs,
    state_only,
    tag_setter,
    without_empty,
)
from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json


def _iam(aws: Aws) -> Any:
    return aws.client("iam")


def _create_user(aws: Aws, inputs: Json) -> str:
    response = _iam(aws).create_user(
        UserName=inputs["name"],
        **without_empty(
            Path=inputs.get("path"),
            PermissionsBoundary=inputs.get("permissionsBoundary"),
            Tags=pairs(inputs.get(ALL_TAGS)),
        ),
    )
    return str(response["User"]["UserName"])


def _name(id_: str, state: Json) -> str:
    """A renamed user's new name is only in the state: an update cannot change the id."""
    return str(state.get("name") or id_)


def _read_user(aws: Aws, id_: str, state: Json) -> Json:
    user = _iam(aws).get_user(UserName=_name(id_, state))["User"]
    tags = mapping(user.get("Tags"))
    return {
        "arn": user["Arn"],
        "name": user["UserName"],
        "path": user["Path"],
        "permissionsBoundary": user.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn", ""),
        ALL_TAGS: tags,
        "uniqueId": user["UserId"],
    }


def _rename(aws: Aws, _: str, news: Json, state: Json) -> None:
    _iam(aws).update_user(UserName=state["name"], NewUserName=news["name"], NewPath=news["path"])


def _set_boundary(aws: Aws, _: str, news: Json, __: Json) -> None:
    if boundary := news.get("permissionsBoundary"):
        _iam(aws).put_user_permissions_boundary(UserName=news["name"], PermissionsBoundary=boundary)
    else:
        _iam(aws).delete_user_permissions_boundary(UserName=news["name"])


def _delete_user(aws: Aws, id_: str, state: Json) -> None:
    name = _name(id_, state)
    for group in _iam(aws).list_groups_for_user(UserName=name)["Groups"]:
        _iam(aws).remove_user_from_group(UserName=name, GroupName=group["GroupName"])
    if state.get("forceDestroy"):
        for key in _iam(aws).list_access_keys(UserName=name)["AccessKeyMetadata"]:
            _iam(aws).delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    _iam(aws).delete_user(UserName=name)


_set_tags = tag_setter(
    lambda aws, name, _, tags: _iam(aws).tag_user(UserName=name, Tags=tags),
    lambda aws, name, _, keys: _iam(aws).untag_user(UserName=name, TagKeys=keys),
)

USER = Kind(
    title="IAM User",
    renamable=True,
    valid={"permissionsBoundary": an_arn},
    required=(),
    optional=("forceDestroy", "name", "path", "permissionsBoundary", "tags"),
    outputs=("arn", "uniqueId"),
    defaults={"path": "/"},
    create=_create_user,
    read=_read_user,
    delete=_delete_user,
    update={
        "name": _rename,  # first: the others use the new name
        "path": _rename,
        "permissionsBoundary": _set_boundary,
        "forceDestroy": state_only,
        "tags": lambda aws, _, news, state: _set_tags(aws, news["name"], news, state),
    },
)


def _create_key(aws: Aws, inputs: Json) -> tuple[str, Json]:
    """AWS returns the secret only once; after that only the state has it."""
    key = _iam(aws).create_access_key(UserName=inputs["user"])["AccessKey"]
    if inputs.get("status") == "Inactive":
        _set_status(aws, key["AccessKeyId"], inputs, {})
    return key["AccessKeyId"], {"secret": key["SecretAccessKey"]}


def _set_status(aws: Aws, id_: str, news: Json, _: Json) -> None:
    status = news.get("status") or "Active"
    _iam(aws).update_access_key(UserName=news["user"], AccessKeyId=id_, Status=status)


def _read_key(aws: Aws, id_: str, _: Json) -> Json:
    user = _iam(aws).get_access_key_last_used(AccessKeyId=id_)["UserName"]
    for key in _iam(aws).list_access_keys(UserName=user)["AccessKeyMetadata"]:
        if key["AccessKeyId"] == id_:
            return {"user": user, "status": key["Status"], "createDate": key["CreateDate"].strftime(TIME)}
    raise not_found(id_)


ACCESS_KEY = Kind(
    title="IAM Access Key",
    valid={"status": one_of("Active", "Inactive")},
    required=("user",),
    optional=("status",),
    absent=("pgpKey",),
    outputs=("createDate", "secret"),
    defaults={"status": "Active"},
    create=_create_key,
    read=_read_key,
    delete=lambda aws, id_, state: _iam(aws).delete_access_key(UserName=state["user"], AccessKeyId=id_),
    update={"status": _set_status},
)

KINDS = {"aws:iam/accessKey:AccessKey": ACCESS_KEY, "aws:iam/user:User": USER}
