"""packinfra:palette."""

from __future__ import annotations

from pydantic import Field, field_validator, model_validator

from packinfra.palette.host import normalize_host
from packinfra.palette.registration import ROLE
from packinfra.settings.model import Model


class PaletteSettings(Model):
    """The registry as Palette knows it. Absent: nothing is registered. The API key is the secret
    packinfra:paletteApiKey, else SPECTROCLOUD_APIKEY in the environment. One stack alone may have it for a base
    path."""

    name: str = Field(min_length=1, description="of the registry in Palette", examples=["packs"])
    host: str | None = Field(
        None,
        description="Palette's host; absent: api.spectrocloud.com",
        examples=["palette.example.com"],
    )
    ca_file: str | None = Field(
        None,
        description="PEM file with the certificate authority of a self-hosted Palette, relative to the project",
        examples=["palette-ca.pem"],
    )
    sync_timeout: int = Field(
        600, ge=1, le=7200, description="seconds within which Palette must list what was published"
    )
    role_arn: str | None = Field(
        None,
        description="ecr: role with which Palette reads, if not the reader role that is made for it; it must trust "
        "Palette's AWS account with its ExternalId",
        examples=["arn:aws:iam::123456789012:role/palette"],
    )
    access_key_id: str | None = Field(
        None,
        description="ecr: key with which Palette reads, instead of a role; its secret is packinfra:paletteSecretKey",
        examples=["AKIAIOSFODNN7EXAMPLE"],
    )
    username: str | None = Field(
        None,
        description="basic: user name with which Palette reads; its password is the secret packinfra:palettePassword",
        examples=["robot$palette"],
    )
    registry_ca_file: str | None = Field(
        None,
        description="basic: PEM file with the certificate authority that Palette shall trust for the registry; absent: "
        "that of packinfra:registry",
        examples=["harbor-ca.pem"],
    )

    @field_validator("host")
    @classmethod
    def _host(cls, value: str | None) -> str | None:
        return None if value is None else normalize_host(value)

    @field_validator("role_arn")
    @classmethod
    def _role_arn(cls, value: str | None) -> str | None:
        if value is not None and not ROLE.fullmatch(value):
            raise ValueError("give the ARN of a role")
        return value

    @model_validator(mode="after")
    def _one_way(self) -> PaletteSettings:
        if self.role_arn and self.access_key_id:
            raise ValueError("Palette reads with a role or with a key: remove roleArn or accessKeyId")
        return self
