"""Registry, AWS's API and Palette: one way through proxies, one trust, and nothing that can't pass is tried again."""

from __future__ import annotations

import base64
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest

from packinfra.aws import network
from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import ecr_client
from packinfra.errors import PackinfraError
from packinfra.oci import Client, Reference
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from packinfra.oci.transport import Transport
from packinfra.palette import PaletteClient, PaletteTransport
from tests.support.proxy import ScriptedProxy
from tests.support.scripted_palette import Reply, ScriptedPalette, error
from tests.support.scripted_registry import ScriptedRegistry

ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
API, STS = "api.ecr.eu-west-1.amazonaws.com", "sts.eu-west-1.amazonaws.com"
REGISTRY, PALETTE = "registry.example.com", "palette.example.com"
KEYS = {"aws:accessKey": "AKIA", "aws:secretKey": "s3cret-of-aws"}
SECRETS = ("s3cret-of-aws", "s3cret-of-the-proxy", "s3cret-of-the-registry", "s3cret-of-palette")


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy") or name.endswith("_CA_BUNDLE") or name.startswith(("AWS_", "SSL_CERT_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/nowhere")


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """botocore's, since it takes no other way to wait; ours are given the same list."""
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    return pauses


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ScriptedPalette]:
    """All services at once, over TLS, as they look through a proxy that opens TLS: with a CA of its own."""
    with ScriptedPalette(tmp_path, names=(ECR, API, STS, REGISTRY, PALETTE)) as running:
        token = base64.b64encode(b"AWS:token").decode()
        running.on("POST", "/", Reply(body={"authorizationData": [{"authorizationToken": token, "expiresAt": 4e9}]}))
        running.on("GET", "/tags/list", Reply(body={"tags": ["1.0.0"]}))
        running.on("GET", "/summary", Reply(body={"items": []}))
        yield running


def registry(sleeps: list[float], host: str = REGISTRY) -> object:
    login = RegistryCredentials(host, Credentials("robot", "s3cret-of-the-registry", source="somewhere"))
    with Client(Transport(host, login, sleep=sleeps.append)) as client:
        return client.tags(Reference(host, "base/hello", "1.0.0"))


def ecr(sleeps: list[float]) -> object:
    with ecr_client(ECR, AwsConfig.of(KEYS)) as client:
        return client.tags(Reference(ECR, "base/hello", "1.0.0"))


def palette(sleeps: list[float]) -> object:
    return PaletteClient(PaletteTransport(PALETTE, "s3cret-of-palette", sleep=sleeps.append)).registries()


Service = Callable[[list[float]], object]
SERVICES = pytest.mark.parametrize("service", [registry, ecr, palette])


def fails(service: Service, sleeps: list[float], secrets: tuple[str, ...] = SECRETS) -> str:
    """The message, which holds no secret; nothing was tried again."""
    with pytest.raises(PackinfraError) as caught:
        service(sleeps)
    assert sleeps == []
    message = str(caught.value)
    assert not any(secret in message for secret in secrets)
    assert all(line.isprintable() for line in message.split("\n"))
    return message


# ---- trust


