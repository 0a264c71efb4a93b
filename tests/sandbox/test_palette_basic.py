"""The Palette stand-in reads Basic registries (sandbox/palette/behaviour.md): distribution's, with TLS and a password."""

import base64
import hashlib
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests
import trustme

from tests.support.aws import Json, Register, manifest
from tests.support.palette import OCI, Palette, basic_spec, key_spec, pack_layer
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealRegistry]:
    with real_registry(tmp_path_factory.mktemp("secure"), tls=True) as running:
        push(running, "project/spectro-packs/archive/hello", "1.0.0", pack_layer())
        push(running, "project/spectro-packs/archive", "base", pack_layer())
        yield running


def push(registry: RealRegistry, name: str, tag: str, layer: bytes) -> None:
    with requests.Session() as session:
        session.trust_env = False
        session.headers["Authorization"] = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        session.verify = registry.ca_file or False
        for blob in (b"{}", layer):
            started = session.post(f"https://{registry.host}/v2/{name}/blobs/uploads/")
            place = requests.compat.urljoin(started.url, started.headers["Location"])
            digest = "sha256:" + hashlib.sha256(blob).hexdigest()
            assert session.put(place, params={"digest": digest}, data=blob).status_code == 201
        headers = {"Content-Type": json.loads(manifest())["mediaType"]}
        url = f"https://{registry.host}/v2/{name}/manifests/{tag}"
        assert session.put(url, data=manifest(layer), headers=headers).status_code == 201


@pytest.mark.registry
def test_basic(palette: Palette, register: Register, secure: RealRegistry) -> None:
    """PAL-11, PAL-14, PAL-45: with the CA, or without verification."""
    ca = Path(secure.ca_file or "").read_text()
    for tls in (
        {"certificate": ca},
        {"insecureSkipVerify": True},
        {"certificate": other_ca(), "insecureSkipVerify": True},
    ):
        for endpoint in (f"https://{secure.host}", f"https://{secure.host}/v2/"):
            spec = basic_spec(endpoint, "project", USER, PASSWORD, **tls)
            assert palette.send("POST", f"{OCI}/basic/validate", spec).status_code == 204
            uid = register("basic", spec)
            assert palette.sync("basic", uid)["status"] == "Success"
            assert palette.versions(uid) == ["1.0.0"]


def other_ca() -> str:
    return trustme.CA().cert_pem.bytes().decode()


Change = Callable[[RealRegistry], Json]


@pytest.mark.registry
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda _: {"password": "wrong"}, "401"),
        (lambda _: {"password": "********"}, "401"),
        (lambda _: {"user": "nobody"}, "401"),
        (lambda _: {"certificate": ""}, "CERTIFICATE_VERIFY_FAILED"),
        (lambda _: {"certificate": other_ca()}, "CERTIFICATE_VERIFY_FAILED"),
        (lambda _: {"certificate": "bm8gUEVN"}, "PEM"),
        (lambda _: {"endpoint": "https://127.0.0.1:1"}, "refused"),
        (lambda registry: {"endpoint": f"http://{registry.host}"}, "400"),
        (lambda registry: {"endpoint": f"https://{registry.host}/artifactory"}, "404"),
    ],
)
def test_basic_rejected(
    palette: Palette, register: Register, secure: RealRegistry, change: Change, message: str
) -> None:  # PAL-13, PAL-45
    good = {"endpoint": f"https://{secure.host}", "user": USER, "password": PASSWORD}
    params = {**good, "certificate": Path(secure.ca_file or "").read_text(), **change(secure)}
    spec = basic_spec(
        params["endpoint"], "project", params["user"], params["password"], certificate=params["certificate"]
    )
    response = palette.send("POST", f"{OCI}/basic/validate", spec)
    assert (response.status_code, response.json()["code"]) == (400, "InvalidCredentials")
    assert message in response.json()["message"]
    assert PASSWORD not in response.text
    uid = register("basic", spec)
    status = palette.sync("basic", uid)
    assert status["status"] == "Failed"
    assert message in status["message"]
    assert palette.versions(uid) == []


@pytest.mark.registry
def test_without_credentials(palette: Palette, register: Register, secure: RealRegistry, tmp_path: Path) -> None:
    """PAL-13, PAL-47: noAuth sends none; token and pod-identity (PAL-12) are not offered."""
    tls = {"certificate": Path(secure.ca_file or "").read_text()}
    spec: Json = {"endpoint": f"https://{secure.host}", "auth": {"type": "noAuth", "tls": tls}}
    assert "401" in palette.send("POST", f"{OCI}/basic/validate", spec).json()["message"]
    token = {**spec, "auth": {"type": "token", "token": "t", "tls": tls}}
    assert "not offered" in palette.send("POST", f"{OCI}/basic/validate", token).json()["message"]
    pod: Json = {**key_spec("base", "", ""), "credentials": {"credentialType": "pod-identity"}}
    assert "not offered" in palette.send("POST", f"{OCI}/ecr/validate", pod).json()["message"]
    with real_registry(tmp_path / "plain", tls=False) as plain:
        spec = {"endpoint": f"http://{plain.host}", "auth": {"type": "noAuth"}, "isSyncSupported": True}
        assert palette.send("POST", f"{OCI}/basic/validate", spec).status_code == 204
        assert palette.sync("basic", register("basic", spec))["status"] == "Success"


class _Website(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>It works!</html>")

    def log_message(self, *_: object) -> None:
        pass


def test_a_server_that_is_no_registry(palette: Palette, register: Register) -> None:  # PAL-45
    with HTTPServer(("127.0.0.1", 0), _Website) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            uid = register("basic", basic_spec(f"http://127.0.0.1:{server.server_port}", "project", "u", "p"))
            status = palette.sync("basic", uid)
        finally:
            server.shutdown()
            thread.join()
    assert status["status"] == "Failed"
    assert "no list of repositories" in status["message"]


@pytest.mark.registry
def test_base_path_of_the_address(palette: Palette, register: Register, secure: RealRegistry) -> None:
    """PAL-45: it comes before /v2, where distribution's registry has nothing."""
    spec = basic_spec(f"https://{secure.host}", "project", USER, PASSWORD, insecureSkipVerify=True)
    assert palette.send("POST", f"{OCI}/basic/validate", {**spec, "basePath": "/"}).status_code == 204
    uid = register("basic", {**spec, "basePath": "/artifactory/api/docker/key/"})
    assert f"https://{secure.host}/artifactory/api/docker/key/v2/" in palette.sync("basic", uid)["message"]
