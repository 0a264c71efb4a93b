"""packinfra:repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from packinfra.aws.tags import tag_problems, tags_together_problems
from packinfra.settings.model import Model, Number

_KMS_KEY = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+")


def _pattern(text: str, wildcards: int) -> str:
    if not re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", text) or text.count("*") > wildcards:
        raise ValueError(f"letters, digits, . _ - and at most {wildcards} *, together at most 128")
    return text


class LifecycleSettings(Model):
    """Images that ECR deletes by itself. To withdraw old versions, prefer keepVersions: Pulumi then knows of it."""

    expire_untagged_after_days: Number | None = Field(
        None, ge=1, description="images without a tag expire after this many days", examples=[14]
    )
    keep_newest: Number | None = Field(
        None, ge=1, description="of each pack, all but the newest N tagged images expire", examples=[50]
    )
    protect_tags: tuple[Annotated[str, AfterValidator(partial(_pattern, wildcards=4))], ...] = Field(
        (), max_length=40, description="tags, with * for any text, that keepNewest never expires", examples=[["1.*"]]
    )
    may_expire_published_versions: bool = Field(
        False, description="must be true with keepNewest, which does that", examples=[True]
    )

    @model_validator(mode="after")
    def _consistent(self) -> LifecycleSettings:
        if not (self.expire_untagged_after_days or self.keep_newest):
            raise ValueError("nothing would ever expire: add expireUntaggedAfterDays or keepNewest, or remove it")
        if self.keep_newest and not self.may_expire_published_versions:
            raise ValueError(
                "keepNewest lets ECR delete versions that Pulumi published and clusters may use (signatures count "
                "too). keepVersions in packinfra:packs withdraws old versions without that. If you want it, add "
                "mayExpirePublishedVersions: true"
            )
        if self.protect_tags and not self.keep_newest:
            raise ValueError("protectTags without keepNewest protects nothing: no other rule expires tagged images")
        return self


class RepositorySettings(Model):
    """The configuration of the ECR repositories."""

    immutable: bool = Field(True, description="a published tag can't be moved")
    except_tags: tuple[Annotated[str, AfterValidator(partial(_pattern, wildcards=2))], ...] = Field(
        (),
        max_length=5,
        description="tags, with * for any text, for which the opposite of `immutable` holds",
        examples=[["sha256-*"]],
    )
    scan_on_push: bool = Field(True, description="ECR scans each image when it is pushed")
    force_delete: bool = Field(False, description="destroy also deletes repositories that contain other images")
    kms_key: str | None = Field(
        None,
        description="ARN of the KMS key that encrypts the images; absent: AES256",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"],
    )
    lifecycle: LifecycleSettings | None = Field(
        None, description="images that ECR deletes by itself; absent: none", examples=[{"expireUntaggedAfterDays": 14}]
    )
    base_repository: Literal["create", "existing"] = Field(
        "create", description="existing: `<basePath>/spectro-packs/archive` exists already and is not changed"
    )
    import_repositories: tuple[str, ...] = Field(
        (),
        description="names of packs whose repositories exist already (of charts, policies and artifacts the repository below "
        "the base path, such as charts/web; of a copy that is no pack copies/ and its `to`): Pulumi adopts them unchanged. "
        "Remove the name after that `up`, and the settings above apply to them too",
        examples=[["nginx"]],
    )
    protect: bool = Field(False, description="Pulumi refuses to delete repositories and packs")
    tags: Mapping[str, str] = Field(
        {},
        description="AWS tags of all resources, beside those of `aws:defaultTags`; at most 50 together",
        examples=[{"team": "platform"}],
    )

    @field_validator("kms_key")
    @classmethod
    def _kms_key(cls, value: str | None) -> str | None:
        if value is not None and not _KMS_KEY.fullmatch(value):
            # ECR reports the key's own ARN, and the AWS provider would replace the repository because of the difference.
            raise ValueError("write the ARN of the key itself, not an id or alias (aws kms describe-key prints it)")
        return value

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        if problems := [*tag_problems(value), *tags_together_problems(value, {})]:
            raise ValueError("; ".join(problems))
        return value
