"""packinfra:repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from packinfra.settings.model import Model

_KMS_KEY = re.compile(r"arn:aws[\w-]*:kms:[\w-]+:\d{12}:key/[\w-]+")


class LifecycleSettings(Model):
    """What ECR deletes by itself. Old versions are better withdrawn by keepVersions: Pulumi then knows of it."""

    expire_untagged_after_days: int | None = Field(
        None, ge=1, description="images that no tag names any more go after so many days", examples=[14]
    )
    keep_newest: int | None = Field(
        None, ge=1, description="only the newest N tagged images of each pack stay", examples=[50]
    )
    protect_tags: tuple[str, ...] = Field(
        (), max_length=40, description="tags, with * for any text, that keepNewest never touches", examples=[["1.*"]]
    )
    may_expire_published_versions: bool = Field(
        False, description="required by keepNewest, for that is what it does", examples=[True]
    )

    @field_validator("protect_tags")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_pattern(text, wildcards=4) for text in value)

    @model_validator(mode="after")
    def _consistent(self) -> LifecycleSettings:
        if not (self.expire_untagged_after_days or self.keep_newest):
            raise ValueError("nothing would ever expire: give expireUntaggedAfterDays or keepNewest, or remove it")
        if self.keep_newest and not self.may_expire_published_versions:
            raise ValueError(
                "keepNewest lets ECR delete versions that Pulumi published and clusters may use (signatures count "
                "too). keepVersions in packinfra:packs withdraws old versions without that. If it is what you want, "
                "say so: mayExpirePublishedVersions: true"
            )
        if self.protect_tags and not self.keep_newest:
            raise ValueError("protectTags without keepNewest protects nothing: no other rule touches a tagged image")
        return self


class RepositorySettings(Model):
    """How the ECR repositories are made."""

    immutable: bool = Field(True, description="a tag, once pushed, is never moved")
    except_tags: tuple[str, ...] = Field(
        (),
        max_length=5,
        description="tags, with * for any text, for which the opposite of `immutable` holds",
        examples=[["sha256-*"]],
    )
    scan_on_push: bool = Field(True, description="ECR scans each image when it is pushed")
    force_delete: bool = Field(False, description="destroy also deletes repositories that hold foreign images")
    kms_key: str | None = Field(
        None,
        description="ARN of the KMS key that encrypts; absent: AES256",
        examples=["arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"],
    )
    lifecycle: LifecycleSettings | None = Field(
        None, description="what ECR deletes by itself; absent: nothing", examples=[{"expireUntaggedAfterDays": 14}]
    )
    base_repository: Literal["create", "existing"] = Field(
        "create", description="existing: `<basePath>/spectro-packs/archive` is there already, and is left alone"
    )
    import_repositories: tuple[str, ...] = Field(
        (),
        description="names of packs whose repositories exist already: they are taken over as they are. Taken out again "
        "after that `up`, the settings above hold for them too",
        examples=[["nginx"]],
    )
    protect: bool = Field(False, description="Pulumi refuses to delete repositories and packs")
    tags: Mapping[str, str] = Field({}, description="AWS tags of all resources", examples=[{"team": "platform"}])

    @field_validator("except_tags")
    @classmethod
    def _patterns(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_pattern(text, wildcards=2) for text in value)

    @field_validator("kms_key")
    @classmethod
    def _kms_key(cls, value: str | None) -> str | None:
        if value is not None and not _KMS_KEY.fullmatch(value):
            # ECR answers with the key's own ARN, and the provider would replace the repository for the difference.
            raise ValueError("give the ARN of the key itself, not an id or alias (aws kms describe-key prints it)")
        return value

    @field_validator("tags")
    @classmethod
    def _tags(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for key, text in value.items():
            if not 1 <= len(key) <= 128 or len(text) > 256 or key.lower().startswith("aws:"):
                raise ValueError(f"{key}: AWS takes keys of 1 to 128 characters not beginning with aws:, values to 256")
        return value


def _pattern(text: str, *, wildcards: int) -> str:
    if not re.fullmatch(r"[0-9a-zA-Z._*-]{1,128}", text) or text.count("*") > wildcards:
        raise ValueError(f"{text}: letters, digits, . _ - and at most {wildcards} *, together at most 128")
    return text
