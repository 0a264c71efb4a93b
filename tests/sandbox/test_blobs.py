"""``/v2``: names, blobs, uploads."""

import hashlib
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from packinfra.http.proxies import basic_authorization
from tests.support.aws import (
    REGION,
    Caller,
    MakeRepository,
    Registry,
    code_of,
    digest_of,
)
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

MIB = 1024 * 1024
LAYER = b"a layer of a pack"
NOWHERE = "sha256:" + "0" * 64


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "blobs/uploads/"),
        ("GET", f"blobs/{NOWHERE}"),
        ("GET", "manifests/1.0.0"),
        ("PUT", "manifests/1.0.0"),
        ("GET", "tags/list"),
    ],
)
def test_missing_repository(registry: Registry, method: str, path: str) -> None:  # BLOB-1
    response = registry.send(method, f"/v2/s/none/{path}")
    assert code_of(response) == (404, "NAME_UNKNOWN")
    assert "The repository with name 's/none' does not exist in the registry with id" in response.text


@pytest.mark.parametrize("name", ["Upper", "a//b", "a..b", "x"])
def test_names(registry: Registry, name: str) -> None:  # BLOB-2
    assert code_of(registry.send("GET", f"/v2/{name}/tags/list")) == (400, "NAME_INVALID")


def test_head_blob(registry: Registry, repository: str) -> None:  # BLOB-3
    digest = registry.push_blob(repository, LAYER)
    head = registry.send("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert head.status_code == 200
    assert head.headers["Docker-Content-Digest"] == digest
    assert head.headers["Content-Length"] == str(len(LAYER))
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{NOWHERE}").status_code == 404


def test_get_blob(registry: Registry, repository: str) -> None:  # BLOB-4, BLOB-5
    digest = registry.push_blob(repository, LAYER)
    redirect = registry.send("GET", f"/v2/{repository}/blobs/{digest}", allow_redirects=False)
    assert redirect.status_code == 307
    link = redirect.headers["Location"]
    assert urlsplit(link).hostname == f"prod-{REGION}-starport-layer-bucket.s3.{REGION}.amazonaws.com"
    assert registry.send("GET", link, auth=None).content == LAYER
    leaked = registry.send("GET", link)  # with the registry's credentials
    assert leaked.status_code == 400
    assert "Only one auth mechanism allowed" in leaked.text
    assert registry.send("GET", f"/v2/{repository}/blobs/{digest}").content == LAYER
    assert registry.send("GET", link.replace("amazonaws.com/", "amazonaws.com/x"), auth=None).status_code == 403


@pytest.mark.parametrize("digest", [NOWHERE, "sha256:abc", "sha512:" + "0" * 128])
def test_get_unknown_blob(registry: Registry, repository: str, digest: str) -> None:  # BLOB-6
    assert code_of(registry.send("GET", f"/v2/{repository}/blobs/{digest}")) == (404, "BLOB_UNKNOWN")


@pytest.mark.parametrize("query", ["", f"?digest={NOWHERE}", f"?mount={NOWHERE}&from=s/other"])
def test_start_upload(registry: Registry, repository: str, query: str) -> None:  # BLOB-7, BLOB-8
    response = registry.send("POST", f"/v2/{repository}/blobs/uploads/{query}")
    assert response.status_code == 202
    upload = response.headers["Docker-Upload-UUID"]
    assert response.headers["Location"] == f"/v2/{repository}/blobs/uploads/{upload}"
    assert response.headers["Range"] == "0-0"


def test_put_upload(registry: Registry, repository: str) -> None:  # BLOB-9
    digest = digest_of(LAYER)
    response = registry.send("PUT", f"{registry.start(repository)}?digest={digest}", data=LAYER)
    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == digest
    assert response.headers["Location"] == f"/v2/{repository}/blobs/{digest}"


@pytest.mark.parametrize("query", ["", "?digest=", "?digest=sha256:abc", f"?digest={NOWHERE}", "?digest=md5:abc"])
def test_wrong_digests(registry: Registry, repository: str, query: str) -> None:  # BLOB-10
    response = registry.send("PUT", registry.start(repository) + query, data=LAYER)
    assert code_of(response) == (400, "DIGEST_INVALID")
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(LAYER)}").status_code == 404


def test_zero_byte_blob(registry: Registry, repository: str) -> None:  # BLOB-11
    response = registry.send("PUT", f"{registry.start(repository)}?digest={digest_of(b'')}", data=b"")
    assert code_of(response) == (400, "BLOB_UPLOAD_INVALID")
    assert "does not have any parts" in response.text


def test_upload_address_is_good_for_one_body(registry: Registry, repository: str) -> None:  # BLOB-12
    for digest in (digest_of(LAYER), NOWHERE):  # after a success, and after a failure
        location = registry.start(repository)
        registry.send("PUT", f"{location}?digest={digest}", data=LAYER)
        for method in ("PUT", "PATCH"):
            response = registry.send(method, f"{location}?digest={digest_of(LAYER)}", data=LAYER)
            assert code_of(response) == (416, "BLOB_UPLOAD_INVALID")
            assert f"First byte of the layer part is 0 instead of {len(LAYER)}" in response.text


def test_spent_upload_cannot_be_finished_again(registry: Registry, repository: str) -> None:  # BLOB-12
    location = registry.start(repository)
    for expected in (201, 416):
        data = LAYER if expected == 201 else b""
        response = registry.send("PUT", f"{location}?digest={digest_of(LAYER)}", data=data)
        assert response.status_code == expected


