"""packinfra:palette."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic.alias_generators import to_snake

from packinfra.palette import credentials
from packinfra.palette.credentials import Kind
from packinfra.palette.host import normalize_host
from packinfra.settings.model import Model, Number


class HelmSettings(Model):
    """The registration of the charts in Palette, as an OCI Helm registry at `<basePath>/charts`, with the credentials of
    packinfra:palette. `helm: {}` suffices."""

    name: str | None = Field(
        None, min_length=1, description="name of that registry in Palette; absent: that of the packs and -charts",
        examples=["charts"],
    )  # fmt: skip
    sync: bool = Field(
        True, description="have Palette read the charts after each change, and once a day; false: not at all"
    )


class PaletteSettings(Model):
    """The registration of the registry in Palette. Absent: nothing is registered. The API key is the secret
    packinfra:paletteApiKey, else the login in the secret packinfra:paletteLogin, else SPECTROCLOUD_APIKEY in the
    environment. For one base path, only one stack may set it."""

    name: str = Field(min_length=1, description="name of the registry in Palette", examples=["packs"])
    host: Annotated[str, AfterValidator(normalize_host)] | None = Field(
        None, description="Palette's host; absent: api.spectrocloud.com", examples=["palette.example.com"]
    )
    ca_file: str | None = Field(
        None,
        description="PEM file with the certificate of a self-hosted Palette's certificate authority, relative to the "
        "project",
        examples=["palette-ca.pem"],
    )
    sync_timeout: Number = Field(
        600, ge=1, le=7200, description="seconds until Palette must list the published versions"
    )
    withdraw_used: bool = Field(
        False,
        description="withdraw pack versions even if cluster profiles use them, which makes those invalid; false: `up` refuses",
    )
    role_arn: Annotated[str, AfterValidator(credentials.validate_role_arn)] | None = Field(
        None,
        description="ecr: role with which Palette reads, instead of the reader role that packinfra makes; it must trust "
        "Palette's AWS account with its ExternalId",
        examples=["arn:aws:iam::123456789012:role/palette"],
    )
    access_key_id: str | None = Field(
        None,
        description="ecr: access key with which Palette reads, instead of a role; the secret "
        "packinfra:paletteSecretKey belongs to it",
        examples=["AKIAIOSFODNN7EXAMPLE"],
    )
    pod_identity_role_arn: Annotated[str, AfterValidator(credentials.validate_role_arn)] | None = Field(
        None,
        description="ecr: role of the EKS Pod Identity association with which a self-hosted Palette in EKS reads, instead of "
        "a role that trusts Palette's account",
        examples=["arn:aws:iam::123456789012:role/palette"],
    )
    username: str | None = Field(
        None,
        description="basic: user name with which Palette reads; the secret packinfra:palettePassword is its password",
        examples=["robot$palette"],
    )
    registry_ca_file: str | None = Field(
        None,
        description="basic: PEM file with the certificate of the certificate authority that Palette must trust for the "
        "registry; absent: caFile of packinfra:registry",
        examples=["harbor-ca.pem"],
    )
    insecure_skip_verify: bool = Field(
        False,
        description="basic: Palette does not verify the registry's certificate; each preview and up warns of it. Prefer "
        "registryCaFile",
    )

    helm: HelmSettings | None = Field(
        None, description="register the charts too; absent: Palette doesn't know them", examples=[{"sync": True}]
    )

    def credential_problems(
        self, kind: Kind, secrets: Collection[str], name: Callable[[str], str], hints: Mapping[str, str]
    ) -> list[str]:
        """The problems in the choice of Palette's credentials; `secrets` are those of secretKey and password that are set.
        For the other parameters, see packinfra.palette.credentials."""
        present = {key for key in credentials.KEYS if getattr(self, to_snake(key), None)} | {*secrets}
        if kind == "ecr" and (self.role_arn or not present & {"accessKeyId", "secretKey", "podIdentityRoleArn"}):
            present |= {"roleArn", "externalId"}  # by default packinfra creates a role; Palette provides the ExternalId
        return credentials.problems(kind, present, name, hints)
