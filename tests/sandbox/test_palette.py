"""The Palette stand-in (sandbox/palette/behaviour.md): authentication, forms, validation, control."""

import time
import uuid
from typing import Any

import pytest
import requests

from tests.support.aws import Json, MakeRole, MakeSpec, MakeUser, Register
from tests.support.palette import ECR_HOST, OCI, Palette, error_code, key_spec, registry_body, role_spec
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

KEY = key_spec("base", "AKIANOBODY", "s3cr3t-of-nobody")
BASIC: Json = {"endpoint": "https://127.0.0.1:1", "auth": {"type": "basic", "username": "u", "password": "p4ssw0rd"}}
NOWHERE = "0" * 24


# ---- authentication ---------------------------------------------------------------------------------------------------


def test_key(sandbox: Sandbox, palette: Palette) -> None:  # PAL-1, PAL-4
    for wrong in ("", "wrong", palette.key[:-1]):
        assert error_code(Palette(sandbox, wrong).send("GET", f"{OCI}/summary")) == (401, "Unauthorized")
    assert palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None}).status_code == 401
    assert (
        palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None, "Authorization": "e30.e30.e30"}).status_code
        == 401
    )
    assert palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None, "APIKEY": palette.key}).status_code == 200


def test_jwt(sandbox: Sandbox, palette: Palette) -> None:  # PAL-104, PAL-105, PAL-106
    sandbox.palette.user("ops@example.com", "pa55", tenant="main")
    sandbox.palette.user("mfa@example.com", "pa55", mfa=True)

    def log_in(email: str, password: str, org: str = "main") -> requests.Response:
        body = {"emailId": email, "password": password, "org": org}
        return palette.send("POST", "/v1/auth/authenticate", body, headers={"ApiKey": None})

    def status(token: str) -> int:
        return palette.send("GET", f"{OCI}/summary", headers={"ApiKey": None, "Authorization": token}).status_code

    for wrong in (
        log_in("ops@example.com", "wrong"),
        log_in("ops@example.com", "pa55", "another"),
        log_in("x@example.com", "pa55"),
    ):
        assert error_code(wrong) == (401, "Unauthorized")
    token = log_in("ops@example.com", "pa55").json()["Authorization"]
    assert (status(token), status(f"Bearer {token}")) == (200, 401)
    with sandbox.palette.overrides(token_seconds=0):
        assert status(token) == 401
    response = log_in("mfa@example.com", "pa55").json()
    assert response["isMfa"]
    assert status(response["Authorization"]) == 401


TENANT = [
    ("POST", f"{OCI}/ecr/validate"), ("POST", f"{OCI}/ecr"), ("GET", f"{OCI}/{NOWHERE}"), ("GET", f"{OCI}/{NOWHERE}/ecr"),
    ("PUT", f"{OCI}/{NOWHERE}/ecr"), ("DELETE", f"{OCI}/{NOWHERE}/ecr"), ("DELETE", f"/v1/registries/{NOWHERE}"),
    ("POST", f"{OCI}/{NOWHERE}/ecr/sync"), ("GET", f"{OCI}/{NOWHERE}/ecr/sync/status"), ("POST", f"{OCI}/basic"),
]  # fmt: skip
OPEN = [f"{OCI}/summary", "/v1/registries/metadata", "/v1/packs", "/v1/clouds/aws/account/sts", "/v1/users/me"]


def test_a_user_who_is_no_tenant_admin(sandbox: Sandbox) -> None:  # PAL-2, PAL-59
    member = Palette(sandbox, sandbox.palette.key())
    for method, path in TENANT:
        assert error_code(member.send(method, path)) == (403, "Forbidden")
    for path in OPEN:
        assert member.send("GET", path).status_code == 200
    assert member.send("POST", "/v1/packs/search", {}).status_code == 200
    admin = Palette(sandbox, sandbox.palette.key(admin=True))
    assert error_code(admin.send("GET", f"{OCI}/{NOWHERE}"))[0] == 404


def test_another_tenant(sandbox: Sandbox, palette: Palette) -> None:  # PAL-63, PAL-64
    another = Palette(sandbox, sandbox.palette.key(admin=True, tenant="another"))
    name = f"r-{uuid.uuid4().hex[:8]}"
    first, second = palette.create("ecr", name, KEY), another.create("ecr", name, KEY)
    for own, user, other in ((first, palette, second), (second, another, first)):
        for method, path in (("GET", f"{OCI}/{other}/ecr"), ("DELETE", f"/v1/registries/{other}")):
            assert error_code(user.send(method, path)) == (404, "ResourceNotFound")
        assert other not in user.send("GET", f"{OCI}/summary").text
        assert other not in user.send("GET", "/v1/registries/metadata").text
        assert user.send("DELETE", f"{OCI}/{own}/ecr").status_code == 204
    tenants = [user.get("/v1/users/me")["status"]["tenant"] for user in (palette, another, palette)]
    assert [tenant["orgName"] for tenant in tenants] == ["main", "another", "main"]
    assert tenants[0]["tenantUid"] == tenants[2]["tenantUid"] != tenants[1]["tenantUid"]


