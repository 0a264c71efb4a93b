"""The Palette stand-in (sandbox/palette/behaviour.md): who may ask, and registries."""

import time
import uuid
from typing import Any

import pytest
import requests

from tests.sandbox.conftest import Json, MakeRole, MakeSpec, MakeUser, Register
from tests.support.palette import ECR_HOST, Palette, key_spec, role_spec
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

OCI = "/v1/registries/oci"
KEY = key_spec("base", "AKIANOBODY", "s3cr3t-of-nobody")
BASIC: Json = {"endpoint": "https://127.0.0.1:1", "auth": {"type": "basic", "username": "u", "password": "p4ssw0rd"}}
NOWHERE = "0" * 24


def code_of(answer: requests.Response) -> tuple[int, str]:
    """PAL-4: each error has this form."""
    body = answer.json()
    assert set(body) == {"code", "message", "ref", "details"}
    assert body["message"]
    assert body["ref"]
    return answer.status_code, body["code"]


def body(spec: Json, name: str = "") -> Json:
    return {"metadata": {"name": name or f"r-{uuid.uuid4().hex[:8]}"}, "spec": spec}


# ---- who asks ---------------------------------------------------------------------------------------------------


def test_key(sandbox: Sandbox, palette: Palette) -> None:  # PAL-1
    for wrong in ("", "wrong", palette.key[:-1]):
        assert code_of(Palette(sandbox, wrong).send("GET", f"{OCI}/summary")) == (401, "Unauthorized")
    assert palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None}).status_code == 401
    assert (
        palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None, "Authorization": "e30.e30.e30"}).status_code
        == 401
    )
    assert palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None, "APIKEY": palette.key}).status_code == 200


TENANT = [
    ("POST", f"{OCI}/ecr/validate"), ("POST", f"{OCI}/ecr"), ("GET", f"{OCI}/{NOWHERE}"), ("GET", f"{OCI}/{NOWHERE}/ecr"),
    ("PUT", f"{OCI}/{NOWHERE}/ecr"), ("DELETE", f"{OCI}/{NOWHERE}/ecr"), ("DELETE", f"/v1/registries/{NOWHERE}"),
    ("POST", f"{OCI}/{NOWHERE}/ecr/sync"), ("GET", f"{OCI}/{NOWHERE}/ecr/sync/status"), ("POST", f"{OCI}/basic"),
]  # fmt: skip
OPEN = [f"{OCI}/summary", "/v1/registries/metadata", "/v1/packs", "/v1/clouds/aws/account/sts", "/v1/users/me"]


def test_who_is_no_tenant_admin(sandbox: Sandbox) -> None:  # PAL-2, PAL-59
    somebody = Palette(sandbox, sandbox.palette.key())
    for method, path in TENANT:
        assert code_of(somebody.send(method, path)) == (403, "Forbidden")
    for path in OPEN:
        assert somebody.send("GET", path).status_code == 200
    assert somebody.send("POST", "/v1/packs/search", {}).status_code == 200
    admin = Palette(sandbox, sandbox.palette.key(admin=True))
    assert code_of(admin.send("GET", f"{OCI}/{NOWHERE}"))[0] == 404


def test_another_tenant(sandbox: Sandbox, palette: Palette) -> None:  # PAL-63, PAL-64
    another = Palette(sandbox, sandbox.palette.key(admin=True, tenant="another"))
    name = f"r-{uuid.uuid4().hex[:8]}"
    ours, theirs = palette.create("ecr", name, KEY), another.create("ecr", name, KEY)
    for mine, who, not_mine in ((ours, palette, theirs), (theirs, another, ours)):
        for method, path in (("GET", f"{OCI}/{not_mine}/ecr"), ("DELETE", f"/v1/registries/{not_mine}")):
            assert code_of(who.send(method, path)) == (404, "ResourceNotFound")
        assert not_mine not in who.send("GET", f"{OCI}/summary").text
        assert not_mine not in who.send("GET", "/v1/registries/metadata").text
        assert who.send("DELETE", f"{OCI}/{mine}/ecr").status_code == 204
    tenants = [who.get("/v1/users/me")["status"]["tenant"] for who in (palette, another, palette)]
    assert [tenant["orgName"] for tenant in tenants] == ["main", "another", "main"]
    assert tenants[0]["tenantUid"] == tenants[2]["tenantUid"] != tenants[1]["tenantUid"]


