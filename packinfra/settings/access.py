"""packinfra:access."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field, field_validator, model_validator

from packinfra.settings.model import Model
from packinfra.settings.subjects import check_github_subject, valid_subject
from packinfra.text import quoted


def _iam_name(text: str) -> str:
    if not re.fullmatch(r"[\w+=,.@-]{1,64}", text):
        raise ValueError("write the name alone, without arn: and path")
    return text


def _principal(text: str) -> str:
    if not re.fullmatch(r"\d{12}|arn:aws[\w-]*:(iam|sts)::\d{12}:(root|(role|user|assumed-role)/.+)", text):
        raise ValueError("write an account's 12 digits in quotes, or the ARN of a role or user")
    return text


IamNames = tuple[Annotated[str, AfterValidator(_iam_name)], ...]
Principal = Annotated[str, AfterValidator(_principal)]


class GranteeSettings(Model):
    """The roles and users to which a policy is attached."""

    roles: IamNames = Field((), description="names of IAM roles", examples=[["ci"]])
    users: IamNames = Field((), description="names of IAM users", examples=[["jane"]])


class CiSettings(Model):
    """A role that the jobs of a CI system assume with their own token (OpenID Connect), without any stored key. The
    account needs an identity provider for the issuer (IAM, Identity providers)."""

    issuer: str = Field(
        description="issuer of the tokens, without https://", examples=["token.actions.githubusercontent.com"]
    )
    audience: str = Field(
        "sts.amazonaws.com",
        min_length=1,
        description="audience of the tokens (`aud`); docs/iam.md has that of each CI system",
    )
    subjects: tuple[Annotated[str, AfterValidator(valid_subject)], ...] = Field(
        min_length=1,
        description="the allowed jobs: subjects of the tokens (`sub`), with * for any text. GitHub puts ids into those of "
        "repositories that were created, renamed or transferred after 15 July 2026",
        examples=[["repo:acme/packs:ref:refs/heads/main", "repo:acme@123456/packs@456789:ref:refs/heads/main"]],
    )

    @field_validator("issuer")
    @classmethod
    def _issuer(cls, value: str) -> str:
        issuer = value.removeprefix("https://").rstrip("/")
        if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?(/[\w./-]+)?", issuer):
            raise ValueError("write the issuer's host, and path if it has one")
        return issuer

    @model_validator(mode="after")
    def _github(self) -> CiSettings:
        for subject in self.subjects if self.issuer == "token.actions.githubusercontent.com" else ():
            try:
                check_github_subject(subject)
            except ValueError as error:
                raise ValueError(f"subjects: {quoted(subject)}: {error}") from None
        return self

    @model_validator(mode="after")
    def _audience(self) -> CiSettings:
        """Issuers whose tokens never carry the default audience, so that no job could assume the role."""
        if self.audience == CiSettings.model_fields["audience"].default:
            for issuer, audience in _AUDIENCES.items():
                if match := re.match(issuer, self.issuer):
                    raise ValueError(f"tokens of this issuer have another audience: {match.expand(audience)}")
        return self


_AUDIENCES = {
    r"oidc\.circleci\.com/org/([\w-]+)": r"audience: \1",
    r"api\.bitbucket\.org/": "audience: ari:cloud:bitbucket::workspace/WORKSPACE-UUID",
    r"vstoken\.dev\.azure\.com/": "audience: api://AzureADTokenExchange",
}
"""Start of an issuer -> the line to write. Sources: the documentation of CircleCI, Bitbucket, Azure DevOps."""


class ReaderSettings(Model):
    """The readers: Palette's AWS account, which assumes a role, or users with an access key."""

    principal: Principal | None = Field(
        None,
        description="AWS account, or ARN in it, that may assume the reader role: Palette's, from its registration form",
        examples=["123456789012"],
    )
    external_id: str | None = Field(
        None, min_length=2, description="ExternalId that it must send, from the same form", examples=["a1b2c3"]
    )
    users: IamNames = Field((), description="names of IAM users that get the policy", examples=[["palette"]])

    @model_validator(mode="after")
    def _consistent(self) -> ReaderSettings:
        if bool(self.principal) != bool(self.external_id):
            raise ValueError(
                "principal and externalId belong together: without the ExternalId, another customer of the same "
                "service could use the role"
            )
        if not (self.principal or self.users):
            raise ValueError("name the readers: principal and externalId, or users")
        return self


class PullSettings(Model):
    """Other AWS accounts that may pull, through a policy on each repository."""

    principals: tuple[Principal, ...] = Field(
        (), description="accounts, or ARNs of roles and users in them", examples=[["210987654321"]]
    )
    organization: str | None = Field(
        None, description="id of an AWS organization, all of whose accounts may pull", examples=["o-a1b2c3d4e5"]
    )

    @field_validator("organization")
    @classmethod
    def _organization(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"o-[a-z0-9]{10,32}", value):
            raise ValueError("an organization's id is o- and 10 to 32 letters and digits")
        return value


class AccessSettings(Model):
    """Permissions on the repositories (docs/iam.md has the policies)."""

    publishers: GranteeSettings = Field(
        GranteeSettings(), description="get the publisher policy: every step of Palette's guide"
    )
    pushers: GranteeSettings | None = Field(
        None, description="get the pusher policy: it publishes, but creates no repository and deletes nothing"
    )
    ci: CiSettings | None = Field(None, description="a role with the pusher policy for the jobs of a CI system")
    reader: ReaderSettings | None = Field(None, description="gets the reader policy: Palette")
    pull: PullSettings | None = Field(None, description="other AWS accounts that may pull")
