"""Where a login comes from, where it goes, and where it never shows."""

from __future__ import annotations

import base64
import io
import json
import logging
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packinfra.http.errors import AuthRejected
from packinfra.oci import Reference, RegistryError
from packinfra.oci.auth.bearer import Authorization, Scope, parse_challenge
from packinfra.oci.auth.credentials import Anonymous, Credentials, CredentialsError, RegistryCredentials
from packinfra.oci.errors import CertificateUntrusted, NotAuthorized
from packinfra.oci.transport import Transport
from tests.support.oci import LAYER, SECRET, Setup, manifest
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

HOST = "registry.example.com:5000"
SCOPE = "repository:base/spectro-packs/archive/hello:pull,push"
VARIABLES = {"PACKINFRA_REGISTRY_USERNAME": "env", "PACKINFRA_REGISTRY_PASSWORD": "e"}


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {"HOME": str(tmp_path)}


def log_in(environment: dict[str, str], user: str, password: str) -> None:
    """As docker login does."""
    file = Path(environment["HOME"], ".docker/config.json")
    file.parent.mkdir(exist_ok=True)
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {f"https://{HOST}/v1/": {"auth": auth}}}))


def test_the_order_of_sources(environment: dict[str, str]) -> None:
    """The files themselves: test_docker_config.py."""
    configured = Credentials("explicit", "g")
    assert RegistryCredentials(HOST, environment=environment).get() is None
    log_in(environment, "file", "f:g")
    assert RegistryCredentials(HOST, environment=environment).get() == Credentials("file", "f:g")
    assert RegistryCredentials(HOST, None, environment | VARIABLES).get() == Credentials("env", "e")
    assert RegistryCredentials(HOST, configured, environment | VARIABLES).get() == configured
    assert RegistryCredentials("other.example.com", environment=environment).get() is None


@pytest.mark.parametrize("name", ["PACKINFRA_REGISTRY_USERNAME", "PACKINFRA_REGISTRY_PASSWORD"])
def test_half_a_login(name: str) -> None:
    with pytest.raises(CredentialsError, match="is not set"):
        RegistryCredentials(HOST, None, {name: "x"}).get()


def test_a_refused_login_is_looked_up_again(environment: dict[str, str]) -> None:
    log_in(environment, "user", "old")
    login = RegistryCredentials(HOST, environment=environment)
    first = login.get()
    log_in(environment, "user", "new")
    assert login.get() == first
    assert login.get(rejected=first) == login.get() == Credentials("user", "new")


def test_each_path_has_its_login(environment: dict[str, str]) -> None:
    """Podman's and go-containerregistry's rule; the error of a rejection names file and entry."""
    with ScriptedRegistry(login="robot:right") as registry:
        file = Path(environment["HOME"], ".docker/config.json")
        file.parent.mkdir()
        entries = {
            f"{registry.host}/other": {"username": "robot", "password": "wr0ng"},
            f"{registry.host}/base": {"username": "robot", "password": "right"},
        }
        file.write_text(json.dumps({"auths": entries}))
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, environment=environment))
        assert setup.client.resolve(setup.reference) is None
        with pytest.raises(NotAuthorized) as caught:
            setup.client.resolve(Reference(registry.host, "other/hello", "1.0.0"))
    assert f'the credentials came from auths entry "{registry.host}/other" in {file}' in str(caught.value)
    assert "wr0ng" not in str(caught.value)


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize(
    ("credentials", "origin"),
    [
        (RegistryCredentials("h", Credentials("robot", "wr0ng", source="somewhere")), "the credentials came from somewhere"),
        (RegistryCredentials("h", None, VARIABLES), "came from PACKINFRA_REGISTRY_USERNAME and PACKINFRA_REGISTRY_PASSWORD"),
        (RegistryCredentials("h", None, {"HOME": "/nowhere"}), "no credentials were sent: neither the stack's config nor"),
    ],
)  # fmt: skip
def test_a_rejection_says_whose_credentials(tokens: bool, credentials: RegistryCredentials, origin: str) -> None:
    with ScriptedRegistry(login="robot:right", tokens=tokens) as registry:
        setup = Setup(registry, credentials=credentials)
        with pytest.raises(NotAuthorized, match=origin):
            setup.client.resolve(setup.reference)


# ---- Bearer


