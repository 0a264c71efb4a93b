"""KMS: key and alias.

Replacement rules: Terraform provider, internal/service/kms (key.go, alias.go).
"""

from typing import Any

from sandbox.aws_plugin.kinds import ALL_TAGS, Kind, not_found, state_only, without_empty
from sandbox.aws_plugin.session import Aws
from sandbox.aws_plugin.values import Json, same


def _kms(aws: Aws, values: Json) -> Any:
    return aws.client("kms", values.get("region"))


def _pairs(tags: Json | None) -> list[Json]:
    """KMS has its own form of tags."""
    return [{"TagKey": key, "TagValue": value} for key, value in sorted((tags or {}).items())]


def _create_key(aws: Aws, inputs: Json) -> str:
    kms = _kms(aws, inputs)
    response = kms.create_key(
        KeySpec=inputs["customerMasterKeySpec"],
        KeyUsage=inputs["keyUsage"],
        **without_empty(
            BypassPolicyLockoutSafetyCheck=inputs.get("bypassPolicyLockoutSafetyCheck"),
            Description=inputs.get("description"),
            MultiRegion=inputs.get("multiRegion"),
            Policy=inputs.get("policy"),
            Tags=_pairs(inputs.get(ALL_TAGS)),
        ),
    )
    id_ = str(response["KeyMetadata"]["KeyId"])
    if inputs.get("enableKeyRotation"):
        _set_rotation(kms, id_, inputs)
    if not inputs["isEnabled"]:
        kms.disable_key(KeyId=id_)
    return id_


def _read_key(aws: Aws, id_: str, state: Json) -> Json:
    kms = _kms(aws, state)
    metadata = kms.describe_key(KeyId=id_)["KeyMetadata"]
    if metadata["KeyState"] in ("PendingDeletion", "PendingReplicaDeletion"):
        raise not_found(id_)  # counts as deleted
    rotation = kms.get_key_rotation_status(KeyId=id_)
    tags = {tag["TagKey"]: tag["TagValue"] for tag in kms.list_resource_tags(KeyId=id_)["Tags"]}
    return {
        "arn": metadata["Arn"],
        "keyId": metadata["KeyId"],
        "customerMasterKeySpec": metadata["KeySpec"],
        "description": metadata["Description"],
        "enableKeyRotation": rotation["KeyRotationEnabled"],
        "isEnabled": metadata["Enabled"],
        "keyUsage": metadata["KeyUsage"],
        "multiRegion": metadata["MultiRegion"],
        "policy": kms.get_key_policy(KeyId=id_, PolicyName="default")["Policy"],
        **({"rotationPeriodInDays": rotation["RotationPeriodInDays"]} if rotation["KeyRotationEnabled"] else {}),
        ALL_TAGS: tags,
    }


def _set_rotation(kms: Any, id_: str, news: Json) -> None:
    if news.get("enableKeyRotation"):
        kms.enable_key_rotation(KeyId=id_, **without_empty(RotationPeriodInDays=news.get("rotationPeriodInDays")))
    else:
        kms.disable_key_rotation(KeyId=id_)


def _update_key(aws: Aws, id_: str, news: Json, state: Json) -> None:
    """In this order, because a disabled key cannot be changed."""
    kms = _kms(aws, state)

    def changed(*keys: str) -> bool:
        return any(not same(news.get(key), state.get(key)) for key in keys)

    if changed("isEnabled") and news["isEnabled"]:
        kms.enable_key(KeyId=id_)
    if changed("enableKeyRotation", "rotationPeriodInDays"):
        _set_rotation(kms, id_, news)
    if changed("description"):
        kms.update_key_description(KeyId=id_, Description=news.get("description") or "")
    if changed("policy") and news.get("policy"):
        kms.put_key_policy(KeyId=id_, PolicyName="default", Policy=news["policy"])
    old, new = state.get(ALL_TAGS) or {}, news.get(ALL_TAGS) or {}
    if removed := sorted(set(old) - set(new)):
        kms.untag_resource(KeyId=id_, TagKeys=removed)
    if new and new != old:
        kms.tag_resource(KeyId=id_, Tags=_pairs(new))
    if changed("isEnabled") and not news["isEnabled"]:
        kms.disable_key(KeyId=id_)


KEY = Kind(
    title="KMS Key",
    required=(),
    optional=(
        "bypassPolicyLockoutSafetyCheck",
        "customerMasterKeySpec",
        "deletionWindowInDays",
        "description",
        "enableKeyRotation",
        "isEnabled",
        "keyUsage",
        "multiRegion",
        "policy",
        "region",
        "rotationPeriodInDays",
        "tags",
    ),
    absent=("customKeyStoreId", "xksKeyId"),
    outputs=("arn", "keyId"),
    defaults={"customerMasterKeySpec": "SYMMETRIC_DEFAULT", "isEnabled": True, "keyUsage": "ENCRYPT_DECRYPT"},
    kept=("description", "multiRegion", "policy", "region", "rotationPeriodInDays"),
    documents=("policy",),
    create=_create_key,
    read=_read_key,
    delete=lambda aws, id_, state: _kms(aws, state).schedule_key_deletion(
        KeyId=id_, **without_empty(PendingWindowInDays=state.get("deletionWindowInDays"))
    ),
    update={
        **dict.fromkeys(
            ("description", "enableKeyRotation", "isEnabled", "policy", "rotationPeriodInDays", "tags"), _update_key
        ),
        **dict.fromkeys(("bypassPolicyLockoutSafetyCheck", "deletionWindowInDays"), state_only),
    },
)


def _create_alias(aws: Aws, inputs: Json) -> str:
    _kms(aws, inputs).create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
    return str(inputs["name"])


def _read_alias(aws: Aws, id_: str, state: Json) -> Json:
    for page in _kms(aws, state).get_paginator("list_aliases").paginate():
        for alias in page["Aliases"]:
            if alias["AliasName"] == id_:
                key = alias["TargetKeyId"]
                prefix = alias["AliasArn"].removesuffix(id_)
                return {"arn": alias["AliasArn"], "name": id_, "targetKeyArn": f"{prefix}key/{key}", "targetKeyId": key}
    raise not_found(id_)


ALIAS = Kind(
    title="KMS Alias",
    required=("targetKeyId",),
    optional=("name", "region"),
    absent=("namePrefix",),
    outputs=("arn", "targetKeyArn"),
    kept=("region",),
    name_form="alias/{}",
    normal={"targetKeyId": lambda key: key.rpartition("/")[2]},
    create=_create_alias,
    read=_read_alias,
    delete=lambda aws, id_, state: _kms(aws, state).delete_alias(AliasName=id_),
    update={
        "targetKeyId": lambda aws, id_, news, state: _kms(aws, state).update_alias(
            AliasName=id_, TargetKeyId=news["targetKeyId"]
        )
    },
)

KINDS = {"aws:kms/alias:Alias": ALIAS, "aws:kms/key:Key": KEY}
