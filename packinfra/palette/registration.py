"""A pack registry in Palette: the body of requests, and the part of responses that can be compared with it.

    >>> role = RoleCredentials("arn:aws:iam::123456789012:role/palette", external_id="x")
    >>> registration = Registration("packs", "123456789012.dkr.ecr.eu-west-1.amazonaws.com", "base", role)
    >>> registration.kind, registration.body()["spec"]["providerType"]
    ('ecr', 'pack')

Four differences between request and response, none of which is a change:

- secrets are masked, as a row of asterisks (so a value with an asterisk is ignored);
- a TLS block is returned even if none was sent (terraform-provider-spectrocloud, PLT-2300);
- the status, not the spec, says whether a registry is synced (the same, PLT-2131);
- omitted values are returned as their default: no provider type is "helm", which shows no packs.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from packinfra.palette.credentials import Kind, ReaderCredentials, RoleCredentials
from packinfra.palette.responses import RegistryResponse

REQUIRED_SPEC: Mapping[str, Any] = {
    "providerType": "pack",
    "isPrivate": True,  # "Protected" or "Enable Authentication" in the console
    "isSyncSupported": True,
}
"""Required of every pack registry: with other values, Palette shows no packs or rejects it."""
ProviderType = Literal["pack", "helm"]
PROVIDER_TYPES: tuple[ProviderType, ...] = ("pack", "helm")


def required_spec(provider_type: str, *, sync: bool = True) -> Mapping[str, Any]:
    """Of a registry of Helm charts, sync may be off (Palette documentation, Add OCI Helm Registry)."""
    if provider_type != "helm":
        return REQUIRED_SPEC
    return {**REQUIRED_SPEC, "providerType": "helm", "isSyncSupported": sync}


@dataclass(frozen=True)
class Registration:
    """One registry of packs, or of Helm charts; the credentials determine its kind."""

    name: str  # unique in the tenant
    endpoint: str  # ECR: the host; Basic: with scheme
    base_path: str  # without spectro-packs, which Palette appends
    credentials: ReaderCredentials
    certificate: str = ""  # PEM, of the CA that signed the registry's certificate; "" for a public CA
    partition: str = "aws"
    insecure_skip_verify: bool = False  # Palette doesn't verify the registry's certificate
    provider_type: ProviderType = "pack"
    sync: bool = True  # of packs always

    @property
    def kind(self) -> Kind:
        return self.credentials.kind

    @property
    def role_arn(self) -> str | None:
        return self.credentials.role_arn if isinstance(self.credentials, RoleCredentials) else None

    @property
    def secret(self) -> str:
        """No message may contain it; "" if there is none."""
        return self.credentials.secret

    @property
    def remedy(self) -> str:
        """The next step if Palette rejects the credentials."""
        return self.credentials.remedy

    def body(self) -> dict[str, Any]:
        """The body of create and update. An update overwrites everything, so the body is always complete."""
        return {"metadata": {"name": self.name}, "spec": self.spec()}

    def spec(self) -> dict[str, Any]:
        """The body of a validation."""
        tls = {"certificate": self.certificate, "enabled": True, "insecureSkipVerify": self.insecure_skip_verify}
        spec = {
            "endpoint": self.endpoint,
            "baseContentPath": self.base_path,
            "providerType": self.provider_type,
            "isSyncSupported": self.sync,
        }
        credentials = self.credentials.spec()
        if self.kind == "basic":
            return {**spec, "auth": {**credentials, "tls": tls}}
        if self.partition != "aws":  # the default, which Palette's own client leaves out
            credentials["partition"] = self.partition
        return {**spec, "isPrivate": True, "credentials": credentials, "tls": tls}


def parse_registration(kind: Kind, response: RegistryResponse) -> dict[str, Any]:
    """The values in the response to a read, by the names of PaletteRegistry's properties; None for missing ones.

    Masked values, such as secrets, are omitted.
    """
    spec, is_ecr = response.spec, kind == "ecr"
    credentials, auth = spec.credentials, spec.auth
    tls, has_role = (spec.tls if is_ecr else auth.tls), is_ecr and credentials.credential_type == "sts"
    values = {
        "registryName": response.metadata.name,
        "endpoint": normalize_endpoint(kind, spec.endpoint),
        "basePath": normalize_base_path(spec.base_content_path),
        "roleArn": credentials.sts.arn if has_role else None,
        "externalId": credentials.sts.external_id if has_role else None,
        "accessKeyId": credentials.access_key if is_ecr and not has_role else None,
        "podIdentityRoleArn": credentials.pod_identity.role_arn if is_ecr else None,
        "username": None if is_ecr else auth.username,
        "certificate": tls.certificate.strip(),
        "providerType": spec.provider_type or "helm",
        "isPrivate": spec.is_private if is_ecr else auth.type == "basic",
        "isSyncSupported": response.status.sync_status.is_sync_supported,
        "insecureSkipVerify": tls.insecure_skip_verify,
    }
    if credentials.credential_type == "pod-identity" and not credentials.pod_identity.role_arn:
        del values["podIdentityRoleArn"]  # no source says that Palette returns it
    return {key: value if value != "" else None for key, value in values.items() if "*" not in str(value)}


def normalize_endpoint(kind: Kind, text: str) -> str:
    """Trims like Palette and its clients: slashes and /v2 at the end, and ECR's scheme."""
    text = re.sub(r"(?:/|/v2/?)+$", "", text.strip())
    return text.removeprefix("https://") if kind == "ecr" else text


def normalize_base_path(text: str) -> str:
    return text.strip().strip("/")
