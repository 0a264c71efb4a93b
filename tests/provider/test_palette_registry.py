"""PaletteRegistry's provider, in the SDK's real host process, on the sandbox's Palette."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.providers import PaletteRegistryProvider
from tests.support.palette_bench import OCI, Bench, running
from tests.support.palette_resources import URN, ecr_inputs
from tests.support.provider_host import UNKNOWN, ProviderError, ProviderHost
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox
NO_CA = {"SSL_CERT_FILE": "", "REQUESTS_CA_BUNDLE": "", "CURL_CA_BUNDLE": "", "AWS_CA_BUNDLE": ""}


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path, base_path: str) -> Iterator[Bench]:
    with running(sandbox, tmp_path, base_path) as bench:
        yield bench


def test_from_creation_to_deletion(bench: Bench) -> None:
    mark = bench.mark()
    uid, inputs, outs = bench.created(bench.by_role())
    asked = bench.asked(mark)
    assert asked == [f"GET {OCI}/summary", f"POST {OCI}/ecr/validate", "GET /v1/users/me", f"POST {OCI}/ecr"]
    assert (outs["uid"], outs["revision"]) == (uid, 1.0)
    registration = bench.get(uid)
    assert registration["metadata"]["name"] == bench.base
    assert registration["spec"]["providerType"] == "pack"
    assert registration["spec"]["credentials"]["sts"] == {"arn": inputs["roleArn"], "externalId": inputs["externalId"]}
    assert registration["status"]["syncStatus"]["isSyncSupported"] is True
    assert registration["status"]["syncStatus"]["status"] == "Pending", "PaletteSync has it synced, not the creation"

    assert bench.host.diff(uid, outs, bench.checked(bench.by_role(roleArn=inputs["roleArn"]), inputs)) == (False, [])
    assert bench.host.read(uid, outs)[:2] == (uid, outs)

    news = bench.checked({**inputs, "basePath": f"/{bench.base}/team/"}, inputs)
    assert bench.host.diff(uid, outs, news) == (True, [])
    updated = bench.host.update(uid, outs, news)
    assert (updated["uid"], updated["revision"]) == (uid, 2.0)
    assert bench.get(uid)["spec"]["baseContentPath"] == f"{bench.base}/team"
    assert bench.host.read(uid, updated)[1] == updated

    with bench.another() as destroy:
        destroy.delete(uid, updated)
        assert bench.named() == []
        destroy.delete(uid, updated)  # done already
        assert destroy.read(uid, updated)[0] == ""


@pytest.mark.parametrize("sync", [True, False])
def test_a_registry_of_charts(bench: Bench, sync: bool) -> None:
    """What Palette returns of it is what was sent, so nothing drifts; another value of `sync` is written."""
    more = {"providerType": "helm", "basePath": f"{bench.base}/charts", **({} if sync else {"isSyncSupported": False})}
    uid, inputs, outs = bench.created(bench.by_role(**more))
    registration = bench.get(uid)
    assert (registration["spec"]["providerType"], registration["spec"]["isPrivate"]) == ("helm", True)
    assert registration["status"]["syncStatus"]["isSyncSupported"] is sync
    assert bench.host.read(uid, outs)[:2] == (uid, outs)
    assert bench.host.diff(uid, outs, bench.checked(inputs, inputs)) == (False, [])
    other = {**inputs, "isSyncSupported": not sync}
    assert bench.host.diff(uid, outs, bench.checked(other, inputs)) == (True, [])
    bench.host.update(uid, outs, bench.checked(other, inputs))
    assert bench.get(uid)["status"]["syncStatus"]["isSyncSupported"] is not sync


def test_diff_without_palette(bench: Bench) -> None:
    mark = bench.mark()
    olds = bench.checked(ecr_inputs("b", roleArn=UNKNOWN, externalId=UNKNOWN))
    news = bench.checked(ecr_inputs("b", roleArn="arn:aws:iam::123456789012:role/r", externalId="x"), olds)
    outs = {**news, "uid": "u-1", "revision": 1}
    diff = bench.host.diff
    assert diff("u-1", outs, {**news, "ownUrn": "urn:other", "roleTimeoutSeconds": 3, "registryCaFile": "x"}) == (
        False,
        [],
    )
    assert diff("u-1", outs, {**news, "roleArn": UNKNOWN}) == (True, [])
    assert diff("u-1", outs, {**news, "caFile": "ca.pem"}) == (True, [])
    assert diff("u-1", outs, {**news, "registryName": "another"}) == (True, []), "the uid stays"
    for key, old_one_first in (("kind", True), ("host", False)):
        assert diff("u-1", outs, {**news, key: "another"}) == (True, [key])
        assert bench.host.deletes_before_replacing is old_one_first
    assert bench.asked(mark) == []


def test_bad_inputs_fail_the_preview(bench: Bench) -> None:
    mark = bench.mark()
    _, failures = bench.host.check({}, ecr_inputs("spectro-packs", endpoint="https://x"))
    for expected in (
        "write the registry's host alone",
        "leave spectro-packs out",
        "missing; Palette reads no pack registry without credentials",
    ):
        assert any(expected in failure for failure in failures)
    assert len(failures) == 3
    assert bench.asked(mark) == []


def test_masked_secrets_and_default_blocks_are_no_change(bench: Bench) -> None:
    """The trap: Palette responds with asterisks, a TLS block and times that nobody sent."""
    user = bench.reader.user()
    uid, inputs, outs = bench.created(ecr_inputs(bench.base, **bench.reader.key(user)))
    assert bench.get(uid)["spec"]["credentials"]["secretKey"] == "********"
    _, read, read_inputs = bench.host.read(uid, outs)
    assert read == outs
    assert read_inputs == inputs
    assert bench.host.diff(uid, read, bench.checked(inputs, read_inputs)) == (False, [])

    # a key that is rotated: nothing of it can be seen in Palette, and yet it is written
    rotated = bench.checked({**inputs, **bench.reader.key(user)}, inputs)
    bench.reader.iam.delete_access_key(UserName=user, AccessKeyId=inputs["accessKeyId"])
    same_id = {**rotated, "accessKeyId": inputs["accessKeyId"]}
    assert bench.host.diff(uid, read, same_id) == (True, []), "the secret alone is a reason"
    updated = bench.host.update(uid, read, rotated)
    assert bench.palette.sync("ecr", uid)["status"] == "Success", "with the real secret, not with asterisks"
    secrets = (inputs["secretKey"], rotated["secretKey"])
    with pytest.raises(ProviderError) as refused:
        bench.host.update(uid, updated, {**rotated, "secretKey": inputs["secretKey"]})
    texts = json.dumps([bench.host.logs, bench.host.statuses, str(refused.value)])
    assert "400 InvalidCredentials" in texts
    assert not any(secret in texts for secret in secrets)
    assert updated["secretKey"] == rotated["secretKey"]


@pytest.mark.parametrize(
    ("changed", "key", "value"),
    [
        ({"providerType": "helm"}, "providerType", "helm"),
        ({"providerType": "helm", "isSyncSupported": False}, "isSyncSupported", False),
        ({"baseContentPath": "elsewhere"}, "basePath", "elsewhere"),
        ({"providerType": "helm", "isPrivate": False}, "isPrivate", False),
        ({"tls": {"certificate": "", "enabled": True, "insecureSkipVerify": True}}, "insecureSkipVerify", True),
        ({"credentials": {"credentialType": "secret", "accessKey": "AKIAX", "secretKey": "y"}}, "accessKeyId", "AKIAX"),
    ],
)
def test_drift_is_seen_and_repaired(bench: Bench, changed: dict[str, Any], key: str, value: Any) -> None:
    uid, inputs, outs = bench.created(bench.by_role())
    before = bench.get(uid)["spec"]
    bench.put(uid, **changed)
    _, read, read_inputs = bench.host.read(uid, outs)
    assert read[key] == read_inputs[key] == value
    assert "uid" not in read_inputs
    news = bench.checked({k: v for k, v in inputs.items() if k != "providerType"}, read_inputs)
    assert bench.host.diff(uid, read, news) == (True, [])
    updated = bench.host.update(uid, read, news)
    assert bench.get(uid)["spec"] == before
    assert bench.host.read(uid, updated)[1] == updated == {**outs, "revision": 2.0}


def test_what_palette_normalises_is_no_change(bench: Bench) -> None:
    uid, _, outs = bench.created(bench.by_role())
    bench.put(uid, baseContentPath=f"/{bench.base}/", endpoint=outs["endpoint"])
    assert bench.host.read(uid, outs)[1] == outs


def test_the_wrong_kind_is_not_gone(bench: Bench) -> None:
    """The trap: a 404 through another kind's address."""
    uid, _, outs = bench.created(bench.by_role())
    with bench.another() as other:
        for operation in (other.read, other.delete):
            with pytest.raises(ProviderError, match=f"but the list has it: {bench.base}, of kind ecr") as caught:
                operation(uid, {**outs, "kind": "basic"})
            assert "Traceback" not in str(caught.value)
    assert bench.named() == [uid]


