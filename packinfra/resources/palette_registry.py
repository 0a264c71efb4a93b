"""PaletteRegistry: a registry of packs or Helm charts registered in Palette, as a Pulumi resource."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import Resource

from packinfra.palette.registration import REQUIRED_SPEC
from packinfra.providers import PaletteRegistryProvider
from packinfra.resources._inputs import given, own_urn, palette_location


class PaletteRegistry(Resource, module="packinfra", name="PaletteRegistry"):
    """A registry of packs, or of Helm charts, registered in Palette under `registry_name`.

    Depend on every PublishedPack (`opts.depends_on`): destroy then asks Palette first, and if it refuses because cluster
    profiles use the packs, they stay. A registry that has the name already is taken over if it is of the same kind,
    endpoint and base path, and refused otherwise.

    Args:
        name: logical name.
        registry_name: name in Palette; unique in the tenant.
        kind: ecr, or basic: Harbor and every other registry with user name and password.
        endpoint: ecr: the registry's host; basic: with scheme: https://harbor.example.com.
        base_path: first part of the repository names, without spectro-packs.
        role_arn: ecr: role with which Palette reads; it trusts the account of a PalettePrincipal.
        external_id: ecr: ExternalId of the same PalettePrincipal.
        access_key_id: ecr, instead of a role: access key of an IAM user.
        secret_key: its secret. Secrets are kept as secrets in state: Palette never gives them back.
        pod_identity_role_arn: ecr, instead of a role: role of the EKS Pod Identity association of a Palette in EKS.
        username: basic: user with which Palette reads.
        password: its password.
        registry_ca_file: basic: PEM file with the CA certificate of the registry, relative to the project.
        insecure_skip_verify: basic: Palette doesn't verify the registry's certificate. Each preview and up warns of it.
        partition: ecr: partition of the AWS account: aws, aws-us-gov, aws-iso, aws-iso-b.
        provider_type: pack, or helm: Palette then lists Helm charts, and no packs.
        sync: Palette reads the registry once a day and when it is told to; of packs always.
        role_timeout_seconds: ecr: how long to wait for a role that Palette can't use yet (IAM is eventually consistent).
        host: see PalettePrincipal.
        ca_file: see PalettePrincipal.

    Raises:
        pulumi.RunError: if only an environment variable names the host.

    Outputs: `uid`; `tenant`: uid of the tenant; `revision`: a number that rises whenever the registration is written;
    `kind`, `endpoint`, `base_path`.
    """

    uid: pulumi.Output[str]
    tenant: pulumi.Output[str]
    revision: pulumi.Output[float]
    kind: pulumi.Output[str]
    endpoint: pulumi.Output[str]
    basePath: pulumi.Output[str]  # noqa: N815 - the keys are state

    def __init__(
        self,
        name: str,
        *,
        registry_name: pulumi.Input[str],
        kind: str,
        endpoint: pulumi.Input[str],
        base_path: pulumi.Input[str],
        role_arn: pulumi.Input[str] | None = None,
        external_id: pulumi.Input[str] | None = None,
        access_key_id: pulumi.Input[str] | None = None,
        secret_key: pulumi.Input[str] | None = None,
        pod_identity_role_arn: pulumi.Input[str] | None = None,
        username: pulumi.Input[str] | None = None,
        password: pulumi.Input[str] | None = None,
        registry_ca_file: str | None = None,
        insecure_skip_verify: bool = False,
        partition: str = "aws",
        provider_type: str = "pack",
        sync: bool = True,
        role_timeout_seconds: float = 120.0,
        host: pulumi.Input[str] | None = None,
        ca_file: str | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        # Kept for PaletteSync: outputs that are None are unknown in every preview, since state has none of them.
        self.palette_location = palette_location(host, ca_file)
        props = {
            "registryName": registry_name,
            "kind": kind,
            "endpoint": endpoint,
            "basePath": base_path,
            "roleArn": role_arn,
            "externalId": external_id,
            "accessKeyId": access_key_id,
            # The engine marks outputs as secrets where the inputs of the same name are.
            "secretKey": None if secret_key is None else pulumi.Output.secret(secret_key),
            "podIdentityRoleArn": pod_identity_role_arn,
            "username": username,
            "password": None if password is None else pulumi.Output.secret(password),
            "registryCaFile": registry_ca_file,
            "insecureSkipVerify": insecure_skip_verify,
            "partition": partition,
            "roleTimeoutSeconds": role_timeout_seconds,
            **self.palette_location,
            "ownUrn": own_urn(self, name, opts),
            **dict.fromkeys(("certificate", *REQUIRED_SPEC, "uid", "tenant", "revision")),
            **given(
                providerType=provider_type if provider_type != "pack" else None, isSyncSupported=None if sync else False
            ),
        }
        super().__init__(PaletteRegistryProvider(), name, props, opts)

    @property
    def base_path(self) -> pulumi.Output[str]:
        return self.basePath
