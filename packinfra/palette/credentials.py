"""The credentials with which Palette reads a registry: an AWS role, an access key, EKS Pod Identity, or user name and
password.

`problems` alone has the rules for choosing among them: settings, components and PaletteRegistry's check use it. Keys are
the names of PaletteRegistry's properties, in its state as in `packinfra:palette`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

Kind = Literal["ecr", "basic"]
KINDS: tuple[Kind, ...] = ("ecr", "basic")

_CHOICES: Mapping[Kind, tuple[tuple[str, ...], ...]] = {
    "ecr": (("roleArn", "externalId"), ("accessKeyId", "secretKey"), ("podIdentityRoleArn",)),
    "basic": (("username", "password"),),
}
"""The alternatives of each kind. The keys of one belong together."""
PARTITIONS = ("aws", "aws-us-gov", "aws-iso", "aws-iso-b")
"""Of AWS, as Palette's API knows them (V1AwsCloudAccount)."""
_PARTITION_OF = {"us-gov-": "aws-us-gov", "us-iso-": "aws-iso", "us-isob-": "aws-iso-b", "cn-": "aws-cn"}
_KINDS: Mapping[str, Kind] = {
    **{key: kind for kind, choices in _CHOICES.items() for choice in choices for key in choice},
    "registryCaFile": "basic",
    "insecureSkipVerify": "basic",
}
KEYS = tuple(_KINDS)
SECRET_KEYS = ("secretKey", "password")
_ROLE_ARN = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")


@dataclass(frozen=True)
class RoleCredentials:
    """A role that Palette's AWS account assumes with its ExternalId. No secret is stored."""

    role_arn: str
    external_id: str

    kind: ClassVar[Kind] = "ecr"
    secret: ClassVar[str] = ""

    @property
    def remedy(self) -> str:
        return (
            f"{self.role_arn} must trust Palette's AWS account with ExternalId {self.external_id}, and have the "
            "reader policy (docs/iam.md); a new role may need another minute: then run again. If an earlier run failed to "
            "change the role, run pulumi up --refresh: without it, Pulumi takes the change for done. "
            "A reinstalled Palette has another ExternalId: see docs/palette.md"
        )

    def spec(self) -> dict[str, Any]:
        return {"credentialType": "sts", "sts": {"arn": self.role_arn, "externalId": self.external_id}}


@dataclass(frozen=True)
class AccessKeyCredentials:
    """The access key of an IAM user."""

    access_key_id: str
    secret: str = field(repr=False)

    kind: ClassVar[Kind] = "ecr"

    @property
    def remedy(self) -> str:
        return (
            f"check accessKeyId ({self.access_key_id}), its secret (packinfra:paletteSecretKey), and that its user has "
            "the reader policy (docs/iam.md); then run again"
        )

    def spec(self) -> dict[str, Any]:
        return {"credentialType": "secret", "accessKey": self.access_key_id, "secretKey": self.secret}


@dataclass(frozen=True)
class PodIdentityCredentials:
    """A role that Palette has by EKS Pod Identity, where Palette itself runs in EKS. No secret is stored."""

    role_arn: str

    kind: ClassVar[Kind] = "ecr"
    secret: ClassVar[str] = ""

    @property
    def remedy(self) -> str:
        return (
            f"Palette must run in an EKS cluster whose Pod Identity association has {self.role_arn}, and that role needs the "
            "reader policy (docs/iam.md); then run again"
        )

    def spec(self) -> dict[str, Any]:
        # As Palette's Terraform provider sends it for cloud accounts; for registries it was never tried (docs/fidelity.md).
        return {"credentialType": "pod-identity", "podIdentity": {"roleArn": self.role_arn}}


@dataclass(frozen=True)
class PasswordCredentials:
    """User name and password of a Basic registry."""

    username: str
    secret: str = field(repr=False)

    kind: ClassVar[Kind] = "basic"
    remedy: ClassVar[str] = (
        "check username and password (packinfra:palettePassword), that Palette reaches the endpoint from its own "
        "network, and registryCaFile; then run again"
    )

    def spec(self) -> dict[str, Any]:
        return {"type": "basic", "username": self.username, "password": self.secret}


ReaderCredentials = RoleCredentials | AccessKeyCredentials | PodIdentityCredentials | PasswordCredentials


def parse(values: Mapping[str, Any]) -> ReaderCredentials:
    """From values without `problems`."""
    if values.get("roleArn"):
        return RoleCredentials(str(values["roleArn"]), str(values["externalId"]))
    if values.get("accessKeyId"):
        return AccessKeyCredentials(str(values["accessKeyId"]), str(values["secretKey"]))
    if values.get("podIdentityRoleArn"):
        return PodIdentityCredentials(str(values["podIdentityRoleArn"]))
    return PasswordCredentials(str(values["username"]), str(values["password"]))


def problems(kind: Kind, present: Collection[str], name: Callable[[str], str], hints: Mapping[str, str]) -> list[str]:
    """The problems in a choice of credentials, of which only the keys with a value are `present`. `name` returns the name
    of a key where the user wrote it; `hints` say how to provide a missing one."""
    result = [f"{name(k)}: not for kind: {kind}: remove it" for k in KEYS if k in present and kind != _KINDS[k]]
    chosen = [choice for choice in _CHOICES[kind] if {*choice} & {*present}]
    if len(chosen) > 1:
        names = ", ".join(name(next(key for key in choice if key in present)) for choice in chosen)
        result.append(f"{names}: Palette reads with a role or with an access key, not with both: remove one")
    elif chosen:
        there = next(key for key in chosen[0] if key in present)
        missing = [key for key in chosen[0] if key not in present]
        result += [f"{name(key)}: missing for {name(there)}{hints.get(key, '')}" for key in missing]
    else:
        names = ", or ".join(" and ".join(map(name, choice)) for choice in _CHOICES[kind])
        result.append(f"{names}: missing; Palette reads no pack registry without credentials")
    return result


def validate_role_arn(text: str) -> str:
    """Raises ValueError with the reason if `text` is not the ARN of a role."""
    if not _ROLE_ARN.fullmatch(text):
        raise ValueError("write the ARN of a role")
    return text


def partition_of(region: str) -> str:
    """The partition of an AWS region.

    >>> partition_of("eu-west-1"), partition_of("us-gov-west-1"), partition_of("cn-north-1")
    ('aws', 'aws-us-gov', 'aws-cn')
    """
    return next((name for prefix, name in _PARTITION_OF.items() if region.startswith(prefix)), "aws")


def partition_problem(partition: str, role_arn: str | None = None) -> str:
    """Why Palette can't read ECR there; "" if it can. role_arn: of the role with which it reads"""
    if partition not in PARTITIONS:
        return f"Palette reads no ECR registry in the partition {partition}, only in {', '.join(PARTITIONS)}"
    theirs = (role_arn or "").split(":")[1:2]
    if theirs and theirs != [partition]:
        return f"the role {role_arn} is in the partition {theirs[0]}, the registry in {partition}"
    return ""