def test_unknown_upload(registry: Registry, make_repository: MakeRepository) -> None:  # BLOB-13
    here, there = make_repository(), make_repository()
    elsewhere = registry.start(there).replace(there, here)
    for location in (f"/v2/{here}/blobs/uploads/{uuid.uuid4()}", elsewhere):
        response = registry.send("PUT", f"{location}?digest={digest_of(LAYER)}", data=LAYER)
        assert code_of(response) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_patch_differs_from_the_spec(registry: Registry, repository: str) -> None:  # BLOB-14
    parts = [bytes([n]) * 5 * MIB for n in range(2)] + [LAYER]
    location, sent = registry.start(repository), 0
    for part in parts:
        headers = {"Content-Range": f"{sent}-{sent + len(part) - 1}"}
        response = registry.send("PATCH", location, data=part, headers=headers)
        assert response.status_code == 201
        assert response.headers["Range"] == f"0-{5 * MIB - 1}"
        sent += len(part)
    content = b"".join(parts)
    assert registry.send("PUT", f"{location}?digest={digest_of(content)}").status_code == 201
    assert registry.send("GET", f"/v2/{repository}/blobs/{digest_of(content)}").content == content


def test_patch_that_trusts_the_range(registry: Registry, repository: str) -> None:  # BLOB-12, BLOB-14
    location, part = registry.start(repository), bytes(5 * MIB)
    for start in (0, 5 * MIB):
        registry.send("PATCH", location, data=part, headers={"Content-Range": f"{start}-{start + 5 * MIB - 1}"})
    response = registry.send("PATCH", location, data=part, headers={"Content-Range": f"{5 * MIB}-{10 * MIB - 1}"})
    assert code_of(response) == (416, "BLOB_UPLOAD_INVALID")


def test_small_parts(registry: Registry, repository: str) -> None:  # BLOB-15
    location = registry.start(repository)
    registry.send("PATCH", location, data=LAYER)
    headers = {"Content-Range": f"{len(LAYER)}-{2 * len(LAYER) - 1}"}
    response = registry.send("PUT", f"{location}?digest={digest_of(LAYER * 2)}", data=LAYER, headers=headers)
    assert code_of(response) == (400, "BLOB_UPLOAD_INVALID")


def test_body_cut_short(registry: Registry, repository: str, sandbox: Sandbox) -> None:  # BLOB-16
    location = registry.start(repository)
    half = bytes(MIB)
    assert registry.credentials
    auth = basic_authorization(*registry.credentials)
    proxy = urlsplit(sandbox.variables["HTTPS_PROXY"])
    with socket.create_connection((proxy.hostname or "", proxy.port or 0), timeout=10) as plain:
        plain.sendall(f"CONNECT {registry.host}:443 HTTP/1.1\r\n\r\n".encode())
        assert b"200" in plain.recv(4096)
        context = ssl.create_default_context(cafile=sandbox.ca)
        with context.wrap_socket(plain, server_hostname=registry.host) as secure:
            head = f"PUT {location}?digest={digest_of(half)} HTTP/1.1\r\nHost: {registry.host}\r\n"
            head += f"Authorization: {auth}\r\nContent-Length: {2 * MIB}\r\n\r\n"
            secure.sendall(head.encode() + half)
    response = registry.send("PUT", f"{location}?digest={digest_of(half)}", data=half)
    assert response.status_code == 416
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{digest_of(half)}").status_code == 404


@pytest.fixture(scope="module")
def dropping(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The owner of a sandbox that hangs up on uploads instead of rejecting them."""
    with running_sandbox(tmp_path_factory.mktemp("s"), "--missing-repository", "drop") as sandbox:
        yield Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


def test_missing_repository_as_dropped_connection(dropping: Caller) -> None:  # BLOB-19
    registry = dropping.registry()
    with pytest.raises(requests.ConnectionError):
        registry.send("POST", "/v2/s/none/blobs/uploads/")
    assert code_of(registry.send("GET", "/v2/s/none/tags/list")) == (404, "NAME_UNKNOWN")
    dropping.ecr.create_repository(repositoryName="s/some")
    assert registry.push("s/some", "1.0.0", LAYER)


def test_delete_blob(registry: Registry, repository: str) -> None:  # BLOB-17
    digest = registry.push_blob(repository, LAYER)
    assert code_of(registry.send("DELETE", f"/v2/{repository}/blobs/{digest}")) == (405, "UNSUPPORTED")


def test_large_blob_stays_out_of_memory(tmp_path: Path) -> None:  # BLOB-18
    """One PUT of 1 GiB, sent in pieces; the peak is that of the sandbox process."""
    status = "/proc/{}/status"
    if not Path(status.format("self")).exists():
        pytest.skip("needs /proc")
    with running_sandbox(tmp_path / "s") as sandbox:
        caller = Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])
        caller.ecr.create_repository(repositoryName="s/large")
        registry = caller.registry()
        registry.push_blob("s/large", b"warm")

        def peak() -> int:
            text = Path(status.format(sandbox.pid)).read_text()
            return int(text.partition("VmHWM:")[2].split()[0]) * 1024

        piece, count = bytes(range(256)) * 4096, 1024
        whole = hashlib.sha256()
        for _ in range(count):
            whole.update(piece)
        digest = whole.hexdigest()
        before = peak()
        location = f"{registry.start('s/large')}?digest=sha256:{digest}"
        response = registry.send("PUT", location, data=(piece for _ in range(count)))
        assert response.status_code == 201, response.text
        assert peak() - before < 64 * MIB

        uploads = [  # BAD-8
            threading.Thread(target=registry.push_blob, args=["s/large", bytes([n]) * MIB]) for n in range(100)
        ]
        for upload in uploads:
            upload.start()
        for upload in uploads:
            upload.join(60)
        assert peak() - before < 128 * MIB