@pytest.mark.parametrize(
    ("header", "realm", "service"),
    [
        ('Bearer realm="https://h/token",service="s",scope="repository:a:pull"', "https://h/token", "s"),
        ('bearer   realm="https://h/token"', "https://h/token", ""),
        ('Basic realm="x", Bearer realm="https://h/token",service="s"', "https://h/token", "s"),
        ('Bearer realm="https://h/token",service="s", Basic realm="x"', "https://h/token", "s"),
    ],
)
def test_challenges(header: str, realm: str, service: str) -> None:
    bearer = parse_challenge(header)
    assert bearer
    assert (bearer.realm, bearer.service) == (realm, service)
    for other in ("", 'Basic realm="x"', "Bearer", 'Bearer service="s"'):
        assert parse_challenge(other) is None


def test_one_challenge_per_process_and_one_token_per_scope() -> None:
    with ScriptedRegistry(login=f"robot:{SECRET}", tokens=True) as registry:
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", SECRET)))
        setup.publish()
        push = f"repository:{setup.reference.repository}:pull,push"
        assert sorted(registry.issued.values()) == [push]
        assert registry.requests.count("HEAD manifest") == 2  # the first was challenged
        assert len(registry.seen) == 8 + 1 + 1
        registry.seen.clear()
        layer = b"next"
        other = setup.tagged("1.1.0")
        assert setup.client.resolve(other, publishing=True) is None
        setup.client.push(other, manifest(layer), lambda: io.BytesIO(layer))
        assert len(registry.seen) == 6
        assert setup.sleeps == []


def test_tokens_of_several_scopes_are_fetched_at_the_same_time() -> None:
    """Each scope's once: a token service that hangs over one repository stops no other."""
    asked: list[str] = []
    together = threading.Barrier(2, timeout=10)

    def ask(_realm: str, parameters: Mapping[str, str], _login: Credentials | None) -> bytes:
        asked.append(parameters["scope"])
        together.wait()
        return json.dumps({"token": parameters["scope"]}).encode()

    authorization = Authorization(Anonymous(), ask, clock=lambda: 0.0)
    authorization.refresh("a", AuthRejected(None, 'Bearer realm="https://h/token"'))
    scopes = [Scope("a"), Scope("b")] * 2
    with ThreadPoolExecutor(len(scopes)) as threads:
        headers = list(threads.map(authorization.header, scopes))
    assert headers == [f"Bearer {scope}" for scope in scopes]
    assert sorted(asked) == [str(scope) for scope in scopes[:2]]


def test_a_token_that_expires_or_is_revoked() -> None:
    now = [0.0]
    with ScriptedRegistry(login=f"robot:{SECRET}", tokens=True) as registry:
        credentials = RegistryCredentials(registry.host, Credentials("robot", SECRET))
        setup = Setup(registry, credentials=credentials, clock=lambda: now[0])
        setup.publish()
        now[0] = 291.0  # of 300, less 10
        setup.client.resolve(setup.reference)
        assert len(registry.issued) == 2
        registry.issued.clear()
        registry.issued["x"] = ""
        registry.seen.clear()
        assert setup.client.resolve(setup.reference) == manifest().digest
        assert registry.requests == ["HEAD manifest", "GET manifest", "GET token", "HEAD manifest"]


def test_an_identity_token_is_exchanged() -> None:
    with ScriptedRegistry(login="x:y", tokens=True) as registry:
        credentials = RegistryCredentials(registry.host, Credentials("", "", SECRET))
        setup = Setup(registry, credentials=credentials)
        registry.next("POST", "^/token", Reply(after=False, body=b'{"access_token":"abc","expires_in":"300"}'))
        registry.issued["abc"] = f"repository:{setup.reference.repository}:pull"
        assert setup.client.resolve(setup.reference) is None
        assert [seen.headers.get("Authorization") for seen in registry.seen] == [None, None, "Bearer abc"]


