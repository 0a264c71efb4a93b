"""The Palette client on a scripted server: what it sends, and what it makes of each response."""

from __future__ import annotations

import pytest

from packinfra.palette import Listed, PaletteClient, PaletteError, Principal, Registration
from packinfra.palette.errors import (
    CredentialsRejected,
    KeyRejected,
    NameTaken,
    NotPalette,
)
from tests.support.palette_transport import scripted_transport
from tests.support.registrations import BASIC, ROLE, SECRET, USER
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette, error, items

OCI = "/v1/registries/oci"
TLS = {"certificate": "", "enabled": True, "insecureSkipVerify": False}
NO_CONTENT = Reply(204)
GONE = error(404, "ResourceNotFound", "registry u1 not found")


@pytest.fixture
def sleeps() -> list[float]:
    return []


@pytest.fixture
def client(palette: ScriptedPalette, sleeps: list[float]) -> PaletteClient:
    return PaletteClient(scripted_transport(palette, sleeps))


def test_what_is_sent(client: PaletteClient, palette: ScriptedPalette) -> None:
    principal = {"accountId": "210987654321", "externalId": "x-1", "partition": "aws"}
    palette.on("GET", "/v1/clouds/aws/account/sts", Reply(body=principal))
    palette.on("GET", f"{OCI}/summary", items(("u1", "packs", "ecr"), ("u2", "other", "basic")))
    palette.on("POST", f"{OCI}/(ecr|basic)/validate", NO_CONTENT)
    palette.on("POST", f"{OCI}/ecr", Reply(201, {"uid": "u1"}))
    palette.on("PUT", f"{OCI}/u1/ecr", NO_CONTENT)
    palette.on("DELETE", f"{OCI}/u1/basic", NO_CONTENT)
    palette.on("POST", f"{OCI}/u1/ecr/sync", Reply(202))
    palette.on("GET", f"{OCI}/u1/ecr/sync/status", Reply(body={"status": "Success", "isSyncSupported": True}))
    tags = [{"version": "1.0.0", "tag": "LTS__1.0.x"}, {"version": "1.1.0", "tag": "1.1.0"}]
    palette.on("GET", "/v1/packs/hello/registries/u1", Reply(body={"tags": tags}))

    assert client.principal("aws-us-gov") == Principal("210987654321", "x-1")
    assert client.find("packs") == Listed("u1", "packs", "ecr")
    assert client.find("none") is None
    client.validate(ROLE)
    client.validate(BASIC)
    assert client.create(ROLE) == "u1"
    client.update("u1", USER)
    client.delete("basic", "u1")
    client.sync("ecr", "u1", force=True)
    assert client.sync_status("ecr", "u1").word == "Success"
    assert client.versions("hello", "u1") == {"1.0.0", "1.1.0"}

    by_request = {str(seen): seen for seen in palette.seen}
    assert len(palette.seen) == 11
    assert {seen.headers["ApiKey"] for seen in palette.seen} == {KEY}
    assert not any({"ProjectUid", "Authorization", "Cookie"} & seen.headers.keys() for seen in palette.seen)
    assert by_request["GET /v1/clouds/aws/account/sts"].query == {"partition": "aws-us-gov"}
    assert by_request[f"POST {OCI}/ecr"].query == {"skipPackSync": "true"}
    assert by_request[f"POST {OCI}/u1/ecr/sync"].query == {"forceSync": "true"}
    assert by_request["GET /v1/packs/hello/registries/u1"].query == {"cloudType": "all"}
    spec = {
        "endpoint": ROLE.endpoint, "baseContentPath": "base", "providerType": "pack", "isSyncSupported": True,
        "isPrivate": True, "tls": TLS,
        "credentials": {"credentialType": "sts", "sts": {"arn": ROLE.role_arn, "externalId": "x-1"}},
    }  # fmt: skip
    assert by_request[f"POST {OCI}/ecr/validate"].body == spec
    assert by_request[f"POST {OCI}/ecr"].body == {"metadata": {"name": "packs"}, "spec": spec}
    secret = {"credentialType": "secret", "accessKey": "AKIAX", "secretKey": SECRET}
    assert by_request[f"PUT {OCI}/u1/ecr"].body["spec"] == {**spec, "credentials": secret}
    assert by_request[f"POST {OCI}/basic/validate"].body == {
        "endpoint": BASIC.endpoint, "baseContentPath": "team", "providerType": "pack", "isSyncSupported": True,
        "auth": {"type": "basic", "username": "robot", "password": SECRET, "tls": TLS},
    }  # fmt: skip


@pytest.mark.parametrize("lost", [Reply(drop=True), Reply(502), error(429, "TooManyRequests")])
def test_a_lost_response_to_create(client: PaletteClient, palette: ScriptedPalette, lost: Reply) -> None:
    palette.on("POST", "/ecr", lost, Reply(201, {"uid": "u2"}))
    palette.on("GET", "/summary", items(("u0", "other", "ecr")))
    assert client.create(ROLE) == "u2"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary", f"POST {OCI}/ecr"]