def test_project(palette: Palette) -> None:  # PAL-3, PAL-59
    project = {"ProjectUid": "5f0d0a3b"}
    for method, path in TENANT:
        assert code_of(palette.send(method, path, headers=project)) == (400, "ProjectUidIsNotEmpty")
    for path in OPEN:
        assert palette.send("GET", path, headers=project).status_code == 200


def test_addresses(palette: Palette) -> None:
    """PAL-5, PAL-6."""
    for path in ("/v1/registries", "/", "/v1/registries/oci/summary/x", "/v2/", f"{OCI}/{NOWHERE}/helm"):
        assert code_of(palette.send("GET", path))[0] == 404
    for method, path, allowed in (
        ("GET", OCI, "DELETE"),
        ("PATCH", f"{OCI}/{NOWHERE}/ecr", "DELETE,GET,PUT"),
        ("POST", f"{OCI}/summary", "GET"),
        ("GET", f"{OCI}/{NOWHERE}/ecr/sync", "POST"),
    ):
        answer = palette.send(method, path)
        assert answer.status_code == 405
        assert answer.headers["Allow"] == allowed


def test_bodies(sandbox: Sandbox, palette: Palette) -> None:  # PAL-7
    for content in (b"", b"nonsense", b"[]", b"null", b"[" * 50_000, b"\xff"):
        answer = palette.send("POST", f"{OCI}/ecr", data=content)
        assert code_of(answer) == (400, "InvalidRequest")
    huge = b'{"metadata": "' + b"x" * 1024 * 1024 + b'"}'
    assert code_of(palette.send("POST", f"{OCI}/ecr", data=huge)) == (413, "InvalidRequest")
    for data in ({"metadata": 1, "spec": {}}, {"metadata": {"name": 1}}, {"metadata": {"name": "x"}, "spec": 1}, {}):
        assert code_of(palette.send("POST", f"{OCI}/ecr", data)) == (400, "InvalidRequest")
    assert not sandbox.requests("palette: *")[-1].fault


def test_pace(sandbox: Sandbox, palette: Palette) -> None:
    """PAL-8: what comes at once, then so many a second; each of the two groups for itself."""
    with sandbox.palette.ordered(rate=10, burst=50):
        begin = time.monotonic()
        answers = [palette.send("GET", f"{OCI}/summary") for _ in range(75)]
        passed = [answer.status_code for answer in answers].count(200)
        assert 50 <= passed <= 51 + 10 * (time.monotonic() - begin)
        assert code_of(next(answer for answer in answers if answer.status_code != 200)) == (429, "TooManyRequests")
        assert palette.send("GET", "/v1/packs").status_code == 200
        assert palette.send("GET", "/v1/clouds/aws/account/sts").status_code == 200
        time.sleep(0.3)
        assert palette.send("GET", "/v1/registries/metadata").status_code == 200


def test_unknown_and_wrong_kind(palette: Palette, register: Register) -> None:
    """PAL-9, PAL-10: the same answer, so that a 404 through the wrong kind looks like "deleted"."""
    uids = {"ecr": register("ecr", KEY), "basic": register("basic", BASIC)}
    for kind, other in (("ecr", "basic"), ("basic", "ecr")):
        for uid in (uids[other], NOWHERE):
            for method, end in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/sync"), ("GET", "/sync/status")):
                answer = palette.send(method, f"{OCI}/{uid}/{kind}{end}", body(KEY if kind == "ecr" else BASIC))
                assert code_of(answer) == (404, "ResourceNotFound")
        assert palette.send("GET", f"{OCI}/{uids[kind]}/{kind}").status_code == 200
    assert code_of(palette.send("GET", f"{OCI}/{NOWHERE}"))[0] == 404
    assert code_of(palette.send("DELETE", f"/v1/registries/{NOWHERE}"))[0] == 404


# ---- validate ---------------------------------------------------------------------------------------------------