def test_another_tenants_key_finds_nothing_gone(bench: Bench) -> None:
    uid, _, outs = bench.created(bench.by_role())
    stranger = bench.sandbox.palette.key(admin=True, tenant="another")
    with bench.another(SPECTROCLOUD_APIKEY=stranger) as other:
        for operation in (other.read, other.delete):
            with pytest.raises(ProviderError, match=f"it was made in the tenant {outs['tenant']}") as caught:
                operation(uid, outs)
            assert "\n  -> give an API key of that tenant" in str(caught.value)
        with pytest.raises(ProviderError, match=r"404 ResourceNotFound"):
            other.update(uid, outs, outs)
    assert bench.host.read(uid, outs)[:2] == (uid, outs)


def test_a_name_is_changed_in_place(bench: Bench) -> None:
    """Ours, and back from one that somebody gave it in the console."""
    uid, inputs, outs = bench.created(bench.by_role())
    body = bench.get(uid)
    body["metadata"]["name"], body["spec"]["isSyncSupported"] = f"{bench.base}-theirs", True
    assert bench.palette.send("PUT", f"{OCI}/{uid}/ecr", body).status_code == 204
    _, read, read_inputs = bench.host.read(uid, outs)
    assert read["registryName"] == f"{bench.base}-theirs"
    assert bench.host.diff(uid, read, bench.checked(inputs, read_inputs)) == (True, [])
    bench.host.update(uid, read, inputs)
    assert bench.named() == [uid]