def test_project(palette: Palette) -> None:  # PAL-3, PAL-59
    project = {"ProjectUid": "5f0d0a3b"}
    for method, path in TENANT:
        assert error_code(palette.send(method, path, headers=project)) == (400, "ProjectUidIsNotEmpty")
    for path in OPEN:
        assert palette.send("GET", path, headers=project).status_code == 200


def test_addresses(palette: Palette) -> None:  # PAL-5, PAL-6
    for path in ("/v1/registries", "/", "/v1/registries/oci/summary/x", "/v2/", f"{OCI}/{NOWHERE}/helm"):
        assert error_code(palette.send("GET", path))[0] == 404
    for method, path, allowed in (
        ("GET", OCI, "DELETE"),
        ("PATCH", f"{OCI}/{NOWHERE}/ecr", "DELETE,GET,PUT"),
        ("POST", f"{OCI}/summary", "GET"),
        ("GET", f"{OCI}/{NOWHERE}/ecr/sync", "POST"),
    ):
        response = palette.send(method, path)
        assert response.status_code == 405
        assert response.headers["Allow"] == allowed


def test_bodies(sandbox: Sandbox, palette: Palette) -> None:  # PAL-7
    for content in (b"", b"nonsense", b"[]", b"null", b"[" * 50_000, b"\xff"):
        response = palette.send("POST", f"{OCI}/ecr", data=content)
        assert error_code(response) == (400, "InvalidRequest")
    huge = b'{"metadata": "' + b"x" * 1024 * 1024 + b'"}'
    assert error_code(palette.send("POST", f"{OCI}/ecr", data=huge)) == (413, "InvalidRequest")
    for data in ({"metadata": 1, "spec": {}}, {"metadata": {"name": 1}}, {"metadata": {"name": "x"}, "spec": 1}, {}):
        assert error_code(palette.send("POST", f"{OCI}/ecr", data)) == (400, "InvalidRequest")
    assert not sandbox.requests("palette: *")[-1].fault


def test_rate_limit(sandbox: Sandbox, palette: Palette) -> None:
    """PAL-8: a burst, then so many a second; the two groups are counted separately."""
    with sandbox.palette.overrides(rate=1, burst=20):
        begin = time.monotonic()
        responses = [palette.send("GET", f"{OCI}/summary") for _ in range(40)]
        passed = [response.status_code for response in responses].count(200)
        assert 20 <= passed <= 21 + (time.monotonic() - begin)
        assert error_code(next(response for response in responses if response.status_code != 200)) == (
            429,
            "TooManyRequests",
        )
        assert palette.send("GET", "/v1/packs").status_code == 200
        assert palette.send("GET", "/v1/clouds/aws/account/sts").status_code == 200
        deadline = time.monotonic() + 10
        while palette.send("GET", "/v1/registries/metadata").status_code != 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_unknown_and_wrong_kind(palette: Palette, register: Register) -> None:
    """PAL-9, PAL-10: the same response, so a 404 because of the wrong kind looks like a deleted registry."""
    uids = {"ecr": register("ecr", KEY), "basic": register("basic", BASIC)}
    for kind, other in (("ecr", "basic"), ("basic", "ecr")):
        for uid in (uids[other], NOWHERE):
            for method, end in (("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/sync"), ("GET", "/sync/status")):
                response = palette.send(
                    method, f"{OCI}/{uid}/{kind}{end}", registry_body(KEY if kind == "ecr" else BASIC)
                )
                assert error_code(response) == (404, "ResourceNotFound")
        assert palette.send("GET", f"{OCI}/{uids[kind]}/{kind}").status_code == 200
    assert error_code(palette.send("GET", f"{OCI}/{NOWHERE}"))[0] == 404
    assert error_code(palette.send("DELETE", f"/v1/registries/{NOWHERE}"))[0] == 404


# ---- validate ---------------------------------------------------------------------------------------------------


