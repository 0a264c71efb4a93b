"""The life of a PalettePrincipal: whom a role must trust so that Palette can read with it.

Palette is asked once (GET /v1/clouds/aws/account/sts) for its AWS account and the ExternalId under which it assumes
roles. State keeps both, so that a role's trust policy stays as it is even if Palette changes its response.
"""

from __future__ import annotations

from packinfra.lifecycle.palette.clients import PaletteClients, validate_location
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run


class PalettePrincipalLifecycle:
    def __init__(self, _run: Run, config: Config) -> None:
        self._clients = PaletteClients(config)

    def check(self, _olds: Props, news: Props) -> CheckOutcome:
        return CheckOutcome(news, validate_location(news))

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        replaces = changed_keys(olds, news, ("host", "partition"))
        return DiffOutcome(bool(replaces or changed_keys(olds, news, ("caFile",))), replaces)

    def create(self, props: Props) -> CreateOutcome:
        principal = self._clients.get(props).principal(str(props["partition"]))
        ids = {"accountId": principal.account_id, "externalId": principal.external_id}
        return CreateOutcome(principal.account_id, {**props, **ids})

    def update(self, _id: str, olds: Props, news: Props) -> Props:
        return {**news, **{key: olds.get(key) for key in ("accountId", "externalId")}}

    def read(self, _id: str, props: Props) -> ReadOutcome:
        return ReadOutcome(props)

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing was made."""
