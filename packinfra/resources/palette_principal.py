"""PalettePrincipal: whom a role must trust so that Palette can read with it, as a Pulumi resource."""

from __future__ import annotations

import pulumi
from pulumi.dynamic import Resource

from packinfra.providers import PalettePrincipalProvider
from packinfra.resources._inputs import palette_location


class PalettePrincipal(Resource, module="packinfra", name="PalettePrincipal"):
    """Palette's AWS account and ExternalId, for the trust policy of a role (`packinfra.aws.policies.trust`).

    Args:
        name: logical name.
        host: Palette's host; None = api.spectrocloud.com.
        ca_file: PEM file with the CA certificates of a self-hosted Palette, relative to the project.
        partition: partition of the AWS account in which the role is: aws, aws-us-gov.

    Raises:
        pulumi.RunError: if only an environment variable names the host.

    Outputs: `account_id` (twelve digits), `external_id`.
    """

    accountId: pulumi.Output[str]  # noqa: N815 - the keys are state
    externalId: pulumi.Output[str]  # noqa: N815

    def __init__(
        self,
        name: str,
        *,
        host: pulumi.Input[str] | None = None,
        ca_file: str | None = None,
        partition: str = "aws",
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {**palette_location(host, ca_file), "partition": partition, "accountId": None, "externalId": None}
        super().__init__(PalettePrincipalProvider(), name, props, opts)

    @property
    def account_id(self) -> pulumi.Output[str]:
        return self.accountId

    @property
    def external_id(self) -> pulumi.Output[str]:
        return self.externalId
