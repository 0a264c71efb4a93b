"""The life of a PaletteSync: Palette lists what was published.

    create, update  start a sync of the registry and wait until every version is listed.   palette/sync_waiter.py
    read            drops versions that Palette no longer lists, so that the next up syncs again.
    delete          nothing: packs go with their registry, or with the next sync.

A wait of ten minutes is safe: creations of eleven minutes were seen to end well on the engine 3.259 (the hang of
pulumi/pulumi#13841 is older). It takes one of the provider host's four threads.
"""

from __future__ import annotations

from collections.abc import Mapping

from packinfra.lifecycle.palette.clients import PaletteClients, validate_location
from packinfra.lifecycle.results import CheckOutcome, CreateOutcome, DiffOutcome, Props, ReadOutcome, changed_keys
from packinfra.lifecycle.run import Config, Run
from packinfra.palette.sync_waiter import SyncWaiter, format_versions

_NEEDS_A_SYNC = ("registryUid", "revision", "location", "packs", "content")
_ACCESS = ("kind", "tenant", "host", "caFile")


class PaletteSyncLifecycle:
    def __init__(self, run: Run, config: Config) -> None:
        self._run = run
        self._clients = PaletteClients(config)

    def check(self, _olds: Props, news: Props) -> CheckOutcome:
        problems, timeout = validate_location(news), news.get("timeoutSeconds")
        if isinstance(timeout, (int, float)) and timeout <= 0:
            problems.append(f"timeout_seconds: {timeout:g}: give seconds, more than 0")
        return CheckOutcome(news, problems)

    def diff(self, _id: str, olds: Props, news: Props) -> DiffOutcome:
        return DiffOutcome(bool(changed_keys(olds, news, (*_NEEDS_A_SYNC, *_ACCESS))))

    def create(self, props: Props) -> CreateOutcome:
        self._sync(props)
        return CreateOutcome(str(props["registryUid"]), props)

    def update(self, _id: str, olds: Props, news: Props) -> Props:
        if changed_keys(olds, news, _NEEDS_A_SYNC):
            self._sync(news)
        return news

    def read(self, _id: str, props: Props) -> ReadOutcome | None:
        client = self._clients.get(props)
        if client.read(props["kind"], str(props["registryUid"]), str(props.get("tenant") or "")) is None:
            return None
        missing = self._waiter(props).missing(_wanted(props))
        if missing:
            self._run.reporter(props).info(
                f"Palette does not list {format_versions(missing)}; the next up has the registry synced again"
            )
        packs = {
            pack: {v: digest for v, digest in versions.items() if v not in missing.get(pack, ())}
            for pack, versions in _packs(props).items()
        }
        outputs = {**props, "packs": packs}
        return ReadOutcome(outputs, dict(outputs))

    def delete(self, _id: str, _props: Props) -> None:
        """Nothing was made."""

    def _sync(self, props: Props) -> None:
        self._waiter(props).run(_wanted(props))
        if wanted := _wanted(props):
            self._run.reporter(props).info(f"Palette lists {format_versions(wanted)}")

    def _waiter(self, props: Props) -> SyncWaiter:
        return SyncWaiter(
            self._clients.get(props),
            props["kind"],
            str(props["registryUid"]),
            str(props["location"]),
            timeout_seconds=float(props["timeoutSeconds"]),
            reporter=self._run.reporter(props),
        )


def _packs(props: Props) -> Mapping[str, Mapping[str, str]]:
    return props.get("packs") or {}


def _wanted(props: Props) -> dict[str, list[str]]:
    return {pack: list(versions) for pack, versions in _packs(props).items() if versions}
