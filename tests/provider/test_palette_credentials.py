"""The credentials with which Palette reads a registry, validated by the sandbox's Palette; and PalettePrincipal."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from packinfra.providers import PalettePrincipalProvider
from tests.support.palette import Palette
from tests.support.palette_bench import OCI, Bench, running
from tests.support.palette_resources import ecr_inputs
from tests.support.provider_host import ProviderError, ProviderHost
from tests.support.registry import PASSWORD, USER, real_registry
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture
def bench(sandbox: Sandbox, tmp_path: Path, base_path: str) -> Iterator[Bench]:
    with running(sandbox, tmp_path, base_path) as bench:
        yield bench


def test_a_new_role_is_waited_for(bench: Bench) -> None:
    with bench.sandbox.palette.overrides(role_seconds=3):
        uid, inputs, _ = bench.created(bench.by_role())
    assert bench.get(uid)["spec"]["credentials"]["sts"]["arn"] == inputs["roleArn"]
    waits = [line for line in bench.host.statuses if f"Palette cannot read as {inputs['roleArn']} yet" in line]
    assert len(waits) == 2
    assert "AccessDenied" in waits[0]


def test_a_role_that_cannot_be_assumed(bench: Bench) -> None:
    """The error says what Palette said and what is missing; once that is right, the same run goes through."""
    role = bench.reader.role(external_id="of-somebody-else")
    inputs = bench.checked(bench.by_role(roleArn=role, roleTimeoutSeconds=3))
    with pytest.raises(ProviderError) as caught:
        bench.host.create(inputs)
    for expected in ("could not have the credentials of the registry checked by Palette", "400 InvalidCredentials",
                     "AccessDenied", role, inputs["externalId"], "reader policy"):  # fmt: skip
        assert expected in str(caught.value)
    assert bench.named() == []
    name = role.rpartition("/")[2]
    bench.reader.iam.update_assume_role_policy(RoleName=name, PolicyDocument=bench.reader.trust())
    assert bench.host.create(inputs)[0] == bench.named()[0]


def test_a_wrong_key_fails_at_once(bench: Bench) -> None:
    key = {**bench.reader.key(bench.reader.user()), "secretKey": "wr0ng-s3cret"}
    mark = bench.mark()
    with pytest.raises(ProviderError, match=r"(?s)InvalidCredentials.*check accessKeyId .*paletteSecretKey") as caught:
        bench.host.create(bench.checked(ecr_inputs(bench.base, **key)))
    assert "wr0ng-s3cret" not in str(caught.value)
    assert bench.asked(mark) == [f"GET {OCI}/summary", f"POST {OCI}/ecr/validate"]


@pytest.mark.registry
def test_a_basic_registry(bench: Bench, tmp_path: Path) -> None:
    with real_registry(tmp_path / "registry", tls=True) as registry:
        news = ecr_inputs(
            bench.base, kind="basic", endpoint=f"https://{registry.host}/v2/", username=USER, password=PASSWORD,
            registryCaFile=registry.ca_file,
        )  # fmt: skip
        uid, inputs, outs = bench.created(news)
        assert outs["endpoint"] == f"https://{registry.host}"
        registration = bench.get(uid, "basic")["spec"]["auth"]
        assert (registration["username"], registration["password"]) == (USER, "********")
        assert registration["tls"] == {
            "certificate": inputs["certificate"],
            "enabled": True,
            "insecureSkipVerify": False,
        }
        assert bench.host.read(uid, outs)[:2] == (uid, outs)
        assert bench.host.diff(uid, outs, bench.checked(news, inputs)) == (False, [])
        assert bench.host.diff(uid, outs, {**inputs, "password": "an0ther"}) == (True, [])
        for change, message in (({"password": "wr0ng"}, "401"), ({"certificate": ""}, "certificate")):
            with pytest.raises(ProviderError, match=rf"(?s){message}.*-> check username and password.*registryCaFile"):
                bench.host.update(uid, outs, {**inputs, **change})
        bench.palette.send("DELETE", f"{OCI}/{uid}/basic")
        assert bench.host.read(uid, outs)[0] == ""


# ---- PalettePrincipal


def test_the_principal_is_asked_once(sandbox: Sandbox, tmp_path: Path) -> None:
    principal = Palette(sandbox).principal()
    with ProviderHost(sandbox.environment(), tmp_path, provider=PalettePrincipalProvider()) as host:
        inputs, failures = host.check({}, {"host": "https://api.spectrocloud.com/", "partition": "aws"})
        assert failures == []
        assert inputs["host"] == "api.spectrocloud.com"
        id_, outs = host.create(inputs)
        assert id_ == principal["accountId"]
        assert (outs["accountId"], outs["externalId"]) == (principal["accountId"], principal["externalId"])

        kept = {**outs, "externalId": "of-then"}
        mark = sandbox.mark()
        assert host.diff(id_, kept, inputs) == (False, [])
        assert host.diff(id_, kept, {**inputs, "caFile": sandbox.ca}) == (True, [])
        assert host.diff(id_, kept, {**inputs, "partition": "aws-us-gov"}) == (True, ["partition"])
        assert host.update(id_, kept, {**inputs, "caFile": sandbox.ca})["externalId"] == "of-then"
        assert host.read(id_, kept)[1] == kept
        host.delete(id_, kept)
        assert sandbox.requests("palette: *", mark) == []

        _, failures = host.check({}, {"host": "http://palette.example.com", "partition": "aws"})
        assert "the API key is only sent over https" in failures[0]