@SERVICES
@pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE"])
def test_a_proxy_that_opens_tls(
    server: ScriptedPalette, service: Service, name: str, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its CA is trusted for the registry, AWS's API and Palette alike, wherever it is named."""
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://me:s3cret-of-the-proxy@{proxy.host}")
        monkeypatch.setenv(name, str(Path(server.ca_file).parent) if name == "SSL_CERT_DIR" else server.ca_file)
        service(sleeps)
        hosts = {registry: [REGISTRY], palette: [PALETTE], ecr: [API, ECR]}[service]  # type: ignore[index]
        assert proxy.seen == [f"{host}:443" for host in hosts]


def test_the_ca_of_a_profile_and_the_roles_it_assumes(
    server: ScriptedPalette, tmp_path: Path, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """boto3 asks STS for the profile's role by itself: that way goes through the same proxy too."""
    (tmp_path / "config").write_text(
        f"[profile work]\nca_bundle = {server.ca_file}\nrole_arn = arn:aws:iam::123456789012:role/r\n"
        "source_profile = base\n[profile base]\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    xml = (
        "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>A</AccessKeyId><SecretAccessKey>B"
        "</SecretAccessKey><SessionToken>C</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>"
        "</AssumeRoleResult></AssumeRoleResponse>"
    )
    token = {"authorizationData": [{"authorizationToken": "QVdTOnQ=", "expiresAt": 4e9}]}
    server.on("POST", "^/", Reply(body=xml, headers={"Content-Type": "text/xml"}), Reply(body=token))
    server._script.insert(0, server._script.pop())
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("ALL_PROXY", f"socks5://{proxy.host}")
        data: Any = network.session(core("work")).client("ecr").get_authorization_token()
        assert data["authorizationData"][0]["authorizationToken"] == "QVdTOnQ="
        assert proxy.seen == [f"{STS}:443", f"{API}:443"]


@pytest.mark.parametrize("named", ["customCaBundle", "ca_bundle", "of the default profile"])
def test_the_ca_of_an_aws_configuration_is_trusted_for_the_push_too(
    server: ScriptedPalette, named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = {"aws:profile": "work"}
    profile = "default" if named == "of the default profile" else "profile work"
    text = f"[{profile}]\naws_access_key_id = AKIA\naws_secret_access_key = x\n"
    if named == "customCaBundle":
        config["aws:customCaBundle"] = server.ca_file
    else:
        text += f"ca_bundle = {server.ca_file}\n"
    (tmp_path / "config").write_text(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        with ecr_client(ECR, AwsConfig.of(config if profile != "default" else {})) as client:
            assert client.tags(Reference(ECR, "base/hello", "1.0.0")) == ["1.0.0"]
        assert proxy.seen == [f"{API}:443", f"{ECR}:443"]


def core(profile: str | None = None) -> botocore.session.Session:
    made = botocore.session.Session(profile=profile)
    made.set_config_variable("region", "eu-west-1")
    if not profile:
        made.set_credentials("AKIA", "s3cret-of-aws")
    return made


def test_a_ca_that_is_named_for_aws(server: ScriptedPalette, monkeypatch: pytest.MonkeyPatch) -> None:
    """As aws:customCaBundle names it."""
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        network.session(core(), server.ca_file).client("ecr").get_authorization_token()
        assert proxy.seen == [f"{API}:443"]


@pytest.mark.parametrize("mode", ["legacy", "standard"])
def test_a_lost_connection_is_tried_again(
    server: ScriptedPalette, mode: str, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", server.ca_file)
    monkeypatch.setenv("AWS_RETRY_MODE", mode)
    server._script.clear()
    server.on("POST", "/", Reply(drop=True), Reply(503), Reply(body={"authorizationData": []}))
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert network.session(core()).client("ecr").get_authorization_token()["authorizationData"] == []
    assert len(server.seen) == 3
    assert len(sleeps) == 2


# ---- attempts: a row for each thing that no later attempt changes


@SERVICES
def test_an_untrusted_certificate(
    server: ScriptedPalette, service: Service, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        message = fails(service, sleeps)
        assert proxy.connections == 1
    assert "unable to get local issuer certificate" in message or "self-signed" in message
    assert f"the proxy {proxy.host} (HTTPS_PROXY)" in message
    assert "add the CA certificate" in message


@SERVICES
def test_a_port_without_tls(service: Service, sleeps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    with ScriptedRegistry() as plain, ScriptedProxy(plain.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        assert "no TLS at" in fails(service, sleeps)
        assert proxy.connections == 1


@SERVICES
@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("login", ["", "me:s3cret-of-the-proxy@"])
def test_a_proxy_that_refuses_the_login(
    service: Service, scheme: str, login: str, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ScriptedProxy("127.0.0.1:1", "me:another") as proxy:
        monkeypatch.setenv("https_proxy", f"{scheme}://{login}{proxy.host}")
        assert f"the proxy {proxy.host} (https_proxy) refused: " in fails(service, sleeps)
        assert proxy.connections == 1


@SERVICES
@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("HTTPS_PROXY", "s3cret-of-the-proxy@", "HTTPS_PROXY is not the address of a proxy"),
        ("ALL_PROXY", "ftp://me:s3cret-of-the-proxy@h:1", "ALL_PROXY is not the address of a proxy"),
        ("HTTPS_PROXY", "http://proxy.invalid:3128", "no such host: proxy.invalid:3128 (HTTPS_PROXY)"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem", "REQUESTS_CA_BUNDLE: /nowhere/ca.pem: No such file"),
        ("AWS_CA_BUNDLE", "/nowhere/ca.pem", "/nowhere/ca.pem: No such file"),
        ("AWS_CA_BUNDLE", __file__, f"{__file__} holds no certificate"),
    ],
)  # fmt: skip
def test_a_variable_that_is_wrong(
    service: Service, name: str, value: str, message: str, sleeps: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert message in fails(service, sleeps)


def test_a_host_that_is_none(sleeps: list[float]) -> None:
    assert "no such host: registry.invalid" in fails(lambda sleeps: registry(sleeps, "registry.invalid"), sleeps)


def test_a_login_that_is_wrong(server: ScriptedPalette, sleeps: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    """One request each; also where the refusal repeats the secret, or would move a terminal's cursor."""
    echo = " ".join(SECRETS) + "\x1b[2J\u202e"
    code = {"__type": "UnrecognizedClientException", "message": "The security token is invalid" + "\x1b[2J"}
    server._script.clear()
    server.on("POST", "/", Reply(400, code))
    server.on("GET", "/summary", error(401, "InvalidKey", echo))
    server.on("GET", "/tags/list", Reply(401, {"errors": [{"code": "UNAUTHORIZED\x1b[2J", "message": echo}]}))
    monkeypatch.setenv("SSL_CERT_FILE", server.ca_file)
    sent = {registry: SECRETS[2:3], palette: SECRETS[3:]}
    with ScriptedProxy(server.host) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.host}")
        rejected = {
            registry: "the credentials came from somewhere", palette: "give an API key that is valid",
            ecr: "UnrecognizedClientException",
        }  # fmt: skip
        for service, message in rejected.items():
            server.seen.clear()
            assert message in fails(service, sleeps, sent.get(service, ()))
            assert len(server.seen) == 1