@pytest.mark.parametrize("identity", ["", SECRET], ids=["password", "identity token"])
def test_a_token_service_elsewhere_gets_no_login_unless_it_is_named(identity: str) -> None:
    """GitLab on a server of its own (docker/sbx-releases#535)."""
    login = Credentials("", "", identity) if identity else Credentials("robot", "x")
    with (
        ScriptedRegistry(login=None if identity else "robot:x", tokens=False) as elsewhere,
        ScriptedRegistry(login="robot:x", tokens=True) as registry,
    ):
        registry.realm_host, registry.issued = elsewhere.host, elsewhere.issued
        for named in (None, "127.0.0.1:1"):
            setup = Setup(registry, credentials=RegistryCredentials(registry.host, login), token_host=named)
            with pytest.raises(NotAuthorized, match=r"the login was not sent.* on another host") as caught:
                setup.client.resolve(setup.reference)
            assert f"\n  -> if that host may get the login, name it: registry: {{tokenHost: {elsewhere.host}}}" in str(
                caught.value
            )
            assert elsewhere.seen == []
            assert setup.sleeps == []
        registry.seen.clear()
        setup = Setup(
            registry, credentials=RegistryCredentials(registry.host, login), token_host=elsewhere.host.upper()
        )
        setup.publish()
        assert len(elsewhere.seen) == 1
        assert all("Basic" not in seen.headers.get("Authorization", "") for seen in registry.seen[1:])


def test_a_token_service_elsewhere_is_asked_without_a_login_by_those_who_have_none() -> None:
    with ScriptedRegistry() as elsewhere, ScriptedRegistry(login="robot:x", tokens=True) as registry:
        registry.realm_host, registry.issued = elsewhere.host, elsewhere.issued
        setup = Setup(registry, credentials=Anonymous())
        assert setup.client.resolve(setup.reference) is None
        assert [seen.path.partition("?")[0] for seen in elsewhere.seen] == ["/token"]
        assert "Authorization" not in elsewhere.seen[0].headers


def test_a_token_service_that_redirects() -> None:
    """The login goes along where it may go, and no further."""
    with ScriptedRegistry() as elsewhere, ScriptedRegistry(login="robot:x", tokens=True) as registry:
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", "x")))
        registry.next("GET", "^/token", Reply(308, {"Location": f"/token?again=1&scope={SCOPE}"}))
        assert setup.client.resolve(setup.reference) is None
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", "x")))
        registry.next("GET", "^/token", Reply(302, {"Location": f"http://{elsewhere.host}/token?scope={SCOPE}"}))
        with pytest.raises(NotAuthorized, match="the login was not sent"):
            setup.client.resolve(setup.reference)
        assert elsewhere.seen == []


class Changed:
    """A login that somebody changed: the first that is given out is out of date."""

    def __init__(self, *logins: Credentials) -> None:
        self.logins = list(logins)

    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials:
        if rejected == self.logins[0] and len(self.logins) > 1:
            del self.logins[0]
        return self.logins[0]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_login_that_the_token_service_rejects_is_looked_up_again(status: int) -> None:
    """Once: an expired password of a credential helper, an identity token that ran out (400: RFC 6749, 5.2)."""
    with ScriptedRegistry(login="robot:new", tokens=True) as registry:
        setup = Setup(registry, credentials=Changed(Credentials("robot", "old"), Credentials("robot", "new")))
        registry.next("GET", "^/token", Reply(status, body=b'{"error":"invalid_grant"}'))
        setup.publish()
        assert registry.requests.count("GET token") == 2
        assert setup.sleeps == []
        setup = Setup(registry, credentials=Changed(Credentials("robot", "old"), Credentials("robot", "older")))
        registry.seen.clear()
        with pytest.raises(NotAuthorized, match="could not get a token"):
            setup.client.resolve(setup.reference)
        assert registry.requests == ["HEAD manifest", "GET token", "GET token"]


@pytest.mark.parametrize("realm", ["https://[bad", "https://h:port", "ftp://h"])
def test_a_realm_that_leads_nowhere(realm: str) -> None:
    with ScriptedRegistry(login="robot:x", tokens=True) as registry:
        registry.next("HEAD", "/manifests/", Reply(401, {"WWW-Authenticate": f'Bearer realm="{realm}",service="s"'}))
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", "x")))
        with pytest.raises(RegistryError, match=r"could not get a token .*(invalid URL|without TLS)"):
            setup.client.resolve(setup.reference)
        assert len(registry.seen) == 1


def test_an_identity_token_for_a_registry_without_a_token_service() -> None:
    credentials = RegistryCredentials("h", Credentials("", "", SECRET, source="a file"))
    with ScriptedRegistry(login="x:y") as registry, pytest.raises(NotAuthorized) as caught:
        setup = Setup(registry, credentials=credentials)
        setup.client.resolve(setup.reference)
    assert "; the identity token from a file was not sent, since the registry names no token service" in str(
        caught.value
    )
    assert SECRET not in str(caught.value)


