"""``/v2``: blobs, uploads, manifests, tags."""

import hashlib
import json
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from tests.sandbox.conftest import (
    INDEX,
    MANIFEST,
    REGION,
    Caller,
    Json,
    MakeRepository,
    Registry,
    code_of,
    descriptor,
    digest_of,
    manifest,
    refused,
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
    found = registry.send("HEAD", f"/v2/{repository}/blobs/{digest}")
    assert found.status_code == 200
    assert found.headers["Docker-Content-Digest"] == digest
    assert found.headers["Content-Length"] == str(len(LAYER))
    assert registry.send("HEAD", f"/v2/{repository}/blobs/{NOWHERE}").status_code == 404


def test_get_blob(registry: Registry, repository: str) -> None:  # BLOB-4, BLOB-5
    digest = registry.push_blob(repository, LAYER)
    sent_away = registry.send("GET", f"/v2/{repository}/blobs/{digest}", allow_redirects=False)
    assert sent_away.status_code == 307
    link = sent_away.headers["Location"]
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


def test_patch_is_odd(registry: Registry, repository: str) -> None:  # BLOB-14
    parts = [bytes([n]) * 5 * MIB for n in range(2)] + [LAYER]
    location, sent = registry.start(repository), 0
    for part in parts:
        headers = {"Content-Range": f"{sent}-{sent + len(part) - 1}"}
        response = registry.send("PATCH", location, data=part, headers=headers)
        assert response.status_code == 201
        assert response.headers["Range"] == f"0-{5 * MIB - 1}"
        sent += len(part)
    whole = b"".join(parts)
    assert registry.send("PUT", f"{location}?digest={digest_of(whole)}").status_code == 201
    assert registry.send("GET", f"/v2/{repository}/blobs/{digest_of(whole)}").content == whole


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
    assert registry.login
    auth = requests.auth._basic_auth_str(*registry.login)
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
    """The owner of a sandbox that hangs up on uploads it would refuse."""
    with running_sandbox(tmp_path_factory.mktemp("s"), "--missing-repository", "drop") as sandbox:
        yield Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


def test_missing_repository_as_dropped_connection(dropping: Caller) -> None:  # BLOB-19
    registry = dropping.registry()
    with pytest.raises(requests.ConnectionError):
        registry.send("POST", "/v2/s/none/blobs/uploads/")
    assert code_of(registry.send("GET", "/v2/s/none/tags/list")) == (404, "NAME_UNKNOWN")
    dropping.ecr.create_repository(repositoryName="s/some")
    assert registry.push("s/some", "1.0.0", LAYER)


def test_pace_is_on_unless_switched_off(dropping: Caller) -> None:  # MAN-17
    dropping.ecr.create_repository(repositoryName="s/paced")
    registry = dropping.registry()
    registry.push("s/paced", "0", LAYER)
    answers = [registry.put("s/paced", str(n), manifest(LAYER)).status_code for n in range(1, 20)]
    assert 429 in answers
    assert set(answers[:5]) == {201}


def test_delete_blob(registry: Registry, repository: str) -> None:  # BLOB-17
    digest = registry.push_blob(repository, LAYER)
    assert code_of(registry.send("DELETE", f"/v2/{repository}/blobs/{digest}")) == (405, "UNSUPPORTED")


def test_large_blob_stays_out_of_memory(tmp_path: Path) -> None:  # BLOB-18
    """One PUT of 1 GiB, sent in pieces; the peak is the sandbox process's own."""
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


def test_head_and_get_manifest(registry: Registry, repository: str) -> None:  # MAN-1, MAN-2
    digest = registry.push(repository, "1.0.0", LAYER)
    for reference in ("1.0.0", digest):
        path = f"/v2/{repository}/manifests/{reference}"
        head = registry.send("HEAD", path, headers={"Accept": "text/html"})
        assert (head.status_code, head.headers["Docker-Content-Digest"]) == (200, digest)
        assert head.headers["Content-Type"] == MANIFEST
        assert head.headers["Content-Length"] == str(len(manifest(LAYER)))
        get = registry.send("GET", path)
        assert get.content == manifest(LAYER)
        assert get.headers["Content-Type"] == MANIFEST
        assert "Docker-Content-Digest" not in get.headers


@pytest.mark.parametrize("reference", ["9.9.9", NOWHERE])
def test_unknown_manifest(registry: Registry, repository: str, reference: str) -> None:  # MAN-3
    path = f"/v2/{repository}/manifests/{reference}"
    assert registry.send("HEAD", path).status_code == 404
    response = registry.send("GET", path)
    assert code_of(response) == (404, "MANIFEST_UNKNOWN")
    assert "Requested image not found" in response.text


def test_put_manifest(registry: Registry, repository: str) -> None:  # MAN-4
    registry.push(repository, "1.0.0", LAYER)
    content = manifest(LAYER)
    for reference in ("2.0.0", digest_of(content), "3" * 300):
        response = registry.put(repository, reference, content)
        assert response.status_code == 201, response.text
        assert response.headers["Docker-Content-Digest"] == digest_of(content)
        assert response.headers["Location"] == f"/v2/{repository}/manifests/{digest_of(content)}"


def test_missing_layers(registry: Registry, repository: str) -> None:  # MAN-5
    registry.push_blob(repository, b"{}")
    response = registry.put(repository, "1.0.0", manifest(LAYER))
    assert code_of(response) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert f"Layers with digests '[{digest_of(LAYER)}]' required for pushing image" in response.text


def test_missing_layers_in_another_repository(registry: Registry, make_repository: MakeRepository) -> None:  # MAN-5
    registry.push(make_repository(), "1.0.0", LAYER)
    assert code_of(registry.put(make_repository(), "1.0.0", manifest(LAYER))) == (404, "BLOB_UPLOAD_UNKNOWN")


def _index(*children: bytes) -> bytes:
    items = [descriptor(child, mediaType=MANIFEST) for child in children]
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": items}).encode()


def test_index(registry: Registry, repository: str) -> None:  # MAN-6
    index = _index(manifest(LAYER))
    response = registry.put(repository, "all", index, INDEX)
    assert code_of(response) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert "Images with digests" in response.text
    registry.push(repository, "1.0.0", LAYER)
    assert registry.put(repository, "all", index, INDEX).status_code == 201


LAYERS = [descriptor(LAYER)]
BAD_MANIFESTS: dict[str, bytes] = {  # MAN-7, MAN-8, MAN-12
    "annotated-config": manifest(config=descriptor(b"{}", annotations={"a": "b"})),
    "not-json": b"nope",
    "not-an-object": b"[]",
    "schema-version": manifest(LAYER, schemaVersion=1),
    "no-config": manifest(LAYER, config=None),
    "no-layers": manifest(layers=None),
    "layers-no-list": manifest(layers={}),
    "short-digest": manifest(layers=[{**LAYERS[0], "digest": "sha256:abc"}]),
    "no-size": manifest(layers=[{key: LAYERS[0][key] for key in ("mediaType", "digest")}]),
    "size-as-text": manifest(layers=[{**LAYERS[0], "size": "17"}]),
    "no-media-type": manifest(layers=[{key: LAYERS[0][key] for key in ("size", "digest")}]),
    "other-size": manifest(layers=[{**LAYERS[0], "size": 1}]),
    "too-large": manifest(LAYER, annotations={"a": "x" * 4 * MIB}),
    "deep": b'{"a":' * 100_000,
}


@pytest.mark.parametrize("name", BAD_MANIFESTS)
def test_bad_manifests(registry: Registry, repository: str, name: str) -> None:
    registry.push(repository, "1.0.0", LAYER)
    response = registry.put(repository, "2.0.0", BAD_MANIFESTS[name])
    assert code_of(response) == (400, "MANIFEST_INVALID")
    assert registry.send("HEAD", f"/v2/{repository}/manifests/2.0.0").status_code == 404


def test_manifest_without_layers(registry: Registry, repository: str) -> None:  # MAN-4
    registry.push(repository, "base")


@pytest.mark.parametrize(
    "media_type", ["application/json", INDEX, "application/vnd.docker.distribution.manifest.v2+json"]
)
def test_content_types(registry: Registry, repository: str, media_type: str) -> None:  # MAN-9
    registry.push(repository, "1.0.0", LAYER)
    assert code_of(registry.put(repository, "2.0.0", manifest(LAYER), media_type)) == (400, "MANIFEST_INVALID")


def test_other_digest(registry: Registry, repository: str) -> None:  # MAN-10
    registry.push(repository, "1.0.0", LAYER)
    assert code_of(registry.put(repository, NOWHERE, manifest(LAYER))) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("tag", ["-dash", "a+b", "a%20b", "x" * 301])
def test_tags(registry: Registry, repository: str, tag: str) -> None:  # MAN-11
    registry.push(repository, "1.0.0", LAYER)
    assert code_of(registry.put(repository, tag, manifest(LAYER))) == (400, "MANIFEST_INVALID")


WITH = "_WITH_EXCLUSION"
FILTERS = {"imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "sha256-*"}]}


@pytest.mark.parametrize("other", [b"another layer", LAYER], ids=["MAN-13", "MAN-14"])
@pytest.mark.parametrize(
    ("mutability", "tag", "immutable"),
    [  # MAN-15, MAN-16
        ("MUTABLE", "1.0.0", False),
        ("IMMUTABLE", "1.0.0", True),
        ("IMMUTABLE" + WITH, "1.0.0", True),
        ("IMMUTABLE" + WITH, "sha256-abc.sig", False),
        ("MUTABLE" + WITH, "1.0.0", False),
        ("MUTABLE" + WITH, "sha256-abc.sig", True),
    ],
)
def test_immutability(
    registry: Registry,
    owner: Caller,
    make_repository: MakeRepository,
    mutability: str,
    tag: str,
    immutable: bool,
    other: bytes,
) -> None:
    name = make_repository(imageTagMutability=mutability, **(FILTERS if WITH in mutability else {}))
    first = registry.push(name, tag, LAYER)
    registry.push_blob(name, other)
    response = registry.put(name, tag, manifest(other))
    found = registry.send("HEAD", f"/v2/{name}/manifests/{tag}").headers["Docker-Content-Digest"]
    if immutable:
        assert code_of(response) == (400, "TAG_INVALID")
        assert f"The image tag '{tag}' already exists in the '{name}' repository" in response.text
        assert found == first
    else:
        assert response.status_code == 201
        assert found == digest_of(manifest(other))
        digests = {image["imageDigest"] for image in owner.ecr.list_images(repositoryName=name)["imageIds"]}
        assert digests == {first, found}


def test_pace(tmp_path: Path) -> None:  # MAN-17
    with running_sandbox(tmp_path / "s", "--put-image-pace", "3") as sandbox:
        caller = Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])
        caller.ecr.create_repository(repositoryName="s/fast")
        registry = caller.registry()
        registry.push("s/fast", "0", LAYER)
        answers = [registry.put("s/fast", str(n), manifest(LAYER)) for n in range(1, 10)]
        throttled = [response for response in answers if response.status_code != 201]
        assert throttled
        assert {code_of(response) for response in throttled} == {(429, "TOOMANYREQUESTS")}


