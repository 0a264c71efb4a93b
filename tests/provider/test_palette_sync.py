"""PaletteSync's provider, in the SDK's real host process: Palette's stand-in really reads the sandbox's ECR."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.providers import PaletteSyncProvider
from tests.support.ecr import HOST, Ecr
from tests.support.palette import Palette, role_spec
from tests.support.palette_resources import URN, Reader, Shelf
from tests.support.provider_host import UNKNOWN, ProviderError, ProviderHost
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

OCI = "/v1/registries/oci"


class Bench:
    """A registry in Palette for the base path of a shelf, and the inputs that have it synced."""

    def __init__(self, host: ProviderHost, sandbox: Sandbox, ecr: Ecr, base: str) -> None:
        self.host, self.sandbox, self.base = host, sandbox, base
        self.palette, self.reader, self.shelf = Palette(sandbox), Reader(sandbox, base), Shelf(ecr, base)
        self.role = self.reader.role()
        self.uid = self.palette.create("ecr", base, self.spec())

    def spec(self, **changes: Any) -> dict[str, Any]:
        return role_spec(self.base, self.role, self.reader.principal["externalId"], **changes)

    def change(self, **changes: Any) -> None:
        """Somebody changes the registration in the console."""
        body = {"metadata": {"name": self.base}, "spec": self.spec(**changes)}
        assert self.palette.send("PUT", f"{OCI}/{self.uid}/ecr", body).status_code == 204

    def inputs(self, packs: dict[str, dict[str, str]], **more: Any) -> dict[str, Any]:
        plain = {
            "registryUid": self.uid, "revision": 1, "kind": "ecr", "tenant": "", "location": f"{HOST}/{self.base}", "packs": packs,
            "host": "api.spectrocloud.com", "timeoutSeconds": 30.0, "ownUrn": URN,
        }  # fmt: skip
        return {**plain, **more}

    def hello(self, *versions: str, **more: Any) -> dict[str, Any]:
        """The inputs after these versions of the pack `hello` were pushed."""
        return self.inputs({"hello": {version: self.shelf.push(version) for version in versions}}, **more)

    def syncs(self) -> int:
        return len(self.sandbox.requests(f"palette: POST {OCI}/{self.uid}/ecr/sync*"))

    def failure(self, inputs: dict[str, Any]) -> str:
        with pytest.raises(ProviderError) as caught:
            self.host.create(inputs)
        assert "Traceback" not in str(caught.value)
        assert "\n  -> " in str(caught.value)
        return str(caught.value)


@pytest.fixture
def bench(sandbox: Sandbox, ecr: Ecr, tmp_path: Path, base_path: str) -> Iterator[Bench]:
    with ProviderHost(sandbox.environment(), tmp_path, provider=PaletteSyncProvider()) as host:
        made = Bench(host, sandbox, ecr, base_path)
        yield made
        assert made.palette.send("DELETE", f"/v1/registries/{made.uid}").status_code in (204, 404)


def test_what_was_published_is_offered(bench: Bench) -> None:
    inputs, failures = bench.host.check({}, bench.hello("1.0.0", "1.1.0"))
    assert failures == []
    _, outs = bench.host.create(inputs)
    assert outs == inputs
    assert bench.palette.versions(bench.uid) == ["1.0.0", "1.1.0"]
    assert bench.host.logs == ["Palette lists hello 1.0.0, 1.1.0"]
    assert bench.host.diff("id", outs, inputs) == (False, [])

    bench.shelf.push("2.0.0", "other")
    news = bench.inputs({**inputs["packs"], "other": {"2.0.0": "sha256:x"}})
    assert bench.host.diff("id", outs, news) == (True, [])
    assert bench.host.update("id", outs, news) == news
    assert bench.palette.versions(bench.uid, "other") == ["2.0.0"]
    bench.host.delete("id", news)
    assert bench.palette.versions(bench.uid, "other") == ["2.0.0"]


def test_what_needs_a_sync(bench: Bench) -> None:
    outs = bench.inputs({"hello": {"1.0.0": "sha256:a"}})
    changes: list[dict[str, Any]]
    changes = [{"packs": {"hello": {"1.0.0": "sha256:b"}}}, {"packs": {}}, {"revision": 2}, {"revision": UNKNOWN},
                   {"registryUid": UNKNOWN}, {"location": "h/b"}, {"caFile": "ca.pem"}]  # fmt: skip
    for change in changes:
        assert bench.host.diff("id", outs, {**outs, **change}) == (True, [])
    for change in ({"timeoutSeconds": 60}, {"ownUrn": "urn:other"}):
        assert bench.host.diff("id", outs, {**outs, **change}) == (False, [])
    bench.host.update("id", outs, {**outs, "caFile": bench.sandbox.ca})
    assert bench.syncs() == 0
    _, failures = bench.host.check({}, {**outs, "timeoutSeconds": 0})
    assert failures == ["timeout_seconds: 0: give seconds, more than 0"]


def test_the_status_of_the_run_before_is_not_believed(bench: Bench) -> None:
    """The trap: Success at once, for two seconds, and of the run before."""
    first = bench.hello("1.0.0")
    _, outs = bench.host.create(first)
    with bench.sandbox.palette.overrides(stale_seconds=2.0):
        bench.host.update("id", outs, bench.hello("1.0.0", "1.1.0"))
    assert "waiting for Palette's sync: Success" in bench.host.statuses
    assert bench.palette.versions(bench.uid) == ["1.0.0", "1.1.0"]


def test_other_content_under_the_same_version(bench: Bench) -> None:
    """It is listed already, with the old content: only the end of a new run says that the new one was read."""
    _, outs = bench.host.create(bench.hello("1.0.0"))
    before = bench.palette.status("ecr", bench.uid)["lastRunTime"]
    with bench.sandbox.palette.overrides(stale_seconds=2.0):
        bench.host.update("id", outs, bench.inputs({"hello": {"1.0.0": "sha256:other"}}))
    status = bench.palette.status("ecr", bench.uid)
    assert status["status"] == "Success"
    assert status["lastRunTime"] > before


def test_a_run_in_progress_is_awaited_and_followed_by_another(bench: Bench) -> None:
    """It has looked at the registry before the push."""
    inputs = bench.hello("1.0.0")
    with bench.sandbox.palette.overrides(stale_seconds=0.0, hangs=True):
        assert bench.palette.send("POST", f"{OCI}/{bench.uid}/ecr/sync").status_code == 202
        while bench.palette.status("ecr", bench.uid)["status"] != "InProgress":
            pass
        running = bench.palette.status("ecr", bench.uid)["lastRunTime"]
        waiting = f"waiting for the sync that has been running since {running}"
        create = threading.Thread(target=bench.host.create, args=(inputs,))
        create.start()
        deadline = time.monotonic() + 60
        while not any(line.startswith(waiting) for line in bench.host.statuses):
            assert time.monotonic() < deadline
            time.sleep(0.02)
    create.join()
    assert bench.palette.status("ecr", bench.uid)["lastRunTime"] > running
    assert bench.syncs() == 2


def test_listed_late(bench: Bench) -> None:
    with bench.sandbox.palette.overrides(visible_seconds=2.0):
        bench.host.create(bench.hello("1.0.0"))
    assert "synced, but Palette does not list hello 1.0.0 yet" in bench.host.statuses


@pytest.mark.parametrize("empty", [False, True])
def test_a_pack_that_is_not_there(bench: Bench, empty: bool) -> None:
    inputs = bench.hello("1.0.0")
    inputs["packs"]["ghost"] = {"3.0.0": "sha256:x"}
    with bench.sandbox.palette.overrides(empty_lookup=empty):
        failure = bench.failure({**inputs, "timeoutSeconds": 3.0})
    assert "Palette does not list ghost 3.0.0 after 3 s" in failure
    assert "see what Palette's console says" in failure


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"baseContentPath": "elsewhere"}, "its registration is for HOST/elsewhere, not for HOST/BASE\n"),
        ({"baseContentPath": "BASE/spectro-packs"}, "not for HOST/BASE\n"),
        ({"providerType": "helm"}, "its registration has the provider type helm, not pack\n"),
        ({"providerType": "helm", "isSyncSupported": False}, "Palette never syncs this registry"),
    ],
)
def test_nothing_is_listed(bench: Bench, changes: dict[str, Any], message: str) -> None:
    """The traps: a wrong base path and a wrong provider type end in Success, without packs."""
    bench.change(**{key: str(v).replace("BASE", bench.base) if key[0] == "b" else v for key, v in changes.items()})
    failure = bench.failure(bench.hello("1.0.0", timeoutSeconds=60.0))
    assert message.replace("HOST", HOST).replace("BASE", bench.base) in failure
    bench.change()
    bench.host.create(bench.hello("1.0.0"))  # put right, the next up goes through


def test_a_sync_that_fails(bench: Bench) -> None:
    with bench.sandbox.palette.overrides(fails="registry content is broken"):
        failure = bench.failure(bench.hello("1.0.0"))
    assert failure.startswith(
        f"Palette's sync of {HOST}/{bench.base} failed: Failed: registry content is broken\n  -> check that the credentials"
    )
    bench.host.create(bench.hello("1.0.0"))  # the failure of before is not taken for that of the new run


def test_a_reader_that_may_not_read(bench: Bench) -> None:
    name = bench.role.rpartition("/")[2]
    bench.reader.iam.delete_role_policy(RoleName=name, PolicyName="reader")
    failure = bench.failure(bench.hello("1.0.0"))
    assert "AccessDenied" in failure
    assert "a role: the reader policy, docs/iam.md" in failure
    bench.reader.iam.put_role_policy(RoleName=name, PolicyName="reader", PolicyDocument=bench.reader.policy)
    bench.host.create(bench.hello("1.0.0"))


def test_a_sync_that_hangs(bench: Bench) -> None:
    """The run that hung is waited for by the next up."""
    inputs = bench.hello("1.0.0", timeoutSeconds=3.0)
    with bench.sandbox.palette.overrides(hangs=True):
        failure = bench.failure(inputs)
        assert "Palette does not list hello 1.0.0 after 3 s" in failure
        assert "InProgress\n  -> it has been running since" in failure
        assert "does not finish its sync after 3 s" in bench.failure(inputs)
        assert bench.syncs() == 1, "no second one while one runs"
        again = threading.Thread(target=bench.host.create, args=({**inputs, "timeoutSeconds": 30.0},))
        again.start()
    again.join()
    assert bench.host.logs[-1] == "Palette lists hello 1.0.0"
    assert bench.palette.versions(bench.uid) == ["1.0.0"]


def test_killed_while_it_waits(bench: Bench, sandbox: Sandbox, tmp_path: Path) -> None:
    inputs = bench.hello("1.0.0")
    with (
        sandbox.palette.overrides(hangs=True),
        sandbox.faults.add(f"palette: GET {OCI}/{bench.uid}/ecr/sync/status", nth=3, action="hold") as fault,
    ):
        with ProviderHost(sandbox.environment(), tmp_path, provider=PaletteSyncProvider()) as killed:
            thread = threading.Thread(target=_ignoring, args=(killed, inputs))
            thread.start()
            fault.wait()
        thread.join()
    bench.host.create(inputs)
    assert bench.palette.versions(bench.uid) == ["1.0.0"]


def _ignoring(host: ProviderHost, inputs: dict[str, Any]) -> None:
    try:
        host.create(inputs)
    except ProviderError:
        pass  # it was killed under it


def test_refresh_drops_what_palette_no_longer_lists(bench: Bench, ecr: Ecr) -> None:
    _, outs = bench.host.create(bench.hello("1.0.0", "1.1.0"))
    assert bench.host.read("id", outs)[:2] == ("id", outs)
    ecr.delete_tag(f"{bench.base}/spectro-packs/archive/hello", "1.0.0")
    bench.palette.sync("ecr", bench.uid)
    _, read, inputs = bench.host.read("id", outs)
    assert read["packs"]["hello"].keys() == inputs["packs"]["hello"].keys() == {"1.1.0"}
    assert "Palette does not list hello 1.0.0; the next up has the registry synced again" in bench.host.logs[-1]
    news = bench.hello("1.0.0", "1.1.0")
    assert bench.host.diff("id", read, news) == (True, [])
    bench.host.update("id", read, news)
    assert bench.palette.versions(bench.uid) == ["1.0.0", "1.1.0"]

    bench.palette.send("DELETE", f"/v1/registries/{bench.uid}")
    assert bench.host.read("id", outs)[0] == ""


@pytest.mark.parametrize("response", ["unauthorized", "forbidden", "error"])
def test_a_refused_lookup_is_not_gone(bench: Bench, response: str) -> None:
    inputs = bench.hello("1.0.0")
    with (
        bench.sandbox.faults.add("palette: GET /v1/packs/*", times=0, action="respond", response=response),
        pytest.raises(ProviderError, match=r"could not look the pack up in Palette .*registries"),
    ):
        bench.host.read("id", inputs)


def test_throttled(bench: Bench) -> None:
    """With the pace of the real Palette, and every response to a lookup 429 at first."""
    with (
        bench.sandbox.palette.overrides(rate=10.0, burst=5.0),
        bench.sandbox.faults.add("palette: GET /v1/packs/*", times=1, action="respond", response="throttled"),
    ):
        bench.host.create(bench.hello("1.0.0"))
    assert bench.palette.versions(bench.uid) == ["1.0.0"]
