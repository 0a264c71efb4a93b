"""Palette's state: registries with their packs and the status of their sync."""

import asyncio
import secrets
import time
import traceback
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sandbox.palette import index
from sandbox.palette.errors import AccessError
from sandbox.palette.index import Pack
from sandbox.palette.overrides import Overrides
from sandbox.palette.source import RegistryProbe
from sandbox.palette.spec import Json

NEVER = "0001-01-01T00:00:00.000Z"  # Go's zero time


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@dataclass
class Registry:
    tenant: str
    kind: str
    name: str
    notes: Json  # labels and annotations
    spec: Json  # with the secrets
    uid: str = field(default_factory=lambda: secrets.token_hex(12))
    created: str = field(default_factory=now)
    changed: str = field(default_factory=now)
    packs: list[Pack] = field(default_factory=list)
    _run: "asyncio.Task[None] | None" = None
    _status: Json = field(
        default_factory=lambda: {"status": "Pending", "message": "", "lastRunTime": NEVER, "lastSyncedTime": NEVER}
    )

    def touch(self) -> None:
        self.changed = now()

    @property
    def metadata(self) -> Json:
        times = {"creationTimestamp": self.created, "lastModifiedTimestamp": self.changed}
        return {"name": self.name, "uid": self.uid, **times, **self.notes}

    @property
    def is_private(self) -> bool:
        return bool(self.spec["isPrivate"] if self.kind == "ecr" else self.spec["auth"]["type"] != "noAuth")

    @property
    def pack_type(self) -> str:
        return "spectro" if self.kind == "spectro" else "oci"

    @property
    def scope(self) -> str:
        return "system" if self.kind == "spectro" else "tenant"

    @property
    def is_synced(self) -> bool:
        return bool(self.spec["isSyncSupported"])

    @property
    def status(self) -> Json:
        return {"isSyncSupported": self.is_synced, **self._status}

    def start(self, probe: RegistryProbe, overrides: Overrides, *, force: bool) -> None:
        """Begins a run in the background. A run in progress goes on, unless ``force`` ends it (PAL-41)."""
        if self._run and not self._run.done():
            if not force:
                return
            self.stop()
        self._run = asyncio.create_task(self._sync(probe, overrides))

    def stop(self) -> None:
        if self._run:
            self._run.cancel()

    async def _sync(self, probe: RegistryProbe, overrides: Overrides) -> None:
        await asyncio.sleep(overrides.stale_seconds)  # PAL-37
        begin = time.monotonic()
        self._status = {**self._status, "status": "InProgress", "message": "", "lastRunTime": now()}
        end = {"status": "Failed", "message": "the sandbox failed; see its sandbox.log"}
        try:
            packs, skipped = await asyncio.to_thread(index.read, probe, self.kind, self.spec, self.packs)
            await asyncio.sleep(begin + overrides.sync_seconds - time.monotonic())
            while overrides.hangs:  # noqa: ASYNC110  (a test may change it at any time)
                await asyncio.sleep(0.02)
            if overrides.fails:
                raise AccessError(overrides.fails)  # noqa: TRY301
            asyncio.get_running_loop().call_later(overrides.visible_seconds, self._publish, packs)
            end = {"status": "Success", "message": "; ".join(skipped), "lastSyncedTime": now()}
        except AccessError as error:
            end["message"] = str(error)
        except Exception:  # a bug of the sandbox: its log has the traceback
            traceback.print_exc()
        self._status = {**self._status, **end}

    def _publish(self, packs: list[Pack]) -> None:
        self.packs = packs
