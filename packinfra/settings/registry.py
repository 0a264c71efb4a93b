"""packinfra:registry. The key `kind` selects the model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, field_validator, model_validator

from packinfra.http.addresses import is_host
from packinfra.packs.rules.metadata import REPOSITORY_COMPONENT
from packinfra.palette.credentials import KINDS, Kind
from packinfra.settings.model import Model

PACKS_PATH = "spectro-packs/archive"
"""Palette appends it to a base path (Palette documentation, Add a Pack to an ECR Registry)."""


def valid_base_path(value: str) -> str:
    """Raises ValueError with the reason if `value` cannot be the first part of a pack's repository name."""
    parts = value.split("/")
    if "spectro-packs" in parts:
        raise ValueError(f"leave {PACKS_PATH} out: packinfra appends it, and Palette does too")
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in parts):
        raise ValueError("use lower-case letters and digits, with single . _ - or / between them")
    if len(value) > 128:
        raise ValueError("at most 128 characters, so that pack names fit into ECR's 256")
    return value


def valid_host(value: str) -> str:
    """Raises ValueError with the reason, which doesn't repeat `value`: it may contain a password."""
    if is_host(value):
        return value
    if is_host(f"[{value}]"):
        raise ValueError("write an IPv6 address in brackets, with its port after them: [fd00::5]:5000")
    raise ValueError("write the host alone, with its port if it has one: no https://, no path")


Host = Annotated[str, AfterValidator(valid_host)]


class _Registry(Model):
    kind: Kind
    base_path: Annotated[str, AfterValidator(valid_base_path)] = Field(
        description="first part of the repository names (basic: the project first), without spectro-packs, which "
        "Palette appends",
        examples=["spectro-oci-registry"],
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _kind(cls, value: Any) -> Any:
        if value not in KINDS:
            raise ValueError("write ecr, or basic for every other registry")
        return value


class EcrRegistry(_Registry):
    """Amazon ECR. Host, region and credentials come from the stack's AWS configuration."""

    kind: Literal["ecr"] = Field(description="Amazon ECR", examples=["ecr"])


class BasicRegistry(_Registry):
    """Harbor, or any other registry with user name and password."""

    kind: Literal["basic"] = Field(description="a registry with user name and password", examples=["basic"])
    host: Host = Field(description="the registry's host, without scheme", examples=["harbor.example.com"])
    ca_file: str | None = Field(
        None,
        description="PEM file with the certificate of the registry's certificate authority, relative to the project",
        examples=["harbor-ca.pem"],
    )
    plain_http: bool = Field(False, description="use HTTP without TLS; passwords are then sent unencrypted")
    token_host: Host | None = Field(
        None,
        description="host of the registry's token service, if that is not the registry's own and may get user name and "
        "password (GitLab on a server of its own)",
        examples=["gitlab.example.com"],
    )
    blob_hosts: tuple[Host, ...] = Field(
        (),
        description="IP addresses inside your network to which the registry may redirect requests for blobs (Harbor with "
        "MinIO), with their ports",
        examples=[["10.0.0.5:9000"]],
    )
    base_path_artifact: bool = Field(
        True,
        description="push the empty artifact that marks the base path. false for a registry that rejects images without "
        "layers, or removes images without a tag",
    )
    username: str | None = Field(
        None,
        description="user name; the secret packinfra:registryPassword is its password. Absent: "
        "PACKINFRA_REGISTRY_USERNAME and _PASSWORD, else the Docker config",
        examples=["robot$packs"],
    )

    @model_validator(mode="after")
    def _no_ca_without_tls(self) -> BasicRegistry:
        if self.plain_http and self.ca_file:
            raise ValueError("caFile has no effect with plainHttp: true: remove one of the two")
        return self


def kind_of(registry: object) -> Kind:
    """The kind that a valid or invalid `registry` declares; ecr unless it says basic."""
    kind = registry.get("kind") if isinstance(registry, Mapping) else getattr(registry, "kind", None)
    return "basic" if kind == "basic" else "ecr"


RegistrySettings = Annotated[
    Annotated[EcrRegistry, Tag("ecr")] | Annotated[BasicRegistry, Tag("basic")], Discriminator(kind_of)
]