def test_an_identity_token_stays_out_of_errors() -> None:
    with ScriptedRegistry(login="x:y", tokens=True) as registry:
        echo = error("DENIED", f"refresh token {SECRET} is expired")
        registry.next("POST", "^/token", Reply(401, body=echo))
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("", "", SECRET)))
        with pytest.raises(NotAuthorized, match=r"401 DENIED: refresh token \.\.\. is expired"):
            setup.client.resolve(setup.reference)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"token":"x","expires_in":"soon"}', b'{"token":"a\\nb"}', b'{"token":"a\\u2028b"}',
        b'{"token":["x"]}', b'{"token":"x","expires_in":NaN}', b'{"token":"x","expires_in":1' + b"0" * 400 + b"}",
        b'{"token":"' + b"x" * 100_000 + b'"}', b"[" * 100_000, b"\xff",
    ],
)  # fmt: skip
def test_a_token_service_that_gives_no_token(body: bytes) -> None:
    with ScriptedRegistry(login="robot:x", tokens=True) as registry:
        registry.next("GET", "^/token", Reply(200, body=body))
        setup = Setup(registry, credentials=RegistryCredentials(registry.host, Credentials("robot", "x")))
        with pytest.raises(NotAuthorized, match="holds no usable token\n  -> check what responds at that URL"):
            setup.client.resolve(setup.reference)


@pytest.mark.parametrize("tokens", [False, True])
@pytest.mark.parametrize("credentials", [Anonymous(), RegistryCredentials("h", Credentials("robot", "wrong"))])
def test_a_login_that_is_wrong(tokens: bool, credentials: Anonymous) -> None:
    with ScriptedRegistry(login="robot:right", tokens=tokens) as registry:
        setup = Setup(registry, credentials=credentials)
        with pytest.raises(NotAuthorized, match="401 UNAUTHORIZED"):
            setup.client.resolve(setup.reference)
        assert setup.sleeps == []
        assert len(registry.seen) <= 3


# ---- where a login never shows


def test_secrets_stay_out_of_errors_logs_and_reprs(
    registry: ScriptedRegistry, setup: Setup, caplog: pytest.LogCaptureFixture
) -> None:
    """Also what a registry echoes, and the keys that stand in the queries of uploads and downloads."""
    caplog.set_level(logging.DEBUG)
    header = base64.b64encode(f"robot:{SECRET}-0".encode()).decode()
    texts = [repr(setup.credentials.get()), repr(setup.client), repr(Credentials("u", SECRET, SECRET))]
    signed = f"http://{registry.host}/signed?X-Amz-Signature={SECRET}"
    setup.push()
    registry.next("GET", "/blobs/", Reply(307, {"Location": signed}))
    registry.next("GET", "^/signed", Reply(403, body=b"no"))
    registry.next("POST", "/uploads/", Reply(202, {"Location": f"/v2/x/blobs/uploads/1?_state={SECRET}"}))
    registry.next("PUT", "_state", Reply(400, body=error("DENIED", f"Basic {header} (robot:{SECRET}-0) is not wanted")))
    for action in (
        lambda: setup.client.pull(setup.reference, manifest().layers[0], io.BytesIO()),
        lambda: setup.push(b"other"),
        lambda: Transport("127.0.0.1:1", plain_http=True).call(setup.reference).budget.attempt(lambda: 1 / 0),
    ):
        try:
            action()
        except (RegistryError, ZeroDivisionError) as failure:
            texts += [str(failure), repr(failure), repr(getattr(failure, "auth_rejected", None)), repr(vars(failure))]
    assert "is not wanted" in str(texts)
    assert "urllib3" in caplog.text
    assert "POST /v2/base" in caplog.text
    for secret in (SECRET, header, "_state"):
        assert secret not in "\n".join([caplog.text, *texts])


def test_trust_is_the_callers_word(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing")
    with pytest.raises(CertificateUntrusted, match="holds no certificate"):
        Transport("h.example", ca_file=str(empty))
    with pytest.raises(CertificateUntrusted, match="No such file"):
        Transport("h.example", ca_file=str(tmp_path / "none.pem"))


def test_netrc_is_not_read(registry: ScriptedRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login someone password {SECRET}")
    monkeypatch.setenv("HOME", str(tmp_path))
    setup = Setup(registry, credentials=Anonymous())
    setup.publish(LAYER)
    assert not any("Authorization" in seen.headers for seen in registry.seen)