def test_put_image(registry: Registry, owner: Caller, make_repository: MakeRepository) -> None:  # MAN-18
    text = manifest(LAYER).decode()
    for mutability, code in (
        ("MUTABLE", "ImageAlreadyExistsException"),
        ("IMMUTABLE", "ImageTagAlreadyExistsException"),
    ):
        name = make_repository(imageTagMutability=mutability)
        with refused("LayersNotFoundException"):
            owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="1.0.0")
        registry.push(name, "1.0.0", LAYER)
        with refused(code):
            owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="1.0.0")
        image = owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="latest")["image"]
        assert image["imageId"] == {"imageDigest": digest_of(text.encode()), "imageTag": "latest"}
        with refused("ImageDigestDoesNotMatchException"):
            owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="x", imageDigest=NOWHERE)


def test_delete_manifest(registry: Registry, repository: str) -> None:  # MAN-19
    digest = registry.push(repository, "1.0.0", LAYER)
    registry.put(repository, "1", manifest(LAYER))
    registry.put(repository, "latest", manifest(LAYER))
    assert registry.send("DELETE", f"/v2/{repository}/manifests/1").status_code == 202
    assert registry.send("GET", f"/v2/{repository}/tags/list").json()["tags"] == ["1.0.0", "latest"]
    assert registry.send("DELETE", f"/v2/{repository}/manifests/{digest}").status_code == 202
    assert registry.send("GET", f"/v2/{repository}/tags/list").json()["tags"] == []
    again = registry.send("DELETE", f"/v2/{repository}/manifests/{digest}")
    assert code_of(again) == (404, "MANIFEST_UNKNOWN")


