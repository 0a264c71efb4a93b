"""The Palette stand-in syncs registries (sandbox/palette/behaviour.md): the status, and the permissions."""

import time

import pytest

from tests.support.aws import READER, MakeRole, MakeSpec, MakeUser, Register, Shelf
from tests.support.palette import OCI, Palette, key_spec, pack_layer
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

NEVER = "0001-01-01T00:00:00.000Z"


# ---- status -----------------------------------------------------------------------------------------------------


def test_a_run(sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:
    """PAL-36, PAL-38, PAL-39, PAL-40: from 202 to the pack; then another run, whose status comes late (PAL-37)."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    never = {"isSyncSupported": True, "status": "Pending", "message": "", "lastRunTime": NEVER, "lastSyncedTime": NEVER}
    assert palette.status("ecr", uid) == never
    assert palette.get(f"{OCI}/{uid}/ecr")["status"]["syncStatus"] == never
    with sandbox.palette.overrides(stale_seconds=0.5, sync_seconds=0.5):
        palette.trigger("ecr", uid)
        assert palette.status("ecr", uid) == never
        running = palette.until("ecr", uid, "InProgress")
        assert running["lastRunTime"] > NEVER
        assert running["lastSyncedTime"] == NEVER
        first = palette.until("ecr", uid, "Success")
        assert first["lastRunTime"] == running["lastRunTime"]
        assert first["lastSyncedTime"] > first["lastRunTime"]
        assert first["message"] == ""
        assert palette.versions(uid) == ["1.0.0"]

        shelf.push("hello", "1.1.0", pack_layer(version="1.1.0"))
        palette.trigger("ecr", uid)
        for _ in range(3):  # Success, but of the run before
            assert palette.status("ecr", uid) == first
            assert palette.versions(uid) == ["1.0.0"]
        second = palette.wait("ecr", uid, first["lastRunTime"])
        assert second["lastSyncedTime"] > first["lastSyncedTime"]
        assert palette.versions(uid) == ["1.0.0", "1.1.0"]


def test_sync_on_creation(palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf) -> None:  # PAL-23
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec(), sync=True)
    assert palette.wait("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == ["1.0.0"]


def test_no_sync_on_creation(palette: Palette, register: Register, make_spec: MakeSpec) -> None:  # PAL-23
    quiet = register("ecr", make_spec())
    off = register("ecr", make_spec(providerType="helm", isSyncSupported=False), sync=True)
    later = register("ecr", make_spec(), sync=True)
    assert palette.wait("ecr", later)["status"] == "Success"  # by now the others would have run as well
    assert palette.status("ecr", quiet)["status"] == "Pending"
    assert palette.status("ecr", off)["status"] == "Pending"


def test_failure_keeps_the_packs(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:
    """PAL-40, PAL-51: a failure; then success again."""
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    good = palette.sync("ecr", uid)
    with sandbox.palette.overrides(fails="registry content is broken"):
        failed = palette.sync("ecr", uid)
    assert (failed["status"], failed["message"]) == ("Failed", "registry content is broken")
    assert failed["lastRunTime"] > good["lastRunTime"]
    assert failed["lastSyncedTime"] == good["lastSyncedTime"]
    assert palette.versions(uid) == ["1.0.0"]
    again = palette.sync("ecr", uid)
    assert (again["status"], again["message"]) == ("Success", "")


def test_one_run_at_a_time(sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec) -> None:
    """PAL-41, PAL-51: a run that hangs blocks others, until one is forced."""
    uid = register("ecr", make_spec())
    with sandbox.palette.overrides(hangs=True):
        palette.trigger("ecr", uid)
        hanging = palette.until("ecr", uid, "InProgress")
        palette.trigger("ecr", uid)
        palette.trigger("ecr", later := register("ecr", make_spec()))
        palette.until("ecr", later, "InProgress")  # by now the second run would have begun as well
        assert palette.status("ecr", uid) == hanging
        palette.trigger("ecr", uid, "?forceSync=true")
        deadline = time.monotonic() + 10
        while (forced := palette.status("ecr", uid))["lastRunTime"] <= hanging["lastRunTime"]:
            assert time.monotonic() < deadline, forced
            time.sleep(0.01)
        assert forced["status"] == "InProgress"
        assert palette.send("DELETE", f"{OCI}/{uid}/ecr").status_code == 204  # PAL-30
    other = register("ecr", make_spec())
    with sandbox.palette.overrides(hangs=True):
        palette.trigger("ecr", other)
        palette.until("ecr", other, "InProgress")
    assert palette.wait("ecr", other)["status"] == "Success"  # it hangs no more


def test_packs_visible_late(
    sandbox: Sandbox, palette: Palette, register: Register, make_spec: MakeSpec, shelf: Shelf
) -> None:  # PAL-51
    shelf.push("hello", "1.0.0", pack_layer())
    uid = register("ecr", make_spec())
    with sandbox.palette.overrides(visible_seconds=0.5):
        assert palette.sync("ecr", uid)["status"] == "Success"
        assert palette.versions(uid) == []
        deadline = time.monotonic() + 10
        while palette.versions(uid) != ["1.0.0"]:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_sync_that_is_off(palette: Palette, register: Register, make_spec: MakeSpec) -> None:  # PAL-42
    uid = register("ecr", make_spec(providerType="helm", isSyncSupported=False))
    palette.trigger("ecr", uid)
    assert palette.sync("ecr", register("ecr", make_spec()))["status"] == "Success"  # which began later
    status = palette.status("ecr", uid)
    assert (status["isSyncSupported"], status["status"]) == (False, "Pending")


# ---- permissions ------------------------------------------------------------------------------------------


def test_role(sandbox: Sandbox, palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec) -> None:
    """PAL-43, PAL-61: assumed by Palette's account, in an ordinary request."""
    for condition in ({"StringEquals": {"sts:ExternalId": "another-id"}}, None):
        arn = make_role(Condition=condition) if condition else "arn:aws:iam::123456789012:role/none"
        uid, before = register("ecr", make_spec(arn)), sandbox.mark()
        status = palette.sync("ecr", uid)
        assert status["status"] == "Failed"
        assert "AccessDenied" in status["message"]
        assert f"sts:AssumeRole on resource: {arn}" in status["message"]
        assert [record.status for record in sandbox.requests(f"sts:AssumeRole {arn}", before)] == [403]
        assert not sandbox.requests("ecr:*", before)
    with sandbox.faults.add("sts:AssumeRole *", action="respond", response="throttled"):
        uid = register("ecr", make_spec())
        assert "Throttling" in palette.sync("ecr", uid)["message"]
    assert palette.sync("ecr", uid)["status"] == "Success"


def test_role_known_late(
    sandbox: Sandbox, palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec
) -> None:  # PAL-50
    arn = make_role()
    uid = register("ecr", make_spec(arn))
    with sandbox.palette.overrides(role_seconds=3600):
        response = palette.send("POST", f"{OCI}/ecr/validate", make_spec(arn))
        assert response.status_code == 400
        assert f"sts:AssumeRole on resource: {arn}" in response.json()["message"]
        assert palette.sync("ecr", uid)["status"] == "Failed"
    with sandbox.palette.overrides(role_seconds=0.1):  # since the first attempt
        deadline = time.monotonic() + 10
        while palette.send("POST", f"{OCI}/ecr/validate", make_spec(arn)).status_code != 204:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert palette.sync("ecr", uid)["status"] == "Success"


@pytest.mark.parametrize(
    "action",
    ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories", "ecr:ListImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
)  # fmt: skip
def test_each_action_is_needed(
    palette: Palette, register: Register, make_role: MakeRole, make_spec: MakeSpec, shelf: Shelf, action: str
) -> None:  # PAL-44
    shelf.push("hello", "1.0.0", pack_layer())
    denied = make_role([*READER, {"Effect": "Deny", "Action": action, "Resource": "*"}])
    status = palette.sync("ecr", uid := register("ecr", make_spec(denied)))
    assert status["status"] == "Failed"
    assert action in status["message"]
    assert palette.versions(uid) == []


def test_access_key(palette: Palette, register: Register, make_user: MakeUser, shelf: Shelf) -> None:  # PAL-44
    shelf.push("hello", "1.0.0", pack_layer())
    user = make_user(*READER)
    uid = register("ecr", key_spec(shelf.base, user.access_key, user.secret_key))
    assert palette.sync("ecr", uid)["status"] == "Success"
    assert palette.versions(uid) == ["1.0.0"]
    status = palette.sync("ecr", register("ecr", key_spec(shelf.base, user.access_key, "wrong")))
    assert "InvalidSignatureException" in status["message"]
