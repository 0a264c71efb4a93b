"""packinfra:registry."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.settings.model import Model

PACKS_PATH = "spectro-packs/archive"
"""What Palette appends to a base path (Palette documentation, Add a Pack to an ECR Registry)."""
_HOST = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?:\.[A-Za-z0-9-]+)*(?::\d{1,5})?")


class RegistrySettings(Model):
    """Where packs are published."""

    kind: Literal["ecr", "basic"] = Field(
        description="ecr, or basic: Harbor and every other registry with user name and password", examples=["ecr"]
    )
    base_path: str = Field(
        description="what the repositories' names begin with (basic: the project first), without spectro-packs, which "
        "Palette appends",
        examples=["spectro-oci-registry"],
    )
    host: str | None = Field(
        None, description="basic: the registry's host, without scheme", examples=["harbor.example.com"]
    )
    ca_file: str | None = Field(
        None,
        description="basic: PEM file with the certificate authority of the registry, relative to the project",
        examples=["harbor-ca.pem"],
    )
    plain_http: bool = Field(False, description="basic: speak HTTP without TLS; passwords then travel readable")
    username: str | None = Field(
        None,
        description="basic: user name; its password is the secret packinfra:registryPassword. Absent: "
        "PACKINFRA_REGISTRY_USERNAME and _PASSWORD, else the Docker config",
        examples=["robot$packs"],
    )

    @field_validator("base_path")
    @classmethod
    def _base_path(cls, value: str) -> str:
        return valid_base_path(value)

    @field_validator("host")
    @classmethod
    def _host(cls, value: str | None) -> str | None:
        if value is not None and not _HOST.fullmatch(value):
            raise ValueError("write the host alone, with its port if it has one: no https://, no path")
        return value

    @model_validator(mode="after")
    def _of_kind(self) -> RegistrySettings:
        basic = {"host": self.host, "caFile": self.ca_file, "plainHttp": self.plain_http, "username": self.username}
        if self.kind == "ecr" and (given := [key for key, value in basic.items() if value]):
            raise ValueError(f"{', '.join(given)}: only for kind: basic; ECR's host, CA and login come from AWS")
        if self.kind == "basic" and not self.host:
            raise ValueError('host: missing, kind: basic needs it; for example: host: "harbor.example.com"')
        if self.plain_http and self.ca_file:
            raise ValueError("caFile is of no use with plainHttp: true: remove one of the two")
        return self


def valid_base_path(value: str) -> str:
    """Raises ValueError with the reason if `value` cannot begin the name of a repository for packs."""
    parts = value.split("/")
    if "spectro-packs" in parts:
        raise ValueError(f"leave {PACKS_PATH} out: it is appended for you, and Palette appends it too")
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in parts):
        raise ValueError("use lower-case letters and digits, with single . _ - or / between them")
    if len(value) > 128:
        raise ValueError("at most 128 characters, so that pack names fit into ECR's 256")
    return value
