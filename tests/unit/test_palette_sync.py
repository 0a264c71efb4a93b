"""Sync: what a status means, and the wait on a scripted server. Time passes only in sleeps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from packinfra.http.rate_limit import RateLimiter
from packinfra.palette import PaletteClient, PaletteTransport, SyncFailed
from packinfra.palette.responses import SyncStatusResponse, parse
from packinfra.palette.sync_status import State, SyncRun, SyncStatus
from packinfra.palette.sync_waiter import SyncWaiter
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette, error

NEVER, T1, T2, T3 = "0001-01-01T00:00:00.000Z", "2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z", "2026-01-01T12:00:00Z"
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        *((word, State.DONE) for word in ("Success", "Completed", "success", "completed")),
        *((word, State.FAILED) for word in ("Failed", "Error", "failed", "error")),
        *((word, State.RUNNING) for word in ("InProgress", "Running", "Syncing", "inprogress", "running", "syncing")),
        *((word, State.UNCLEAR) for word in ("Pending", "Unknown", "", "Queued", None)),
    ],
)
def test_words(word: str | None, state: State) -> None:
    assert SyncStatus.of(parse(SyncStatusResponse, {"status": word})).state is state


@pytest.mark.parametrize(
    ("last_run", "age"),
    [(T2, 3600.0), (T3, 0.0), ("2026-01-01T13:00:00Z", 0.0), (NEVER, 0.0), ("", 0.0), ("yesterday", 0.0),
     ("2026-01-01T11:59:00.123456Z", pytest.approx(59.9, abs=0.1)), ("2026-01-01T11:00:00", 3600.0), ("2026-01-01T06:30:00-05:00", 1800.0), ("2026-01-01T12:00:00+02:00", 7200.0),
     ("9999-12-31T23:59:59-23:59", 0.0), ("0001-01-01T00:00:00+23:59", 0.0)],
)  # fmt: skip
def test_age(last_run: str, age: float) -> None:
    assert status("InProgress", last_run).age(NOON) == age


def status(word: str, run: str = T1, synced: str = T1) -> SyncStatus:
    return SyncStatus(word, "", run, synced)


RUNS: list[tuple[str, SyncStatus, list[tuple[SyncStatus, bool]]]] = [
    ("old, then new", status("Success"), [(status("Success"), False), (status("Success", T2, T2), True)]),
    ("seen running, same times", status("Success"), [(status("InProgress"), False), (status("Success"), True)]),
    ("failed before, failed again", status("Failed"), [(status("Failed"), False), (status("Failed", T2), True)]),
    ("the first of all", status("Pending", NEVER, NEVER), [(status("Pending", NEVER, NEVER), False),
                                                          (status("Success", T1, T1), True)]),
    ("an unknown word", status("Success"), [(status("Queued", T2), False), (status("Success", T2, T2), True)]),
    ("given up", status("Running", T1), [(status("Running", T1), False), (status("Running", T2), False),
                                         (status("Success", T2, T3), True)]),
    ("to be given up, ends by itself", status("Running", T1), [(status("Success", T1, T2), False)]),
    ("a later one runs", status("Success"), [(status("Success", T2, T2), True), (status("Running", T3, T2), False),
                                             (status("Success", T3, T3), True)]),
]  # fmt: skip


@pytest.mark.parametrize(("before", "then"), [case[1:] for case in RUNS], ids=[case[0] for case in RUNS])
def test_whose_status_it_is(before: SyncStatus, then: list[tuple[SyncStatus, bool]]) -> None:
    run = SyncRun(before)
    assert [run.is_over(now) for now, _ in then] == [over for _, over in then]


class Bench:
    """A registry `u1` on a scripted server, wanted: hello 1.0.0 and 1.1.0, other 2.0.0."""

    def __init__(self, palette: ScriptedPalette) -> None:
        self.palette, self.time, self.messages, self.warnings = palette, 0.0, list[str](), list[str]()
        self.client = PaletteClient(
            PaletteTransport(palette.host, KEY, ca_file=palette.ca_file, limiter=RateLimiter(1000.0))
        )
        palette.on("POST", "/sync", Reply(202))
        self.registered = {"endpoint": "h.example", "baseContentPath": "base", "providerType": "pack"}
        registered = {"metadata": {"name": "packs"}, "spec": self.registered}
        palette.on("GET", "/u1/ecr", Reply(body=registered))

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def status(self, message: str) -> None:
        self.messages.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)

    def statuses(self, *then: tuple[str, str, str] | tuple[str, str, str, str] | Reply, **more: Any) -> None:
        replies = [t if isinstance(t, Reply) else status_reply(*t, **more) for t in then]
        self.palette.on("GET", "/sync/status", *replies)

    def lists(self, pack: str, *versions: list[str]) -> None:
        replies = [Reply(body={"tags": [{"version": v, "tag": v} for v in listed]}) for listed in versions]
        self.palette.on("GET", f"/{pack}/registries/u1", *replies)

    def lists_all(self) -> None:
        self.lists("hello", ["1.0.0", "1.1.0", "0.9.0"])
        self.lists("other", ["2.0.0"])

    def run(self, timeout: float = 600.0, now: float = NOON) -> None:
        waiter = SyncWaiter(
            self.client, "ecr", "u1", "h.example/base", timeout_seconds=timeout, reporter=self, sleep=self.sleep,
            clock=lambda: self.time, now=lambda: now + self.time,
        )  # fmt: skip
        waiter.run({"hello": ["1.0.0", "1.1.0"], "other": ["2.0.0"]})

    @property
    def triggers(self) -> list[str]:
        return [seen.query["forceSync"] for seen in self.palette.seen if seen.method == "POST"]

    @property
    def order(self) -> str:
        """t: trigger, s: status, l: lookup"""
        kinds = ((".", "POST"), ("s", "/status"), ("l", "/packs/"))
        return "".join(next(k for k, part in kinds if part in str(seen)) for seen in self.palette.seen)


def status_reply(word: str, run: str, synced: str, message: str = "", supported: bool = True) -> Reply:
    fields = {"status": word, "lastRunTime": run, "lastSyncedTime": synced, "message": message}
    return Reply(body={**fields, "isSyncSupported": supported})


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ScriptedPalette(tmp_path) as palette:
        yield Bench(palette)


def test_a_stale_status_is_waited_out(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1), ("Success", T1, T1), ("InProgress", T2, T1), ("Success", T2, T2))
    bench.lists_all()
    bench.run()
    assert bench.order == "s.sssll", "before the trigger, then until the new run is over, then every pack"
    assert bench.triggers == ["false"]
    assert bench.time == 1 + 2 + 4
    assert bench.messages == ["waiting for Palette's sync: Success", "waiting for Palette's sync: InProgress"]


def test_listed_late(bench: Bench) -> None:
    """A pack that Palette skipped is named while packinfra waits, and not only when the time is up."""
    bench.statuses(("Success", T1, T1), ("Success", T2, T2, "skipped other:2.0.0"), ("Success", T2, T2))
    bench.lists("hello", [], ["1.0.0"], ["1.0.0", "1.1.0"])
    bench.lists("other", [], ["2.0.0"])
    bench.run()
    assert bench.messages == [
        "synced, but Palette does not list hello 1.0.0, 1.1.0; other 2.0.0 yet (it says: skipped other:2.0.0)",
        "synced, but Palette does not list hello 1.1.0 yet",
    ]


def test_a_run_in_progress_is_awaited(bench: Bench) -> None:
    """It may have begun before the packs were published."""
    bench.statuses(("Running", T2, T1), ("Running", T2, T1), ("Success", T2, T2), ("Success", T3, T3))
    bench.lists_all()
    bench.run(now=NOON - 600)
    assert bench.order == "sss.sll"
    assert bench.triggers == ["false"]
    assert bench.messages == [f"waiting for the sync that has been running since {T2}"]


def test_a_run_of_an_hour_is_given_up(bench: Bench) -> None:
    bench.statuses(("Running", T1, T1), ("Running", T1, T1), ("Running", T3, T1), ("Success", T3, T3))
    bench.lists_all()
    bench.run()
    assert bench.triggers == ["true"]


def test_a_run_is_given_up_once_it_is_an_hour_old(bench: Bench) -> None:
    bench.statuses(*[("Running", T2, T1)] * 9, ("Success", T3, T3))
    bench.lists_all()
    bench.run(now=NOON - 20)
    assert bench.triggers == ["true"]
    assert bench.time > 20


def test_a_sync_that_fails(bench: Bench) -> None:
    bench.statuses(("Failed", T1, T1), ("Failed", T1, T1), ("Failed", T2, T1), message="AccessDenied: sts:AssumeRole")
    with pytest.raises(SyncFailed) as caught:
        bench.run()
    assert str(caught.value).startswith(
        "Palette's sync of h.example/base failed: Failed: AccessDenied: sts:AssumeRole\n  -> "
    )
    assert bench.order == "s.ss", "the old failure is not taken for the new one"


def test_a_sync_that_hangs(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1), ("InProgress", T2, T1))
    bench.lists("hello", ["1.0.0"])
    bench.lists("other", [])
    with pytest.raises(SyncFailed) as caught:
        bench.run(timeout=60)
    message = "Palette does not list hello 1.1.0; other 2.0.0 after 60 s: the sync of h.example/base is InProgress\n"
    assert str(caught.value).startswith(f"{message}  -> it has been running since {T2}: run pulumi up again")
    assert bench.time == 60


def test_an_earlier_sync_that_hangs(bench: Bench) -> None:
    bench.statuses(("InProgress", T2, T1))
    with pytest.raises(SyncFailed, match="does not finish its sync after 60 s"):
        bench.run(timeout=60, now=NOON - 900)
    assert bench.triggers == []


def test_nothing_is_listed(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1), ("Success", T2, T2), message="3 repositories")
    bench.lists("hello", [])
    bench.palette.on("GET", "/other/registries/u1", error(404, "ResourceNotFound"))
    with pytest.raises(SyncFailed) as caught:
        bench.run(timeout=60)
    for expected in ("hello 1.0.0, 1.1.0; other 2.0.0", "is Success: 3 repositories", "compare the base path",
                     "h.example/base/spectro-packs/archive", "provider type", "credentials"):  # fmt: skip
        assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseContentPath": "elsewhere"}, "its registration is for h.example/elsewhere, not for h.example/base"),
        ({"endpoint": "other.example"}, "its registration is for other.example/base"),
        ({"providerType": "helm"}, "its registration has the provider type helm, not pack"),
    ],
)
def test_a_registration_that_somebody_changed(bench: Bench, changes: dict[str, str], message: str) -> None:
    bench.registered |= changes
    bench.statuses(("Success", T1, T1), ("Success", T2, T2))
    bench.lists("hello", [])
    bench.lists("other", [])
    with pytest.raises(SyncFailed, match=rf"{message}.*\n  -> run pulumi refresh, then pulumi up"):
        bench.run()
    assert bench.time == 1, "not after the whole timeout"


def test_the_base_path_is_told_early(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1), ("Success", T2, T2))
    bench.lists("hello", *[[]] * 6, ["1.0.0", "1.1.0"])
    bench.lists("other", *[[]] * 6, ["2.0.0"])
    bench.run()
    assert len(bench.warnings) == 1
    assert (
        "it looks in h.example/base/spectro-packs/archive and nowhere else, so compare the base path"
        in bench.warnings[0]
    )
    assert bench.time < 60


def test_palettes_reason_for_a_pack(bench: Bench) -> None:
    """The message is what the stand-in sends of a layer that is no pack."""
    said = "base/spectro-packs/archive/other:2.0.0: its layer is no .tar.gz"
    bench.statuses(
        ("Success", T1, T1), ("Success", T2, T2), message=f"{said}; base/spectro-packs/archive/x:1.0.0: no pack"
    )
    bench.lists("hello", ["1.0.0", "1.1.0"])
    bench.lists("other", [])
    with pytest.raises(SyncFailed, match=rf"\n  -> Palette says of them: {said}; mend these packs"):
        bench.run(timeout=60)
    assert bench.messages[0].startswith(f"synced, but Palette does not list other 2.0.0 yet (it says: {said};")
    assert len(bench.warnings) == 1
    assert f"Palette says of them: {said}." in bench.warnings[0]


def test_one_is_not_listed(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1), ("Success", T2, T2))
    bench.lists("hello", ["1.0.0"])
    bench.lists("other", ["2.0.0"])
    with pytest.raises(SyncFailed, match=r"does not list hello 1\.1\.0 after(?s:.*)see what Palette's console") as e:
        bench.run(timeout=60)
    assert "base path" not in str(e.value)


def test_a_registry_that_is_never_synced(bench: Bench) -> None:
    """Registered without provider type: Palette has nothing to sync, and says so only there."""
    bench.statuses(("", NEVER, NEVER), supported=False)
    bench.lists("hello", [])
    bench.lists("other", [])
    with pytest.raises(SyncFailed, match=r"not registered for packs \(provider type\)"):
        bench.run()
    assert bench.time == 1, "waiting would change nothing"


def test_a_status_that_never_tells_of_a_new_run(bench: Bench) -> None:
    bench.statuses(("Success", T1, T1))
    bench.lists_all()
    bench.run(timeout=60)
    assert bench.time == 60
    assert "shows no sync since the one of 2026-01-01T10:00:00Z" in bench.warnings[0]