def test_a_lost_response_to_a_create_that_worked(
    client: PaletteClient, palette: ScriptedPalette, sleeps: list[float]
) -> None:
    palette.on("POST", "/ecr", Reply(drop=True))
    palette.on("GET", "/summary", Reply(503), items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary", f"GET {OCI}/summary"]
    assert sleeps == [2.0, 4.0], "one budget, not one for each request"


@pytest.mark.parametrize(
    ("reply", "registration", "message"),
    [
        (
            error(400, "InvalidCredentials", "AccessDenied"),
            ROLE,
            "must trust Palette's AWS account with ExternalId x-1",
        ),
        (error(500, "InternalError", "AccessDenied"), ROLE, "must trust Palette's AWS account"),
        (error(403, "Denied", "not authorized to perform: sts:AssumeRole"), ROLE, "may need another minute"),
        (error(403, "Denied", "not authorized to perform: sts:AssumeRole"), ROLE, "run pulumi up --refresh"),
        (error(400, "InvalidCredentials", "x"), USER, r"accessKeyId \(AKIAX\), its secret"),
        (error(422, "x", "x"), BASIC, "check username and password"),
        (error(401, "Unauthorized", "from Harbor"), BASIC, "check username and password"),
    ],
)
def test_credentials_are_refused(
    client: PaletteClient, palette: ScriptedPalette, reply: Reply, registration: Registration, message: str
) -> None:
    palette.on("POST", "/validate", reply)
    palette.on("GET", "/summary", items())
    with pytest.raises(CredentialsRejected, match=rf"checked by Palette.*\n  -> .*{message}"):
        client.validate(registration)


@pytest.mark.parametrize(
    "reply",
    [error(401, "Unauthorized"), error(403, "Forbidden"), error(400, "ProjectUidIsNotEmpty"), Reply(404, "<html>"),
     error(404, "ResourceNotFound"), error(429, "TooManyRequests"), error(503, "Unavailable")],
)  # fmt: skip
def test_what_says_nothing_of_the_credentials(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/validate", reply)
    palette.on("GET", "/summary", reply)
    with pytest.raises(PaletteError) as caught:
        client.validate(ROLE)
    assert not isinstance(caught.value, CredentialsRejected)


def test_in_use(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("DELETE", "/ecr", error(409, "RegistryInUse", "used by profile web"))
    with pytest.raises(
        PaletteError, match=r"RegistryInUse: used by profile web\n  -> if cluster profiles use its packs"
    ):
        client.delete("ecr", "u1")


@pytest.mark.parametrize("reply", [error(409, "RegistryAlreadyExists", "taken"), error(400, "DuplicateName", "taken")])
def test_the_name_is_taken(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/ecr", reply)
    palette.on("PUT", "/ecr", reply)
    for operation in (lambda: client.create(ROLE), lambda: client.update("u1", ROLE)):
        with pytest.raises(NameTaken, match="taken\n  -> choose another name"):
            operation()


def test_a_404_needs_the_lists_word(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("DELETE", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items(), items(), items(("u1", "packs", "basic")))
    assert client.read("ecr", "u1") is None
    client.delete("ecr", "u1")
    for operation in (client.read, client.delete):
        with pytest.raises(PaletteError, match="but the list has it: packs, of kind basic"):
            operation("ecr", "u1")


@pytest.mark.parametrize("listed", [error(403, "Forbidden"), Reply(500), Reply(200, "<html>")])
def test_gone_is_not_taken_from_a_list_that_was_not_read(
    client: PaletteClient, palette: ScriptedPalette, listed: Reply
) -> None:
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("GET", "/summary", listed)
    with pytest.raises(PaletteError):
        client.read("ecr", "u1")


@pytest.mark.parametrize("reply", [Reply(body={}), error(403, "Forbidden"), error(404, "ResourceNotFound")])
def test_a_palette_that_tells_no_tenant(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("GET", "/users/me", reply)
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items())
    assert client.tenant() == ""
    assert client.read("ecr", "u1") is None
    with pytest.raises(KeyRejected, match=r"tenant that Palette doesn't tell; .*\n  -> give an API key of that tenant"):
        client.read("ecr", "u1", "t-1")


def test_gone_needs_a_key_of_the_tenant(client: PaletteClient, palette: ScriptedPalette) -> None:
    theirs, ours = (Reply(body={"status": {"tenant": {"orgName": "x", "tenantUid": uid}}}) for uid in ("t-2", "t-1"))
    palette.on("GET", "/users/me", theirs, theirs, Reply(401), ours)
    palette.on("GET", "/u1/ecr", GONE)
    palette.on("DELETE", "/u1/ecr", GONE)
    palette.on("GET", "/summary", items())
    for operation in (client.read, client.delete):
        with pytest.raises(KeyRejected, match="belongs to the tenant t-2; it was made in the tenant t-1"):
            operation("ecr", "u1", "t-1")
    with pytest.raises(KeyRejected):
        client.read("ecr", "u1", "t-1")
    assert client.read("ecr", "u1", "t-1") is None


def test_a_pack_that_is_not_indexed(client: PaletteClient, palette: ScriptedPalette) -> None:
    empty, null = Reply(body={"tags": []}), Reply(body={"name": "hello", "tags": None})
    other = error(404, "PackNotFound", "x")  # which words Palette has for it isn't known
    palette.on("GET", "/hello/registries/u1", GONE, other, empty, null, Reply(404, "<html>"))
    for _ in range(4):
        assert client.versions("hello", "u1") == frozenset()
    with pytest.raises(NotPalette):
        client.versions("hello", "u1")


@pytest.mark.parametrize("reply", [Reply(201), Reply(200, {}), Reply(201, {"uid": 1})])
def test_a_create_whose_response_is_cut(client: PaletteClient, palette: ScriptedPalette, reply: Reply) -> None:
    palette.on("POST", "/ecr", reply)
    palette.on("GET", "/summary", items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert palette.requests == [f"POST {OCI}/ecr", f"GET {OCI}/summary"]


def test_a_conflict_with_our_own_lost_attempt(client: PaletteClient, palette: ScriptedPalette) -> None:
    palette.on("POST", "/ecr", Reply(drop=True), error(409, "RegistryAlreadyExists"))
    palette.on("GET", "/summary", items(), items(("u1", "packs", "ecr")))
    assert client.create(ROLE) == "u1"
    assert len(palette.seen) == 4