@pytest.mark.parametrize("response", ["unauthorized", "forbidden", "error"])
def test_a_refusal_is_not_gone(bench: Bench, response: str) -> None:
    uid, _, outs = bench.created(bench.by_role())
    pattern = f"palette: * {OCI}/{uid}/ecr"
    with bench.another() as other, bench.sandbox.faults.add(pattern, times=0, action="respond", response=response):
        for operation in (other.read, other.delete):
            with pytest.raises(ProviderError, match=r"could not .* Palette \(api.spectrocloud.com/v1/reg") as caught:
                operation(uid, outs)
            assert "\n  -> " in str(caught.value)
    assert bench.host.read(uid, outs)[0] == uid


def test_keys_scopes_and_hosts(bench: Bench) -> None:
    inputs = bench.checked(bench.by_role())
    other_admin = bench.sandbox.palette.key(admin=True)
    cases = [
        ({"SPECTROCLOUD_APIKEY": "wr0ng"}, {}, "401 Unauthorized.*-> give an API key that is valid"),
        (
            {"SPECTROCLOUD_APIKEY": ""},
            {},
            "there is no API key, without which nothing is deleted there either\n  -> give an API key.*packinfra:paletteApiKey",
        ),
        (
            {"SPECTROCLOUD_APIKEY": bench.sandbox.palette.key()},
            {},
            "403 Forbidden.*-> use the API key of a tenant admin",
        ),
        ({}, {"host": "palette.example.com"}, "the proxy .* refused: 403.*-> check host"),
        ({}, {"caFile": "none.pem"}, "could not reach Palette.*none.pem: No such file"),
        (NO_CA, {}, "certificate.*-> add the CA certificate of Palette .*caFile"),
    ]
    for environment, changes, message in cases:
        with bench.another(**environment) as host:
            with pytest.raises(ProviderError, match=f"(?s){message}") as caught:
                host.create({**inputs, **changes})
            assert "Traceback" not in str(caught.value)
            for secret in (bench.sandbox.palette.api_key, *environment.values()):
                assert not secret or secret not in str(caught.value)
    assert bench.named() == []
    with ProviderHost(
        {**bench.sandbox.environment(), **NO_CA, "SPECTROCLOUD_APIKEY": "wr0ng"}, bench.folder,
        {"packinfra:paletteApiKey": other_admin}, provider=PaletteRegistryProvider(),
    ) as host:  # fmt: skip
        host.create({**inputs, "caFile": bench.sandbox.ca})  # the stack's key goes first
    assert len(bench.named()) == 1


