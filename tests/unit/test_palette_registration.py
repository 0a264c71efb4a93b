"""What Palette's client is given: hosts, keys, CA files, endpoints; and a registration, there and back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packinfra.lifecycle.palette.inputs import validate_inputs
from packinfra.palette import PaletteTransport, Registration
from packinfra.palette.credentials import (
    Kind,
    PodIdentityCredentials,
    RoleCredentials,
    partition_of,
    partition_problem,
)
from packinfra.palette.errors import KeyRejected, PaletteUnreachable
from packinfra.palette.host import normalize_host
from packinfra.palette.registration import normalize_base_path, normalize_endpoint, parse_registration
from packinfra.palette.responses import RegistryResponse, parse
from tests.support.registrations import BASIC, ROLE, USER
from tests.support.scripted_palette import KEY


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("palette.example.com", "palette.example.com"),
        ("https://palette.example.com/", "palette.example.com"),
        (" palette.example.com:8443/ ", "palette.example.com:8443"),
        ("http://palette.example.com", "only sent over https"),
        ("https://palette.example.com/api", "write the host alone"),
        ("palette.example.com?x", "write the host alone"),
        ("https://me:pw@palette.example.com", "write the host alone"),
        ("https://", "write the host alone"),
        ("https://me:pw@palette.exa\u2100mple.com", "write the host alone"),
        ("https://[::1", "write the host alone"),
    ],
)
def test_normalize_host(text: str, host: str) -> None:
    if " " in host:
        with pytest.raises(ValueError, match=host) as caught:
            normalize_host(text)
        assert "me:pw" not in str(caught.value)
    else:
        assert normalize_host(text) == host


def test_other_partitions() -> None:
    gov = Registration("n", "e", "b", RoleCredentials("arn:aws-us-gov:iam::1:role/r", "x"), partition="aws-us-gov")
    assert gov.spec()["credentials"]["partition"] == "aws-us-gov"


def test_a_registry_of_charts() -> None:
    spec = Registration(
        "n", "e", "b", RoleCredentials("arn:aws:iam::1:role/r", "x"), provider_type="helm", sync=False
    ).spec()
    assert (spec["providerType"], spec["isSyncSupported"]) == ("helm", False)
    _, problems = validate_inputs({"kind": "basic", "providerType": "zarf"})
    assert "provider_type: 'zarf': write pack or helm" in problems
    _, problems = validate_inputs({"kind": "basic", "isSyncSupported": False})
    assert any("Palette rejects packs without sync" in problem for problem in problems)


@pytest.mark.parametrize(("content", "message"), [(None, "No such file"), ("nothing", "holds no certificate")])
def test_an_unusable_ca_file(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "ca.pem"
    if content:
        path.write_text(content)
    with pytest.raises(PaletteUnreachable, match=rf"{message}.*\n  -> name a PEM file"):
        PaletteTransport("h", KEY, ca_file=str(path))


@pytest.mark.parametrize("key", ["bad\nkey", "k\u00e9y\u20ac", "two keys"])
def test_a_key_that_is_none_is_never_sent_nor_shown(key: str) -> None:
    with pytest.raises(KeyRejected, match="the API key contains blanks") as caught:
        PaletteTransport("palette.example.com", key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("kind", ["ecr", "basic"])
def test_normalize_endpoint(kind: Any) -> None:
    scheme = "" if kind == "ecr" else "https://"
    for end in ("", "/", "/v2", "/v2/", "//v2//"):
        assert normalize_endpoint(kind, f" https://h.example/v2x{end}") == f"{scheme}h.example/v2x"
    assert normalize_base_path(" /a/b// ") == "a/b"


def read_back(registration: Registration, **spec: Any) -> dict[str, Any]:
    """As Palette responds to a read: masked, with what it adds."""
    body = registration.body()
    body["spec"] |= {"isSyncSupported": False, "registryUid": "u1", "scope": "tenant", **spec}
    for secrets in (body["spec"].get("credentials") or {}, body["spec"].get("auth") or {}):
        secrets |= {key: "********" for key in ("secretKey", "password") if key in secrets}
    return {**body, "kind": "ecr", "status": {"syncStatus": {"isSyncSupported": True}}}


AS_SENT = {"registryName": "packs", "providerType": "pack", "isPrivate": True, "isSyncSupported": True,
           "insecureSkipVerify": False, "certificate": None}  # fmt: skip
NONE = dict.fromkeys(("roleArn", "externalId", "accessKeyId", "podIdentityRoleArn", "username"))


def parsed_from(kind: Kind, response: dict[str, Any]) -> dict[str, Any]:
    return parse_registration(kind, parse(RegistryResponse, response))


def test_what_a_response_says() -> None:
    ecr = {**AS_SENT, **NONE, "endpoint": ROLE.endpoint, "basePath": "base"}
    basic = {**AS_SENT, **NONE, "endpoint": BASIC.endpoint, "basePath": "team", "username": "robot"}
    assert parsed_from("ecr", read_back(ROLE)) == {**ecr, "roleArn": ROLE.role_arn, "externalId": "x-1"}
    assert parsed_from("ecr", read_back(USER)) == {**ecr, "accessKeyId": "AKIAX"}
    assert parsed_from("basic", read_back(BASIC)) == basic
    # what is normalised, and what comes back although nothing was sent
    parsed = parsed_from("ecr", read_back(ROLE, endpoint=f"https://{ROLE.endpoint}/v2/", baseContentPath="/base/"))
    assert (parsed["endpoint"], parsed["basePath"]) == (ROLE.endpoint, "base")
    # what is drift
    assert parsed_from("ecr", read_back(ROLE, providerType="helm"))["providerType"] == "helm"
    assert parsed_from("ecr", read_back(ROLE, providerType=None))["providerType"] == "helm"
    assert parsed_from("ecr", read_back(ROLE, isPrivate=False))["isPrivate"] is False
    assert parsed_from("basic", read_back(BASIC, auth={"type": "noAuth", "tls": {"insecureSkipVerify": True}})) == {
        **basic, "username": None, "isPrivate": False, "insecureSkipVerify": True,
    }  # fmt: skip
    off = {**read_back(ROLE), "status": {"syncStatus": {"isSyncSupported": False}}}
    assert parsed_from("ecr", off)["isSyncSupported"] is False
    assert parsed_from("ecr", {**read_back(ROLE), "status": None})["isSyncSupported"] is True, (
        "it says nothing: no drift"
    )


def test_pod_identity_is_passed_through() -> None:
    role = "arn:aws:iam::123456789012:role/pod"
    pod = replace(ROLE, credentials=PodIdentityCredentials(role))
    assert pod.body()["spec"]["credentials"] == {
        "credentialType": "pod-identity",
        "podIdentity": {"roleArn": role},
    }
    assert (pod.kind, pod.secret, pod.role_arn) == ("ecr", "", None)
    assert parsed_from("ecr", read_back(pod))["podIdentityRoleArn"] == role
    silent = read_back(ROLE, credentials={"credentialType": "pod-identity"})
    assert "podIdentityRoleArn" not in parsed_from("ecr", silent), "it is no change that Palette doesn't return it"
    iso = replace(pod, partition="aws-iso-b")
    assert iso.spec()["credentials"]["partition"] == "aws-iso-b"


def test_an_unverified_certificate_is_sent_as_asked() -> None:
    unverified = replace(BASIC, insecure_skip_verify=True)
    assert unverified.spec()["auth"]["tls"]["insecureSkipVerify"] is True
    assert BASIC.spec()["auth"]["tls"]["insecureSkipVerify"] is False


@pytest.mark.parametrize(
    ("region", "partition"),
    [("eu-west-1", "aws"), ("", "aws"), ("us-gov-east-1", "aws-us-gov"), ("us-iso-east-1", "aws-iso"),
     ("us-isob-east-1", "aws-iso-b"), ("cn-north-1", "aws-cn")],
)  # fmt: skip
def test_partitions(region: str, partition: str) -> None:
    assert partition_of(region) == partition
    assert bool(partition_problem(partition)) is (partition == "aws-cn")
    assert partition_problem("aws", f"arn:{partition}:iam::123456789012:role/x") == (
        "" if partition == "aws"
        else f"the role arn:{partition}:iam::123456789012:role/x is in the partition {partition}, the registry in aws"
    )  # fmt: skip


def test_masked_values_are_left_out() -> None:
    masked = {"credentialType": "secret", "accessKey": "AKIA****", "secretKey": "********"}
    parsed = parsed_from("ecr", read_back(USER, credentials=masked))
    assert "accessKeyId" not in parsed
    assert "*" not in str(parsed)
