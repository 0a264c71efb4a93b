"""PalettePrincipal: whom a role must trust so that Palette can read with it, as a Pulumi resource.

Palette says it (GET /v1/clouds/aws/account/sts): its AWS account and the ExternalId under which it asks for roles. It
is asked once; state keeps the answer, so that a role's trust policy stays as it is whatever Palette would say later.

Module path and class names are part of users' state, as in published_pack.py.
"""

from __future__ import annotations

from typing import Any

import pulumi
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    Resource,
    ResourceProvider,
    UpdateResult,
)

from packinfra.host.engine import install_error_formatter
from packinfra.lifecycle.palette.clients import PaletteClients, judged_place, place, plain

_OF_PALETTE = ("host", "partition")


class PalettePrincipalProvider(ResourceProvider):
    """The CRUD of PalettePrincipal. It captures nothing."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        install_error_formatter()
        self._clients = PaletteClients(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [CheckFailure("", text) for text in judged_place(news)])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        replaces = [key for key in _OF_PALETTE if _olds.get(key) != _news.get(key)]
        changed = any(_olds.get(key) != _news.get(key) for key in ("caFile", "__provider"))
        return DiffResult(changes=changed or bool(replaces), replaces=replaces)

    def create(self, props: dict[str, Any]) -> CreateResult:
        found = self._clients.of(props).principal(str(props["partition"]))
        outs = {**props, "accountId": found.account_id, "externalId": found.external_id}
        return CreateResult(found.account_id, plain(outs))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        kept = {key: _olds.get(key) for key in ("accountId", "externalId")}
        return UpdateResult({**plain(_news), **kept})

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        return ReadResult(id_, plain(props))


class PalettePrincipal(Resource, module="packinfra", name="PalettePrincipal"):
    """Palette's AWS account and ExternalId, for the trust policy of a role (`packinfra.aws.policies.trust`).

    name:      logical name
    host:      Palette's host; None = api.spectrocloud.com
    ca_file:   PEM file with the CA certificates of a self-hosted Palette, relative to the project
    partition: of the AWS account in which the role is: aws, aws-us-gov

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
        props = {**place(host, ca_file), "partition": partition, "accountId": None, "externalId": None}
        super().__init__(PalettePrincipalProvider(), name, props, opts)

    @property
    def account_id(self) -> pulumi.Output[str]:
        return self.accountId

    @property
    def external_id(self) -> pulumi.Output[str]:
        return self.externalId
