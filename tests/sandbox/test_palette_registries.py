"""The Palette stand-in (sandbox/palette/behaviour.md): create, read, update and delete registries."""

import uuid
from typing import Any

import pytest

from tests.support.aws import Json, MakeUser, Register
from tests.support.palette import ECR_HOST, OCI, Palette, error_code, key_spec, registry_body
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

KEY = key_spec("base", "AKIANOBODY", "s3cr3t-of-nobody")
BASIC: Json = {"endpoint": "https://127.0.0.1:1", "auth": {"type": "basic", "username": "u", "password": "p4ssw0rd"}}


def test_create_and_read(palette: Palette, register: Register) -> None:
    """PAL-19, PAL-24, PAL-25, PAL-26: credentials are neither checked nor shown."""
    uid = register("ecr", KEY, name := f"n-{uuid.uuid4().hex[:8]}")
    registry = palette.get(f"{OCI}/{uid}/ecr")
    assert registry["kind"] == "ecr"
    assert (registry["metadata"]["name"], registry["metadata"]["uid"]) == (name, uid)
    assert registry["metadata"]["creationTimestamp"].endswith("Z")
    spec = registry["spec"]
    assert (spec["registryUid"], spec["scope"], spec["defaultRegion"]) == (uid, "tenant", "eu-west-1")
    assert spec["credentials"] == {"credentialType": "secret", "accessKey": "AKIANOBODY", "secretKey": "********"}
    assert (spec["endpoint"], spec["baseContentPath"], spec["providerType"]) == (ECR_HOST, "base", "pack")
    assert spec["isSyncSupported"] is False
    assert registry["status"]["syncStatus"]["isSyncSupported"] is True

    basic = palette.get(f"{OCI}/{register('basic', BASIC)}/basic")
    assert basic["spec"]["auth"]["password"] == "********"
    token = {**BASIC, "auth": {"type": "token", "token": "t0ken"}}
    assert palette.get(f"{OCI}/{register('basic', token)}/basic")["spec"]["auth"]["token"] == "********"


def test_names(palette: Palette, register: Register) -> None:
    """PAL-20, PAL-29."""
    assert error_code(palette.send("POST", f"{OCI}/ecr", {"metadata": {"name": ""}, "spec": KEY})) == (
        400,
        "InvalidRequest",
    )
    uid = register("ecr", KEY, name := f"n-{uuid.uuid4().hex[:8]}")
    for kind, spec in (("ecr", KEY), ("basic", BASIC)):
        assert error_code(palette.send("POST", f"{OCI}/{kind}", registry_body(spec, name))) == (
            409,
            "RegistryAlreadyExists",
        )
    other = register("basic", BASIC)
    assert error_code(palette.send("PUT", f"{OCI}/{other}/basic", registry_body(BASIC, name))) == (
        409,
        "RegistryAlreadyExists",
    )
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", registry_body(KEY, name)).status_code == 204


def test_defaults(palette: Palette, register: Register) -> None:
    """PAL-21: without provider type it is a Helm registry, and Palette adds a TLS block."""
    tls = {"certificate": "", "enabled": True, "insecureSkipVerify": False}
    uid = register(
        "ecr", {"endpoint": ECR_HOST, "isPrivate": True, "credentials": {"accessKey": "A", "secretKey": "s"}}
    )
    spec = palette.get(f"{OCI}/{uid}/ecr")["spec"]
    assert (spec["providerType"], spec["tls"], spec["credentials"]["credentialType"]) == ("helm", tls, "secret")
    spec = palette.get(f"{OCI}/{register('basic', BASIC)}/basic")["spec"]
    assert (spec["providerType"], spec["auth"]["tls"]) == ("helm", tls)
    skipping = {**BASIC, "auth": {**BASIC["auth"], "tls": {"insecureSkipVerify": True}}}
    spec = palette.get(f"{OCI}/{register('basic', skipping)}/basic")["spec"]
    assert spec["auth"]["tls"] == {**tls, "insecureSkipVerify": True}


def test_what_the_go_sdk_sends(palette: Palette) -> None:  # PAL-22
    zero = "0001-01-01T00:00:00.000Z"
    metadata = {"name": f"n-{uuid.uuid4().hex[:8]}", "creationTimestamp": zero, "lastModifiedTimestamp": zero}
    spec = {
        "endpoint": ECR_HOST, "isPrivate": True, "containsSpectroManifest": False, "providerType": "pack",
        "isSyncSupported": True, "credentials": {"accessKey": "A", "secretKey": "s", "policyARNs": None},
        "tls": {"certificate": "", "enabled": False, "insecureSkipVerify": False},
    }  # fmt: skip
    sent = {"kind": "", "metadata": metadata, "spec": spec, "status": None}
    response = palette.send("POST", f"{OCI}/ecr?skipPackSync=true", sent)
    assert response.status_code == 201, response.text
    assert palette.send("DELETE", f"{OCI}/{response.json()['uid']}/ecr").status_code == 204


