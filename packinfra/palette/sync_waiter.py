"""Starts a sync, and waits until Palette lists the packs of the registry.

The lookup decides, after a run that began after the request: a version may be listed from the run before, with the
content of then.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping

from packinfra.palette.client import PaletteClient
from packinfra.palette.credentials import Kind
from packinfra.palette.errors import PaletteError, SyncFailed
from packinfra.palette.reporter import StatusReporter
from packinfra.palette.sync_status import STALE_AFTER, State, SyncRun, SyncStatus

_LONGEST_PAUSE = 10.0
"""Seconds between two polls, as in Palette's Terraform provider; the first polls come sooner."""

_EARLY = 30.0
"""Seconds after the end of a sync until a warning says that none of its packs is listed. How late Palette lists what it
has synced isn't known, so the wait goes on."""

Packs = Mapping[str, Collection[str]]


class SyncWaiter:
    """One registry's sync.

    location: where Palette looks, "<endpoint>/<base path>"
    timeout_seconds: until the sync is over and everything is listed
    """

    def __init__(
        self,
        client: PaletteClient,
        kind: Kind,
        uid: str,
        location: str,
        *,
        timeout_seconds: float,
        reporter: StatusReporter,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._kind, self._uid, self._location = client, kind, uid, location
        self._timeout, self._deadline, self._reporter = timeout_seconds, clock() + timeout_seconds, reporter
        self._sleep, self._clock, self._now = sleep, clock, now
        self._told = False

    def run(self, wanted: Packs) -> None:
        """Raises SyncFailed unless Palette lists every version of `wanted` after a new run."""
        before = self._settled()
        self._client.sync(self._kind, self._uid, force=before.state is State.RUNNING)
        run, status, missing = SyncRun(before), before, wanted
        ended: float | None = None
        for status in self._statuses():
            if not run.is_over(status) and status.supported:
                self._reporter.status(f"waiting for Palette's sync: {status}")
                continue
            if status.state is State.FAILED and status.supported:
                raise SyncFailed(
                    f"Palette's sync of {self._location} failed: {status}\n  -> check that the credentials that Palette has "
                    "for the registry may read it (a role: the reader policy, docs/iam.md), then run pulumi up again"
                )
            if not (missing := self.missing(missing)):  # a listed version isn't looked up again: 10 requests a second
                return
            if not status.supported:
                break  # nothing will change
            if ended is None:
                ended = self._clock()
                self._check_place(missing, wanted)
            self._tell(status, missing, wanted, self._clock() - ended)
        missing = self.missing(missing)
        if missing or status.state is not State.DONE:
            raise self._failure(status, missing, wanted)
        self._reporter.warning(
            f"Palette lists every version, but its status shows no sync since the one of {status.last_synced}: a version "
            "that was published again with other content may still have the old content there; to be sure, start a sync "
            "in Palette's console"
        )

    def _check_place(self, missing: Packs, wanted: Packs) -> None:
        """Raises SyncFailed if nothing is listed because the registration is for another place or type."""
        if _count(missing) < _count(wanted):
            return
        try:
            registered = self._client.read(self._kind, self._uid)
        except PaletteError:  # it explains a failure, and is none itself
            return
        if registered is None:
            return
        place = f"{registered.get('endpoint')}/{registered.get('basePath') or ''}"
        problems = [] if place == self._location else [f"its registration is for {place}, not for {self._location}"]
        if registered.get("providerType") != "pack":
            problems.append(f"its registration has the provider type {registered.get('providerType')}, not pack")
        if problems:
            raise SyncFailed(
                f"Palette lists none of the packs: {'; '.join(problems)}\n  -> run pulumi refresh, then pulumi up: the "
                "registration is corrected"
            )

    def _tell(self, status: SyncStatus, missing: Packs, wanted: Packs, since: float) -> None:
        said = f" (it says: {status.message})" if status.message else ""
        self._reporter.status(f"synced, but Palette does not list {format_versions(missing)} yet{said}")
        if since < _EARLY or self._told:
            return
        self._told = True
        if reasons := _reasons(status.message, missing):
            said = f"Palette says of them: {'; '.join(reasons)}"
        elif _count(missing) == _count(wanted):
            said = f"it looks in {self._location}/spectro-packs/archive and nowhere else, so compare the base path"
        else:
            return
        self._reporter.warning(
            f"Palette's sync ended, but it does not list {format_versions(missing)}; {said}. The wait goes on, for "
            f"{self._timeout:g} s in all"
        )

    def missing(self, wanted: Packs) -> dict[str, list[str]]:
        """The versions that Palette doesn't list, by pack."""
        absent = {}
        for pack, versions in wanted.items():
            listed = self._client.versions(pack, self._uid)
            if gone := [version for version in versions if version not in listed]:
                absent[pack] = gone
        return absent

    def _settled(self) -> SyncStatus:
        """The status after the end of a current run, which may have begun before the packs were published."""
        status = self._client.sync_status(self._kind, self._uid)
        if status.state is not State.RUNNING:
            return status
        for status in self._statuses():
            if status.state is not State.RUNNING or status.age(self._now()) >= STALE_AFTER:
                return status
            self._reporter.status(f"waiting for the sync that has been running since {status.last_run}")
        raise self._failure(status, {}, {})

    def _statuses(self) -> Iterator[SyncStatus]:
        """One after another, until the time is up."""
        pause = 1.0
        while (left := self._deadline - self._clock()) > 0:
            self._sleep(min(pause, left))
            yield self._client.sync_status(self._kind, self._uid)
            pause = min(2 * pause, _LONGEST_PAUSE)

    def _failure(self, status: SyncStatus, missing: Packs, wanted: Packs) -> SyncFailed:
        what = f"list {format_versions(missing)}" if missing else "finish its sync"
        text = f"Palette does not {what} after {self._timeout:g} s: the sync of {self._location} is {status}"
        remedy = "see what Palette's console says about this registry, and run pulumi up again"
        if not status.supported:
            remedy = (
                "Palette never syncs this registry, so it was not registered for packs (provider type): pulumi refresh and "
                "pulumi up correct that"
            )
        elif status.state is State.RUNNING:
            remedy = (
                f"it has been running since {status.last_run}: run pulumi up again, which goes on waiting (syncTimeout sets "
                "for how long); after an hour a new sync replaces it"
            )
        elif reasons := _reasons(status.message, missing):
            remedy = (
                f"Palette says of them: {'; '.join(reasons)}; mend these packs, publish them under new versions, and run "
                "pulumi up again"
            )
        elif missing and _count(missing) == _count(wanted):
            remedy = (
                f"Palette found none of the packs: it looks in {self._location}/spectro-packs/archive and nowhere else, so "
                "compare the base path; then the provider type (pack; pulumi refresh shows it), and whether the "
                "credentials may list and read the repositories; then run pulumi up again"
            )
        return SyncFailed(f"{text}\n  -> {remedy}")


def _reasons(message: str, missing: Packs) -> list[str]:
    """The parts of Palette's message that name one of these versions and its pack: its form isn't published."""
    parts = (part.strip() for part in message.split(";"))
    return [
        part
        for part in parts
        if any(pack in part and version in part for pack, versions in missing.items() for version in versions)
    ]


def _count(packs: Packs) -> int:
    return sum(map(len, packs.values()))


def format_versions(packs: Packs) -> str:
    """hello 1.0.0, 1.1.0; other 2.0.0"""
    return "; ".join(f"{pack} {', '.join(sorted(versions))}" for pack, versions in sorted(packs.items()))