def test_validate_role(palette: Palette, make_role: MakeRole, make_spec: MakeSpec) -> None:
    """PAL-11, PAL-12."""
    assert palette.send("POST", f"{OCI}/ecr/validate", make_spec()).status_code == 204
    others_condition = {"StringEquals": {"sts:ExternalId": "somebody-else"}}
    wrong = {
        "sts:AssumeRole": [
            make_spec(make_role(Condition=others_condition)),
            make_spec(make_role(Principal={"AWS": "arn:aws:iam::111111111111:root"})),
            make_spec(f"arn:aws:iam::{ECR_HOST[:12]}:role/none"),
            role_spec("base", make_role(), "another-id"),
            role_spec("base", make_role(), ""),
        ],
        "ecr:GetAuthorizationToken": [make_spec(make_role([{"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}]))],
    }  # fmt: skip
    for action, specs in wrong.items():
        for spec in specs:
            answer = palette.send("POST", f"{OCI}/ecr/validate", spec)
            assert code_of(answer) == (400, "InvalidCredentials")
            assert "AccessDenied" in answer.text
            assert action in answer.text


def test_validate_access_key(palette: Palette, make_user: MakeUser) -> None:  # PAL-11, PAL-12
    user = make_user({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})
    good = key_spec("base", user.access_key, user.secret_key)
    assert palette.send("POST", f"{OCI}/ecr/validate", good).status_code == 204
    nobody = make_user()
    for key, secret, word in (
        (user.access_key, "wrong", "InvalidSignatureException"),
        (user.access_key, "********", "InvalidSignatureException"),
        (user.access_key, "", "InvalidSignatureException"),
        ("AKIANOBODY", "x", "UnrecognizedClientException"),
        ("", "", ""),
        (nobody.access_key, nobody.secret_key, "ecr:GetAuthorizationToken"),
    ):
        answer = palette.send("POST", f"{OCI}/ecr/validate", key_spec("base", key, secret))
        assert code_of(answer) == (400, "InvalidCredentials")
        assert word in answer.text
        assert user.secret_key not in answer.text


PACK = {"providerType": "pack", "isSyncSupported": True}


@pytest.mark.parametrize(
    ("kind", "spec", "names"),
    [
        # PAL-16
        ("ecr", {"isPrivate": True}, "endpoint"),
        ("ecr", {"endpoint": ECR_HOST}, "isPrivate"),
        ("basic", {"auth": {"type": "noAuth"}}, "endpoint"),
        ("basic", {"endpoint": "https://127.0.0.1"}, "auth"),
        ("ecr", {**KEY, "providerType": "pak"}, "providerType"),
        ("ecr", {**KEY, "isPrivate": "true"}, "isPrivate"),
        ("ecr", {**KEY, "credentials": {"credentialType": "role"}}, "credentialType"),
        ("ecr", {**KEY, "credentials": {"sts": "arn"}}, "credentials.sts"),
        ("ecr", {**KEY, "tls": {"insecureSkipVerify": 1}}, "insecureSkipVerify"),
        ("basic", {**BASIC, "auth": {"type": "Basic"}}, "auth.type"),
        # PAL-17
        ("ecr", {**KEY, "endpoint": f"https://{ECR_HOST}"}, "endpoint"),
        ("ecr", {**KEY, "endpoint": f"{ECR_HOST}/base"}, "endpoint"),
        ("ecr", {**KEY, "endpoint": "harbor.example.com"}, "endpoint"),
        ("basic", {**BASIC, "endpoint": "127.0.0.1:5000"}, "endpoint"),
        # PAL-15
        ("basic", {**BASIC, "endpoint": "https://harbor.example.com"}, "loopback"),
        ("basic", {**BASIC, "endpoint": "https://10.0.0.1"}, "loopback"),
        ("basic", {**BASIC, "endpoint": "https://[::2]"}, "loopback"),
        ("basic", {**BASIC, "endpoint": "https://[::1"}, "loopback"),
        ("basic", {**BASIC, "endpoint": "https://127.0.0.1@example.com"}, "loopback"),
        # PAL-18
        ("ecr", {**KEY, "isSyncSupported": False}, "isSyncSupported"),
        ("ecr", {**KEY, "isSyncSupported": None}, "isSyncSupported"),
        ("ecr", {**KEY, "isPrivate": False}, "authentication"),
        ("basic", {**BASIC, **PACK, "auth": {"type": "noAuth"}}, "authentication"),
    ],
)
def test_refused_specs(palette: Palette, register: Register, kind: str, spec: Json, names: str) -> None:
    uid = register(kind, KEY if kind == "ecr" else BASIC)
    for answer in (
        palette.send("POST", f"{OCI}/{kind}/validate", spec),
        palette.send("POST", f"{OCI}/{kind}", body(spec)),
        palette.send("PUT", f"{OCI}/{uid}/{kind}", body(spec)),
    ):
        assert code_of(answer) == (400, "InvalidRequest")
        assert names in answer.json()["message"]


# ---- create, read, update, delete -------------------------------------------------------------------------------


def test_create_and_read(palette: Palette, register: Register) -> None:
    """PAL-19, PAL-24, PAL-25, PAL-26: nobody looks at the credentials, and nobody shows them."""
    uid = register("ecr", KEY, name := f"n-{uuid.uuid4().hex[:8]}")
    found = palette.get(f"{OCI}/{uid}/ecr")
    assert found["kind"] == "ecr"
    assert (found["metadata"]["name"], found["metadata"]["uid"]) == (name, uid)
    assert found["metadata"]["creationTimestamp"].endswith("Z")
    spec = found["spec"]
    assert (spec["registryUid"], spec["scope"], spec["defaultRegion"]) == (uid, "tenant", "eu-west-1")
    assert spec["credentials"] == {"credentialType": "secret", "accessKey": "AKIANOBODY", "secretKey": "********"}
    assert (spec["endpoint"], spec["baseContentPath"], spec["providerType"]) == (ECR_HOST, "base", "pack")
    assert spec["isSyncSupported"] is False
    assert found["status"]["syncStatus"]["isSyncSupported"] is True

    basic = palette.get(f"{OCI}/{register('basic', BASIC)}/basic")
    assert basic["spec"]["auth"]["password"] == "********"
    token = {**BASIC, "auth": {"type": "token", "token": "t0ken"}}
    assert palette.get(f"{OCI}/{register('basic', token)}/basic")["spec"]["auth"]["token"] == "********"


def test_names(palette: Palette, register: Register) -> None:
    """PAL-20, PAL-29."""
    assert code_of(palette.send("POST", f"{OCI}/ecr", {"metadata": {"name": ""}, "spec": KEY})) == (
        400,
        "InvalidRequest",
    )
    uid = register("ecr", KEY, name := f"n-{uuid.uuid4().hex[:8]}")
    for kind, spec in (("ecr", KEY), ("basic", BASIC)):
        assert code_of(palette.send("POST", f"{OCI}/{kind}", body(spec, name))) == (409, "RegistryAlreadyExists")
    other = register("basic", BASIC)
    assert code_of(palette.send("PUT", f"{OCI}/{other}/basic", body(BASIC, name))) == (409, "RegistryAlreadyExists")
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", body(KEY, name)).status_code == 204


def test_defaults(palette: Palette, register: Register) -> None:
    """PAL-21: who forgets the provider type has a Helm registry, and gets a TLS block he never sent."""
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
    answer = palette.send("POST", f"{OCI}/ecr?skipPackSync=true", sent)
    assert answer.status_code == 201, answer.text
    assert palette.send("DELETE", f"{OCI}/{answer.json()['uid']}/ecr").status_code == 204


def test_update_overwrites_all(palette: Palette, register: Register) -> None:
    """PAL-27, PAL-28: what is left out is gone, and a mask sent back is the secret from then on."""
    uid = register("ecr", {**KEY, "tls": {"insecureSkipVerify": True}})
    before = palette.get(f"{OCI}/{uid}/ecr")
    bare = {"endpoint": ECR_HOST, "isPrivate": True}
    assert palette.send("PUT", f"{OCI}/{uid}/ecr", body(bare, "renamed")).status_code == 204
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
    with sandbox.palette.ordered(in_use="hello-profile"):
        answer = palette.send("DELETE", path.format(uid))
        assert code_of(answer) == (409, "RegistryInUse")
        assert "hello-profile" in answer.text
    assert palette.send("DELETE", path.format(uid)).status_code == 204
    assert palette.send("GET", f"{OCI}/{uid}/ecr").status_code == 404
    assert palette.send("DELETE", path.format(uid)).status_code == 404
    assert uid not in str(palette.get(f"{OCI}/summary"))


def test_lists(palette: Palette, register: Register) -> None:
    """PAL-32, PAL-33, PAL-34."""
    uid, basic = register("ecr", KEY), register("basic", BASIC)
    items: dict[str, Any] = {item["metadata"]["uid"]: item for item in palette.get(f"{OCI}/summary")["items"]}
    found = items[uid]
    assert found["spec"] == {
        "registryType": "ECR", "endpoint": ECR_HOST, "providerType": "pack", "isPrivate": True, "scope": "tenant",
        "defaultRegion": "eu-west-1", "containsSpectroManifest": False,
    }  # fmt: skip
    assert found["status"] == {"sync": palette.status("ecr", uid)}
    assert items[basic]["spec"]["registryType"] == "BASIC"
    assert "p4ssw0rd" not in str(items)

    info = palette.get(f"{OCI}/{basic}")
    assert set(info) == {"auth", "defaultRegion", "endpoint", "providerType", "scope", "type"}
    assert (info["type"], info["auth"]["password"]) == ("basic", "********")
    assert palette.get(f"{OCI}/{uid}")["auth"]["secretKey"] == "********"

    for scope, there in (("system", False), ("tenant", True), ("all", True)):
        known = palette.get(f"/v1/registries/metadata?scope={scope}&kind=helm&limit=1")["items"]
        mine = [item for item in known if item["uid"] == uid]
        assert bool(mine) is there
        assert not mine or mine[0]["kind"] == "oci"
    assert code_of(palette.send("GET", "/v1/registries/metadata?scope=none")) == (400, "InvalidRequest")


def test_principal(palette: Palette) -> None:  # PAL-35
    found = palette.principal()
    assert found == palette.get("/v1/clouds/aws/account/sts?partition=aws")
    assert (len(found["accountId"]), found["partition"]) == (12, "aws")
    assert found["accountId"] != ECR_HOST[:12]
    assert found["externalId"]
    assert palette.get("/v1/clouds/aws/account/sts?partition=aws-us-gov")["partition"] == "aws-us-gov"
    assert code_of(palette.send("GET", "/v1/clouds/aws/account/sts?partition=aws-cn")) == (400, "InvalidRequest")


# ---- beside it --------------------------------------------------------------------------------------------------


def test_record_and_faults(sandbox: Sandbox, palette: Palette, register: Register) -> None:  # PAL-60
    before = sandbox.mark()
    uid = register("ecr", KEY)
    palette.send("GET", f"{OCI}/{uid}/basic")
    asked = [(a.host, a.what, a.status) for a in sandbox.requests("palette: *", before)]
    assert asked == [
        ("api.spectrocloud.com", f"palette: POST {OCI}/ecr", 201),
        ("api.spectrocloud.com", f"palette: GET {OCI}/{uid}/basic", 404),
    ]
    assert palette.key not in str(sandbox.requests())
    for answer, expected in {
        "throttled": (429, "TooManyRequests"), "error": (500, "InternalServerError"), "unauthorized": (401, "Unauthorized"),
    }.items():  # fmt: skip
        with sandbox.faults.add("palette: *", action="answer", answer=answer, headers={"Retry-After": "1"}):
            struck = palette.send("GET", f"{OCI}/summary")
            assert code_of(struck) == expected
            assert struck.headers["Retry-After"] == "1"
    for answer, status in {"bad-gateway": 502, "unavailable": 503, "gateway-timeout": 504, "forbidden": 403}.items():
        with sandbox.faults.add("palette: *", action="answer", answer=answer):
            struck = palette.send("GET", f"{OCI}/summary")
            assert (struck.status_code, struck.content) == (status, b"")
    with sandbox.faults.add("palette: *", action="cut"), pytest.raises(requests.ConnectionError):
        palette.send("GET", f"{OCI}/summary")


def test_orders_are_checked(sandbox: Sandbox) -> None:
    before = sandbox.faults.control("GET", "/palette")
    wrongs: list[Any] = [{"none": 1}, {"rate": "1"}, {"rate": True}, {"hangs": 1}, {"fails": None}, []]
    for wrong in wrongs:
        with pytest.raises(OSError, match="400"):
            sandbox.faults.control("POST", "/palette", wrong)
    with pytest.raises(OSError, match="405"):
        sandbox.faults.control("DELETE", "/palette")
    assert sandbox.faults.control("GET", "/palette") == before