def test_update_overwrites_all(palette: Palette, register: Register) -> None:
    """PAL-27, PAL-28: omitted fields are removed, and a mask that is sent back becomes the secret."""
    uid = register("ecr", {**KEY, "tls": {"insecureSkipVerify": True}})
    before = palette.get(f"{OCI}/{uid}/ecr")
    bare = {"endpoint": ECR_HOST, "isPrivate": True}
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", registry_body(bare, "renamed")).status_code == 204
    after = palette.get(f"{OCI}/{uid}/ecr")
    assert (after["metadata"]["name"], after["metadata"]["uid"]) == ("renamed", uid)
    assert after["metadata"]["creationTimestamp"] == before["metadata"]["creationTimestamp"]
    assert after["metadata"]["lastModifiedTimestamp"] >= before["metadata"]["lastModifiedTimestamp"]
    spec = after["spec"]
    assert (spec["providerType"], spec["baseContentPath"]) == ("helm", "")
    assert (spec["credentials"], spec["tls"]["insecureSkipVerify"]) == ({"credentialType": "secret"}, False)
    assert palette.status("ecr", uid)["isSyncSupported"] is False


def test_a_mask_written_back_destroys_the_credentials(
    palette: Palette, register: Register, make_user: MakeUser
) -> None:  # PAL-28
    user = make_user({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"})
    uid = register("ecr", key_spec("base", user.access_key, user.secret_key))
    assert palette.sync("ecr", uid)["status"] == "Success"
    shown = palette.get(f"{OCI}/{uid}/ecr")
    shown["spec"]["isSyncSupported"] = True
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", shown).status_code == 204
    status = palette.sync("ecr", uid)
    assert status["status"] == "Failed"
    assert "InvalidSignatureException" in status["message"]


@pytest.mark.parametrize("path", [OCI + "/{}/ecr", "/v1/registries/{}"])
def test_delete(sandbox: Sandbox, palette: Palette, register: Register, path: str) -> None:
    """PAL-30, PAL-31."""
    uid = register("ecr", KEY)
    with sandbox.palette.overrides(in_use="hello-profile"):
        response = palette.send("DELETE", path.format(uid))
        assert error_code(response) == (409, "RegistryInUse")
        assert "hello-profile" in response.text
    assert palette.send("DELETE", path.format(uid)).status_code == 204
    assert palette.send("GET", f"{OCI}/{uid}/ecr").status_code == 404
    assert palette.send("DELETE", path.format(uid)).status_code == 404
    assert uid not in str(palette.get(f"{OCI}/summary"))


def test_lists(palette: Palette, register: Register) -> None:
    """PAL-32, PAL-33, PAL-34."""
    uid, basic = register("ecr", KEY), register("basic", BASIC)
    items: dict[str, Any] = {item["metadata"]["uid"]: item for item in palette.get(f"{OCI}/summary")["items"]}
    item = items[uid]
    assert item["spec"] == {
        "registryType": "ECR", "endpoint": ECR_HOST, "providerType": "pack", "isPrivate": True, "scope": "tenant",
        "defaultRegion": "eu-west-1", "containsSpectroManifest": False,
    }  # fmt: skip
    assert item["status"] == {"sync": palette.status("ecr", uid)}
    assert items[basic]["spec"]["registryType"] == "BASIC"
    assert "p4ssw0rd" not in str(items)

    info = palette.get(f"{OCI}/{basic}")
    assert set(info) == {"auth", "defaultRegion", "endpoint", "providerType", "scope", "type"}
    assert (info["type"], info["auth"]["password"]) == ("basic", "********")
    assert palette.get(f"{OCI}/{uid}")["auth"]["secretKey"] == "********"

    for scope, listed in (("system", False), ("tenant", True), ("all", True)):
        entries = palette.get(f"/v1/registries/metadata?scope={scope}&kind=helm&limit=1")["items"]
        own = [entry for entry in entries if entry["uid"] == uid]
        assert bool(own) is listed
        assert not own or own[0]["kind"] == "oci"
    assert error_code(palette.send("GET", "/v1/registries/metadata?scope=none")) == (400, "InvalidRequest")


def test_principal(palette: Palette) -> None:  # PAL-35
    principal = palette.principal()
    assert principal == palette.get("/v1/clouds/aws/account/sts?partition=aws")
    assert (len(principal["accountId"]), principal["partition"]) == (12, "aws")
    assert principal["accountId"] != ECR_HOST[:12]
    assert principal["externalId"]
    assert palette.get("/v1/clouds/aws/account/sts?partition=aws-us-gov")["partition"] == "aws-us-gov"
    assert error_code(palette.send("GET", "/v1/clouds/aws/account/sts?partition=aws-cn")) == (400, "InvalidRequest")
