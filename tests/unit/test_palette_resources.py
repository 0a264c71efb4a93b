"""What is validated and decided without Palette: inputs, constructors, the wait for a role."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import trustme
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.mocks import MockResourceArgs

import packinfra
from packinfra.lifecycle.palette.inputs import registration, validate_inputs
from packinfra.lifecycle.palette.registry import PaletteRegistryLifecycle
from packinfra.palette import PaletteError, Registration
from packinfra.palette.errors import CredentialsRejected, Forbidden, PaletteStep
from packinfra.palette.registration import REQUIRED_SPEC
from packinfra.palette.validation import wait_until_valid
from packinfra.resources._inputs import palette_location
from tests.support.components import NoLookups, installed
from tests.support.run import Messages, new_run

ROLE = "arn:aws:iam::123456789012:role/team/palette"
ECR = {"registryName": "packs", "kind": "ecr", "endpoint": "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
       "basePath": "base", "host": "api.spectrocloud.com"}  # fmt: skip
BY_ROLE = {**ECR, "roleArn": ROLE, "externalId": "x"}
BY_KEY = {**ECR, "accessKeyId": "AKIAX", "secretKey": "s3cret"}
BASIC = {**ECR, "kind": "basic", "endpoint": "https://harbor.example.com", "username": "robot", "password": "s3cret"}


class Unknown:
    """As pulumi.output.Unknown arrives: neither text nor None."""


@pytest.mark.parametrize(
    ("inputs", "tidy"),
    [
        (BY_ROLE, {}),
        (BY_KEY, {}),
        ({**ECR, "podIdentityRoleArn": ROLE}, {}),
        ({**BASIC, "insecureSkipVerify": True}, {"insecureSkipVerify": True}),
        (BASIC, {}),
        ({**BASIC, "endpoint": "http://harbor.internal:5000/"}, {"endpoint": "http://harbor.internal:5000"}),
        ({**BASIC, "endpoint": "https://h.example/v2/", "basePath": "/a/b/"},
         {"endpoint": "https://h.example", "basePath": "a/b"}),
        ({**BY_ROLE, "endpoint": f"{ECR['endpoint']}/", "basePath": "base/"},
         {"endpoint": ECR["endpoint"], "basePath": "base"}),
        ({**BY_ROLE, "host": "https://palette.example.com/"}, {"host": "palette.example.com"}),
        ({**BY_ROLE, "roleArn": "arn:aws-us-gov:iam::123456789012:role/x"}, {}),
        ({**BY_ROLE, "roleArn": Unknown(), "externalId": Unknown(), "endpoint": Unknown(), "basePath": Unknown()}, {}),
        ({**BASIC, "password": "p*ss"}, {}),
    ],
)  # fmt: skip
def test_good_inputs(inputs: dict[str, Any], tidy: dict[str, str]) -> None:
    before = dict(inputs)
    assert validate_inputs(inputs) == ({**inputs, **REQUIRED_SPEC, "insecureSkipVerify": False, **tidy}, [])
    assert inputs == before


@pytest.mark.parametrize(
    ("inputs", "messages"),
    [
        ({**ECR, "kind": "acr"}, ["kind: 'acr': write ecr, or basic"]),
        ({**BY_ROLE, "registryName": " "}, ["registry_name: Palette needs a name"]),
        ({**BY_ROLE, "endpoint": f"https://{ECR['endpoint']}"}, ["write the registry's host alone"]),
        ({**BY_ROLE, "endpoint": f"{ECR['endpoint']}/base"}, ["write the registry's host alone"]),
        ({**BASIC, "endpoint": "harbor.example.com"}, ["write it with its scheme: https://harbor.example.com"]),
        ({**BASIC, "endpoint": "oci://harbor.example.com"}, ["write it with its scheme: https://harbor.example.com"]),
        (
            {**BASIC, "endpoint": "https://robot:s3cret@h.example"},
            ["endpoint: ...@h.example: leave user name and password out"],
        ),
        ({**BASIC, "endpoint": "https://h.example/spectro-packs"}, ["endpoint: https://h.example/spectro-packs: leave"]),
        ({**BY_ROLE, "basePath": "base/spectro-packs/archive"}, ["base_path: base/spectro-packs/archive: leave"]),
        ({**BY_ROLE, "basePath": "/"}, ["base_path: it is empty"]),
        (ECR, ["role_arn and external_id, or access_key_id and secret_key, or pod_identity_role_arn: missing; Palette reads no pack registry without"]),
        ({**BASIC, "username": None, "password": None}, ["username and password: missing; Palette reads no pack registry without credentials"]),
        ({**BASIC, "password": None}, ["password: missing for username"]),
        ({**BY_ROLE, **BY_KEY}, ["role_arn, access_key_id: Palette reads with a role or with an access key, not with both: remove"]),
        ({**BY_ROLE, "externalId": None}, ["external_id: missing for role_arn (PalettePrincipal provides it)"]),
        ({**BY_ROLE, "roleArn": "palette"}, ["role_arn: palette: write the ARN of a role"]),
        ({**BY_KEY, "secretKey": None}, ["secret_key: missing for access_key_id"]),
        ({**ECR, "podIdentityRoleArn": "pod"}, ["pod_identity_role_arn: pod: write the ARN of a role"]),
        ({**BY_ROLE, "podIdentityRoleArn": ROLE}, ["role_arn, pod_identity_role_arn: Palette reads with"]),
        ({**BY_ROLE, "insecureSkipVerify": True}, ["insecure_skip_verify: not for kind: ecr: remove it"]),
        ({**BY_ROLE, "partition": "aws-us-gov"}, [f"the role {ROLE} is in the partition aws, the registry in aws-us-gov"]),
        ({**BY_ROLE, "partition": "aws-cn"}, ["Palette reads no ECR registry in the partition aws-cn, only in aws, "]),
        ({**BY_ROLE, "username": "robot"}, ["username: not for kind: ecr: remove it"]),
        ({**BASIC, "roleArn": ROLE}, ["role_arn: not for kind: basic: remove it"]),
        ({**BASIC, "password": "********"}, ["password: this is how Palette masks a secret"]),
        ({**BASIC, "registryCaFile": "none.pem"}, ["registry_ca_file: none.pem: No such file"]),
        ({**BY_ROLE, "host": "http://palette.example.com"}, ["host: http://palette.example.com: the API key is only"]),
        ({**ECR, "endpoint": "https://x", "basePath": "spectro-packs", "host": "a/b", "registryName": ""},
         ["host:", "registry_name:", "endpoint:", "base_path:", "credentials"]),
    ],
)  # fmt: skip
def test_bad_inputs_are_all_reported_at_once(inputs: dict[str, Any], messages: list[str]) -> None:
    _, problems = validate_inputs(inputs)
    assert len(problems) == len(messages)
    for problem, expected in zip(problems, messages, strict=True):
        assert expected in problem
        assert "s3cret" not in problem


def test_an_unverified_certificate_is_said_loudly() -> None:
    messages = Messages()
    warnings, lifecycle = messages.warnings, PaletteRegistryLifecycle(new_run(messages), lambda _key: None)
    for _ in range(2):
        assert lifecycle.check({}, {**BASIC, "insecureSkipVerify": True}).problems == []
    assert len(warnings) == 1
    assert "Palette will not verify the certificate of https://harbor.example.com (packs)" in warnings[0]
    lifecycle.check({}, dict(BASIC))
    assert len(warnings) == 1


def test_the_registrys_certificate_is_an_input(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(path)
    props, problems = validate_inputs({**BASIC, "registryCaFile": str(path)})
    assert problems == []
    assert props["certificate"] == path.read_text().strip()
    lone = props["certificate"]
    key = trustme.CA().issue_cert("x.example.com").private_key_pem.bytes().decode()
    path.write_bytes(f"# Größe\n{lone}\n{key}{lone}\n".encode("latin-1"))
    assert validate_inputs({**BASIC, "registryCaFile": str(path)})[0]["certificate"] == f"{lone}\n{lone}", (
        "no key, no comment"
    )
    assert props["certificate"] == lone
    path.write_text(lone.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"))
    assert "contains no" in validate_inputs({**BASIC, "registryCaFile": str(path)})[1][0]
    assert registration(props).spec()["auth"]["tls"]["certificate"] == props["certificate"]


def test_registration() -> None:
    assert registration(validate_inputs(BY_ROLE)[0]).spec()["credentials"]["sts"] == {"arn": ROLE, "externalId": "x"}
    assert registration(validate_inputs(BY_KEY)[0]).spec()["credentials"]["secretKey"] == "s3cret"
    assert registration(validate_inputs(BASIC)[0]).spec()["auth"]["password"] == "s3cret"


# ---- constructors


class Recording(NoLookups):
    def __init__(self) -> None:
        self.declared: dict[str, tuple[str, dict[str, Any]]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        self.declared[args.name] = args.typ, args.inputs
        made = {"uid": "u-1", "tenant": "t-1", "revision": 1, "accountId": "210987654321", "externalId": "x-1"}
        return f"{args.name}-id", {**args.inputs, **made}


@pytest.fixture
def mocks() -> Iterator[Recording]:
    with installed(Recording()) as recording:
        yield recording


def test_what_is_declared(mocks: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTROCLOUD_HOST", "https://api.spectrocloud.com/")
    monkeypatch.setenv("SPECTROCLOUD_APIKEY", "k3y-of-a-tenant-admin")
    secret: list[bool] = []

    async def program() -> None:
        principal = packinfra.PalettePrincipal("palette", partition="aws-us-gov")
        registry = packinfra.PaletteRegistry(
            "palette",
            registry_name="packs",
            kind="ecr",
            endpoint=ECR["endpoint"],
            base_path="base",
            role_arn=ROLE,
            external_id=principal.external_id,
        )
        keyed = packinfra.PaletteRegistry(
            "keyed", registry_name="b", kind="ecr", endpoint="e", base_path="b", access_key_id="A", secret_key="s3cret"
        )
        secret.append(await pulumi.Output.from_input(keyed.__dict__["secretKey"]).is_secret())
        packinfra.PaletteSync("sync", registry=registry, packs={"hello": {"1.0.0": "sha256:abc"}}, timeout_seconds=60)

    pulumi_mocks.test(program)()  # type: ignore[no-untyped-call]
    kind, inputs = mocks.declared["sync"]
    assert kind == "pulumi-python:dynamic/packinfra:PaletteSync"
    expected = {"registryUid": "u-1", "revision": 1, "kind": "ecr", "location": f"{ECR['endpoint']}/base", "timeoutSeconds": 60,
                "host": "api.spectrocloud.com", "tenant": "t-1", "packs": {"hello": {"1.0.0": "sha256:abc"}}}  # fmt: skip
    assert expected.items() <= inputs.items()
    kind, inputs = mocks.declared["keyed"]
    assert kind == "pulumi-python:dynamic/packinfra:PaletteRegistry"
    assert secret == [True]
    assert "k3y-of-a-tenant-admin" not in str(mocks.declared)


def test_a_host_that_only_this_machine_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPECTROCLOUD_HOST", "palette.example.com")
    assert palette_location("palette.example.com", None)["host"] == "palette.example.com"
    with pytest.raises(pulumi.RunError, match="SPECTROCLOUD_HOST is set, but only here: name the host"):
        palette_location(None, None)


# ---- the wait for a role


class Palette:
    """Refuses so often, then lets in."""

    def __init__(self, *refusals: PaletteError) -> None:
        self.refusals, self.tried = list(refusals), 0

    def validate(self, registration: Registration) -> None:
        self.tried += 1
        if self.refusals:
            raise self.refusals.pop(0)


def admitted(palette: Palette, inputs: dict[str, Any], timeout: float = 120.0) -> tuple[list[float], list[str]]:
    sleeps, messages = list[float](), list[str]()
    who: Any = palette
    reporter = SimpleNamespace(status=messages.append, warning=messages.append)
    wait_until_valid(
        who, registration(inputs), role_timeout_seconds=timeout, reporter=reporter, sleep=sleeps.append,
        clock=lambda: sum(sleeps),
    )  # fmt: skip
    return sleeps, messages


def refused(kind: type[PaletteError] = CredentialsRejected) -> PaletteError:
    return kind(PaletteStep.VALIDATE, "h", status=400, code="InvalidCredentials", text="AccessDenied: sts:AssumeRole")


def test_a_new_role_is_waited_for() -> None:
    sleeps, messages = admitted(Palette(*[refused()] * 4), BY_ROLE)
    assert sleeps == [2.0, 4.0, 8.0, 10.0]
    assert messages[0].startswith(f"Palette cannot read as {ROLE} yet")
    assert "AccessDenied" in messages[0]


def test_not_for_ever() -> None:
    palette = Palette(*[refused()] * 99)
    with pytest.raises(CredentialsRejected):
        admitted(palette, BY_ROLE, timeout=60)
    assert palette.tried == 8


@pytest.mark.parametrize("inputs", [BY_KEY, BASIC])
def test_a_secret_is_wrong_at_once(inputs: dict[str, Any]) -> None:
    palette = Palette(refused())
    with pytest.raises(CredentialsRejected):
        admitted(palette, inputs)
    assert palette.tried == 1


def test_what_is_no_matter_of_the_role_ends_the_wait() -> None:
    palette = Palette(refused(), refused(Forbidden))
    with pytest.raises(Forbidden):
        admitted(palette, BY_ROLE)
    assert palette.tried == 2
