"""packinfra:access."""

from __future__ import annotations

import re

from pydantic import Field, field_validator, model_validator

from packinfra.settings.model import Model


class HolderSettings(Model):
    """Who gets a policy."""

    roles: tuple[str, ...] = Field((), description="names of IAM roles", examples=[["ci"]])
    users: tuple[str, ...] = Field((), description="names of IAM users", examples=[["jane"]])

    @field_validator("roles", "users")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _iam_names(value)


class CiSettings(Model):
    """A role that jobs of a CI system assume with their own token (OpenID Connect), without any stored key. The
    account must know the issuer: IAM, Identity providers."""

    issuer: str = Field(
        description="who signs the tokens, without https://", examples=["token.actions.githubusercontent.com"]
    )
    audience: str = Field("sts.amazonaws.com", min_length=1, description="for whom the token must be made")
    subjects: tuple[str, ...] = Field(
        min_length=1,
        description="which jobs: the token's sub, with * for any text",
        examples=[["repo:acme/packs:ref:refs/heads/main"]],
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        issuer = value.removeprefix("https://").rstrip("/")
        if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?(/[\w./-]+)?", issuer):
            raise ValueError("write the issuer's host, and path if it has one")
        return issuer

    @field_validator("subjects")
    @classmethod
    def _subjects(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for subject in value:
            before = re.split(r"[*?]", subject)[0]
            if before != subject and "/" not in before and before.count(":") < 2:
                raise ValueError(
                    f"{subject}: everybody whom this issuer serves could publish; name your organisation before the *"
                )
        return value


class ReaderSettings(Model):
    """Who pulls: Palette, through a role that its AWS account assumes, or as a user with an access key."""

    principal: str | None = Field(
        None,
        description="AWS account, or ARN in it, that may assume the reader role: Palette's, from its registration form",
        examples=["123456789012"],
    )
    external_id: str | None = Field(
        None, min_length=2, description="ExternalId that it must give, from the same form", examples=["a1b2c3"]
    )
    users: tuple[str, ...] = Field((), description="names of IAM users that get the policy", examples=[["palette"]])

    @field_validator("principal")
    @classmethod
    def _principal(cls, value: str | None) -> str | None:
        return None if value is None else _principal(value)

    @field_validator("users")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return _iam_names(value)

    @model_validator(mode="after")
    def _consistent(self) -> ReaderSettings:
        if bool(self.principal) != bool(self.external_id):
            raise ValueError(
                "principal and externalId belong together: without the ExternalId, another customer of the same "
                "service could use the role"
            )
        if not (self.principal or self.users):
            raise ValueError("say who reads: principal and externalId, or users")
        return self


class PullSettings(Model):
    """Other AWS accounts that may pull: a policy on each repository."""

    principals: tuple[str, ...] = Field(
        (), description="accounts, or ARNs of roles and users in them", examples=[["210987654321"]]
    )
    organization: str | None = Field(
        None, description="id of an AWS organization: everybody in it may pull", examples=["o-a1b2c3d4e5"]
    )

    @field_validator("principals")
    @classmethod
    def _principals(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(_principal(text) for text in value)

    @field_validator("organization")
    @classmethod
    def _organization(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"o-[a-z0-9]{10,32}", value):
            raise ValueError("an organization's id is o- and 10 to 32 letters and digits")
        return value


class AccessSettings(Model):
    """Who may do what with the repositories (docs/iam.md has the policies)."""

    publishers: HolderSettings = Field(
        HolderSettings(), description="who gets the publisher policy: all that the guide does"
    )
    pushers: HolderSettings | None = Field(
        None, description="who gets the pusher policy: publishes, but makes and deletes nothing"
    )
    ci: CiSettings | None = Field(None, description="a role with the pusher policy for jobs of a CI system")
    reader: ReaderSettings | None = Field(None, description="who gets the reader policy: Palette")
    pull: PullSettings | None = Field(None, description="other AWS accounts that may pull")


def _iam_names(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if not re.fullmatch(r"[\w+=,.@-]{1,64}", name):
            raise ValueError(f"{name}: give the name alone, without arn: and path")
    return names


def _principal(text: str) -> str:
    if not re.fullmatch(r"\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(role|user|assumed-role)/.+)", text):
        raise ValueError(f"{text}: give an account's 12 digits in quotes, or the ARN of a role or user")
    return text