def test_validate_role(palette: Palette, make_role: MakeRole, make_spec: MakeSpec) -> None:
    """PAL-11, PAL-12."""
    assert palette.send("POST", f"{OCI}/ecr/validate", make_spec()).status_code == 204
    wrong_condition = {"StringEquals": {"sts:ExternalId": "another-id"}}
    wrong = {
        "sts:AssumeRole": [
            make_spec(make_role(Condition=wrong_condition)),
            make_spec(make_role(Principal={"AWS": "arn:aws:iam::111111111111:root"})),
            make_spec(f"arn:aws:iam::{ECR_HOST[:12]}:role/none"),
            role_spec("base", make_role(), "another-id"),
            role_spec("base", make_role(), ""),
        ],
        "ecr:GetAuthorizationToken": [make_spec(make_role([{"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}]))],
    }  # fmt: skip
    for action, specs in wrong.items():
        for spec in specs:
            response = palette.send("POST", f"{OCI}/ecr/validate", spec)
            assert error_code(response) == (400, "InvalidCredentials")
            assert "AccessDenied" in response.text
            assert action in response.text


def test_validate_access_key(palette: Palette, make_user: MakeUser) -> None:  # PAL-11, PAL-12
    user = make_user({"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"})
    good = key_spec("base", user.access_key, user.secret_key)
    assert palette.send("POST", f"{OCI}/ecr/validate", good).status_code == 204
    powerless = make_user()
    for key, secret, word in (
        (user.access_key, "wrong", "InvalidSignatureException"),
        (user.access_key, "********", "InvalidSignatureException"),
        (user.access_key, "", "InvalidSignatureException"),
        ("AKIANOBODY", "x", "UnrecognizedClientException"),
        ("", "", ""),
        (powerless.access_key, powerless.secret_key, "ecr:GetAuthorizationToken"),
    ):
        response = palette.send("POST", f"{OCI}/ecr/validate", key_spec("base", key, secret))
        assert error_code(response) == (400, "InvalidCredentials")
        assert word in response.text
        assert user.secret_key not in response.text


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
def test_rejected_specs(palette: Palette, register: Register, kind: str, spec: Json, names: str) -> None:
    uid = register(kind, KEY if kind == "ecr" else BASIC)
    for response in (
        palette.send("POST", f"{OCI}/{kind}/validate", spec),
        palette.send("POST", f"{OCI}/{kind}", registry_body(spec)),
        palette.send("PUT", f"{OCI}/{uid}/{kind}", registry_body(spec)),
    ):
        assert error_code(response) == (400, "InvalidRequest")
        assert names in response.json()["message"]


# ---- control --------------------------------------------------------------------------------------------------


def test_record_and_faults(sandbox: Sandbox, palette: Palette, register: Register) -> None:  # PAL-60
    before = sandbox.mark()
    uid = register("ecr", KEY)
    palette.send("GET", f"{OCI}/{uid}/basic")
    records = [(record.host, record.summary, record.status) for record in sandbox.requests("palette: *", before)]
    assert records == [
        ("api.spectrocloud.com", f"palette: POST {OCI}/ecr", 201),
        ("api.spectrocloud.com", f"palette: GET {OCI}/{uid}/basic", 404),
    ]
    assert palette.key not in str(sandbox.requests())
    for failure, expected in {
        "throttled": (429, "TooManyRequests"), "error": (500, "InternalServerError"), "unauthorized": (401, "Unauthorized"),
    }.items():  # fmt: skip
        with sandbox.faults.add("palette: *", action="respond", response=failure, headers={"Retry-After": "1"}):
            response = palette.send("GET", f"{OCI}/summary")
            assert error_code(response) == expected
            assert response.headers["Retry-After"] == "1"
    for failure, status in {"bad-gateway": 502, "unavailable": 503, "gateway-timeout": 504, "forbidden": 403}.items():
        with sandbox.faults.add("palette: *", action="respond", response=failure):
            response = palette.send("GET", f"{OCI}/summary")
            assert (response.status_code, response.content) == (status, b"")
    with sandbox.faults.add("palette: *", action="cut"), pytest.raises(requests.ConnectionError):
        palette.send("GET", f"{OCI}/summary")


def test_overrides_are_validated(sandbox: Sandbox) -> None:
    before = sandbox.faults.control("GET", "/palette")
    invalid: list[Any] = [{"none": 1}, {"rate": "1"}, {"rate": True}, {"hangs": 1}, {"fails": None}, []]
    for params in invalid:
        with pytest.raises(OSError, match="400"):
            sandbox.faults.control("POST", "/palette", params)
    with pytest.raises(OSError, match="405"):
        sandbox.faults.control("DELETE", "/palette")
    assert sandbox.faults.control("GET", "/palette") == before