def test_list_tags(registry: Registry, repository: str) -> None:  # MAN-20
    registry.push(repository, "b", LAYER)
    for tag in ("c", "a"):
        registry.put(repository, tag, manifest(LAYER))
    path = f"/v2/{repository}/tags/list"
    assert registry.send("GET", path).json() == {"name": repository, "tags": ["a", "b", "c"]}
    page = registry.send("GET", f"{path}?n=2")
    assert page.json()["tags"] == ["a", "b"]
    rest = registry.send("GET", page.links["next"]["url"])
    assert rest.json()["tags"] == ["c"]
    assert "Link" not in rest.headers
    assert registry.send("GET", f"{path}?n=0").status_code == 400


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/v2/_catalog"), ("POST", "/v2/"), ("GET", "/v2/s/x/referrers/d")]
)
def test_anything_else(registry: Registry, method: str, path: str) -> None:  # MAN-21
    response = registry.send(method, path)
    assert response.status_code in (200, 405) if path == "/v2/" else code_of(response) == (405, "UNSUPPORTED")


def test_hosts_of_other_accounts(registry: Registry, repository: str) -> None:  # HOST-1
    other = Registry(registry.sandbox, registry.login, registry.host.replace("123456789012", "999999999999"))
    response = other.send("GET", f"/v2/{repository}/tags/list")
    assert code_of(response) == (403, "DENIED")


def test_untouched_by_the_answers(registry: Registry, repository: str) -> None:  # MAN-2
    """Bytes come back as they were pushed, whatever their spelling."""
    registry.push(repository, "1.0.0", LAYER)
    spaced: Json = json.loads(manifest(LAYER))
    content = json.dumps(spaced, indent=4).encode()
    assert registry.put(repository, "spaced", content).status_code == 201
    assert registry.send("GET", f"/v2/{repository}/manifests/spaced").content == content