def test_a_name_that_is_taken(bench: Bench) -> None:
    """Taken over if it is the same place, whatever else is wrong with it; refused otherwise."""
    inputs = bench.checked(bench.by_role())
    role = {"credentialType": "sts", "sts": {"arn": inputs["roleArn"], "externalId": inputs["externalId"]}}
    spec = {"endpoint": inputs["endpoint"], "isPrivate": True, "providerType": "pack", "isSyncSupported": True,
            "credentials": role}  # fmt: skip
    for kind, theirs, message in (
        ("ecr", {**spec, "baseContentPath": "another"}, f"kind ecr for {inputs['endpoint']}/another, not to one"),
        (
            "basic",
            {"endpoint": "https://127.0.0.1:1", "auth": {"type": "noAuth"}},
            "belongs to a registry of kind basic, not to one of kind ecr",
        ),
    ):
        uid = bench.palette.create(kind, bench.base, theirs)
        before = bench.get(uid, kind)
        with pytest.raises(ProviderError, match=f"(?s){message}.*-> choose another name"):
            bench.host.create(inputs)
        assert bench.get(uid, kind) == before
        assert bench.palette.send("DELETE", f"/v1/registries/{uid}").status_code == 204

    helm = {**spec, "baseContentPath": f"/{bench.base}", "providerType": "helm", "isSyncSupported": False}
    uid = bench.palette.create("ecr", bench.base, helm)
    assert bench.host.create(inputs)[0] == uid
    assert bench.get(uid)["spec"]["providerType"] == "pack"
    assert "it is taken over, and destroy will delete it" in bench.host.logs[-1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_creation_whose_response_is_lost(bench: Bench, when: str) -> None:
    inputs = bench.checked(bench.by_role())
    with bench.sandbox.faults.add(f"palette: POST {OCI}/ecr", when=when, action="cut"):
        uid, _ = bench.host.create(inputs)
    assert bench.named() == [uid], "one, not two"


def test_killed_after_the_creation(bench: Bench) -> None:
    """What a killed run registered is taken over by the next one."""
    inputs = bench.checked(bench.by_role())
    first, _ = bench.host.create(inputs)
    with bench.another() as later:
        assert later.create(inputs)[0] == first
    assert bench.named() == [first]


def test_in_use(bench: Bench) -> None:
    uid, _, outs = bench.created(bench.by_role())
    with bench.another() as destroy:
        with bench.sandbox.palette.overrides(in_use="web"), pytest.raises(ProviderError) as caught:
            destroy.delete(uid, outs)
        for expected in (
            "could not delete the registry from Palette",
            "409 RegistryInUse",
            "web",
            "out of the profiles",
        ):
            assert expected in str(caught.value)
        destroy.delete(uid, outs)
    assert bench.named() == []


def test_what_another_resource_holds_stays(bench: Bench) -> None:
    """A resource renamed without an alias takes its registry over; then the old one is deleted. And a replacement that
    somebody forced."""
    uid, inputs, outs = bench.created(bench.by_role())
    with bench.another() as run:
        assert run.create({**inputs, "ownUrn": URN + "-renamed"})[0] == uid
        run.delete(uid, outs)
        run.delete(uid, {**outs, "host": "palette.example.com"})  # the same Palette by another name
        assert run.logs[-2:] == [f"{bench.base} stays in Palette: {URN}-renamed owns it now"] * 2
        run.delete(uid, {**outs, "ownUrn": URN + "-renamed"})
    assert bench.named() == [uid]
