"""Where a login comes from, where it goes, and where it never shows."""

from __future__ import annotations

import base64
import io
import json
import logging
import os
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from packinfra.http.errors import AuthRejected
from packinfra.oci import RegistryError
from packinfra.oci.auth.bearer import Authorization, Scope, parse_challenge
from packinfra.oci.auth.credentials import Anonymous, Credentials, CredentialsError, RegistryCredentials
from packinfra.oci.errors import CertificateUntrusted, NotAuthorized
from packinfra.oci.transport import Transport
from tests.support.oci import LAYER, SECRET, Setup, manifest
from tests.support.scripted_registry import Reply, ScriptedRegistry, error

HOST = "registry.example.com:5000"
SCOPE = "repository:base/spectro-packs/archive/hello:pull,push"
Config = Callable[..., None]


@pytest.fixture
def docker_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Config:
    """Writes a Docker config, and credential helpers that answer a JSON or fail with a text."""
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def write(content: object, helpers: dict[str, object] | None = None) -> None:
        text = content if isinstance(content, str) else json.dumps(content)
        (tmp_path / "config.json").write_text(text)
        for name, response in (helpers or {}).items():
            program = tmp_path / f"docker-credential-{name}"
            out, code = (response, 1) if isinstance(response, str) else (json.dumps(response), 0)
            program.write_text(f"#!{sys.executable}\nimport sys\nsys.stdin.read()\nprint({out!r})\nsys.exit({code})\n")
            program.chmod(0o755)

    return write


def entry(user: str, password: str) -> dict[str, str]:
    return {"auth": base64.b64encode(f"{user}:{password}".encode()).decode()}


def credentials(explicit: Credentials | None = None, environment: dict[str, str] | None = None) -> Credentials | None:
    return RegistryCredentials(HOST, explicit, environment or {}).get()


def test_the_order_of_sources(docker_config: Config) -> None:
    variables = {"PACKINFRA_REGISTRY_USERNAME": "env", "PACKINFRA_REGISTRY_PASSWORD": "e"}
    assert credentials() is None
    docker_config({"auths": {f"https://{HOST}/v1/": entry("file", "f:g")}})
    assert credentials() == Credentials("file", "f:g")
    assert credentials(None, variables) == Credentials("env", "e")
    assert credentials(Credentials("explicit", "g"), variables) == Credentials("explicit", "g")
    assert RegistryCredentials("other.example.com").get() is None


def test_credential_helpers_come_before_the_file(docker_config: Config) -> None:
    config = {"auths": {HOST: entry("file", "f")}, "credsStore": "all"}
    store = {"Username": "store", "Secret": "s"}
    docker_config(config, {"all": store})
    assert credentials() == Credentials("store", "s")
    docker_config({**config, "credHelpers": {HOST: "one"}}, {"one": {"Username": "helper", "Secret": "h"}})
    assert credentials() == Credentials("helper", "h")
    docker_config(config, {"all": "credentials not found in native keychain"})
    assert credentials() == Credentials("file", "f")


def test_identity_tokens(docker_config: Config) -> None:
    docker_config({"credsStore": "all"}, {"all": {"Username": "<token>", "Secret": "refresh"}})
    assert credentials() == Credentials("", "", "refresh")
    docker_config({"auths": {HOST: {"identitytoken": "refresh"}}})
    assert credentials() == Credentials("", "", "refresh")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "it is not JSON"),
        ({"auths": {HOST: {"auth": "bm8tY29sb24="}}}, "an entry is malformed"),
        ({"auths": {HOST: "x"}}, "Invalid configuration"),
        ({"credHelpers": {HOST: "broken"}}, "no network today"),
    ],
)
def test_a_login_that_is_there_but_unusable(docker_config: Config, content: object, message: str) -> None:
    docker_config(content, {"broken": "no network today"})
    with pytest.raises(CredentialsError, match=message) as caught:
        credentials()
    assert "docker login registry.example.com:5000" in str(caught.value)


@pytest.mark.filterwarnings("ignore:docker-credential-absent not installed")
def test_a_helper_that_is_not_installed(docker_config: Config) -> None:
    docker_config({"credsStore": "absent"})
    with pytest.raises(CredentialsError, match="docker-credential-absent not installed"):
        credentials()


@pytest.mark.parametrize("name", ["PACKINFRA_REGISTRY_USERNAME", "PACKINFRA_REGISTRY_PASSWORD"])
def test_half_a_login(name: str) -> None:
    with pytest.raises(CredentialsError, match="is not set"):
        credentials(None, {name: "x"})


def test_a_refused_login_is_looked_up_again(docker_config: Config) -> None:
    docker_config({"auths": {HOST: entry("user", "old")}})
    login = RegistryCredentials(HOST, environment={})
    first = login.get()
    docker_config({"auths": {HOST: entry("user", "new")}})
    assert login.get() == first
    assert login.get(rejected=first) == login.get() == Credentials("user", "new")


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
    authorization.refresh(AuthRejected(None, 'Bearer realm="https://h/token"'))
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

    def get(self, *, rejected: Credentials | None = None) -> Credentials:
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
        with pytest.raises(NotAuthorized, match="holds no usable token"):
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
