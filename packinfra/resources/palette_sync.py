"""PaletteSync: Palette offers what was published, as a Pulumi resource.

    create, update  have the registry synced and wait until every version is listed.   palette/syncing.py
    read            drops what Palette no longer lists, so that the next up syncs again.
    delete          nothing: packs go with their registry, or with the next sync.

A wait of ten minutes is safe: creations of eleven minutes were seen to end well on the engine 3.259 (the hang of
pulumi/pulumi#13841 is older). It holds one of the provider host's four threads.

Module path and class names are part of users' state, as in published_pack.py.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from packinfra.lifecycle.palette.clients import PaletteClients, judged_place, log_of, plain
from packinfra.palette.sync_waiter import SyncWaiter, format_versions
from packinfra.resources.palette_registry import PaletteRegistry

_NEEDS_A_SYNC = ("registryUid", "revision", "location", "packs")
_CONNECTION = ("kind", "tenant", "host", "caFile", "__provider")


class PaletteSyncProvider(ResourceProvider):
    """The CRUD of PaletteSync. It captures nothing."""

    serialize_as_secret_always = False

    def configure(self, req: ConfigureRequest) -> None:
        install_error_formatter()
        self._clients = PaletteClients(req.config.get)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        problems, timeout = judged_place(news), news.get("timeoutSeconds")
        if isinstance(timeout, (int, float)) and timeout <= 0:
            problems.append(f"timeout_seconds: {timeout:g}: give seconds, more than 0")
        return CheckResult(news, [CheckFailure("", text) for text in problems])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=any(_olds.get(key) != _news.get(key) for key in (*_NEEDS_A_SYNC, *_CONNECTION)))

    def create(self, props: dict[str, Any]) -> CreateResult:
        self._sync(props)
        return CreateResult(str(props["registryUid"]), plain(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        if any(_olds.get(key) != _news.get(key) for key in _NEEDS_A_SYNC):
            self._sync(_news)
        return UpdateResult(plain(_news))

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        client = self._clients.of(props)
        if client.read(props["kind"], str(props["registryUid"]), str(props.get("tenant") or "")) is None:
            return ReadResult("", {})
        missing = self._syncing(props).missing(_wanted(props))
        if missing:
            log_of(props).info(
                f"Palette does not list {format_versions(missing)}; the next up has the registry synced again"
            )
        packs = {
            pack: {v: digest for v, digest in versions.items() if v not in missing.get(pack, ())}
            for pack, versions in _packs(props).items()
        }
        outs = {**plain(props), "packs": packs}
        return ReadResult(id_, outs, dict(outs))

    def _sync(self, props: Mapping[str, Any]) -> None:
        self._syncing(props).run(_wanted(props))
        if wanted := _wanted(props):
            log_of(props).info(f"Palette offers {format_versions(wanted)}")

    def _syncing(self, props: Mapping[str, Any]) -> SyncWaiter:
        return SyncWaiter(
            self._clients.of(props),
            props["kind"],
            str(props["registryUid"]),
            str(props["location"]),
            timeout_seconds=float(props["timeoutSeconds"]),
            reporter=log_of(props),
        )


class PaletteSync(Resource, module="packinfra", name="PaletteSync"):
    """Has `registry` synced whenever it or the packs change; done when Palette lists every version.

    Depend on every PublishedPack (`opts.depends_on`): packs must be published before.

    name:     logical name
    registry: what to sync
    packs:    pack name -> version -> manifest digest, as EcrPackRegistry and BasicPackRegistry export it; a digest that
              changes is a reason for another sync
    timeout_seconds: seconds until the sync is over and every version is listed

    Outputs: `packs`, what Palette listed.
    """

    packs: pulumi.Output[dict[str, dict[str, str]]]

    def __init__(
        self,
        name: str,
        *,
        registry: PaletteRegistry,
        packs: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, str]]]],
        timeout_seconds: float = 600.0,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        urn = pulumi.create_urn(name, f"pulumi-python:{self._resource_type_name}", opts.parent if opts else None)
        props = {
            "registryUid": registry.uid,
            "revision": registry.revision,
            "kind": registry.kind,
            "tenant": registry.tenant,
            "location": pulumi.Output.concat(registry.endpoint, "/", registry.basePath),
            **registry.palette,
            "packs": packs,
            "timeoutSeconds": timeout_seconds,
            "ownUrn": pulumi.Output(set(), urn.future(), urn.is_known()),  # as in published_pack.py
        }
        super().__init__(PaletteSyncProvider(), name, props, opts)


def _packs(props: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    return props.get("packs") or {}


def _wanted(props: Mapping[str, Any]) -> dict[str, list[str]]:
    return {pack: list(versions) for pack, versions in _packs(props).items() if versions}
