"""``/v2``: manifests, tags, rate limit, other addresses."""

import json
from pathlib import Path

import pytest

from tests.support.aws import (
    INDEX,
    MANIFEST,
    Caller,
    Json,
    MakeRepository,
    Registry,
    code_of,
    descriptor,
    digest_of,
    manifest,
    rejected,
)
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox

MIB = 1024 * 1024
LAYER = b"a layer of a pack"
NOWHERE = "sha256:" + "0" * 64


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
    current = registry.send("HEAD", f"/v2/{name}/manifests/{tag}").headers["Docker-Content-Digest"]
    if immutable:
        assert code_of(response) == (400, "TAG_INVALID")
        assert f"The image tag '{tag}' already exists in the '{name}' repository" in response.text
        assert current == first
    else:
        assert response.status_code == 201
        assert current == digest_of(manifest(other))
        digests = {image["imageDigest"] for image in owner.ecr.list_images(repositoryName=name)["imageIds"]}
        assert digests == {first, current}


def _statuses(sandbox: Sandbox, count: int) -> list[int]:
    """The statuses of so many manifests, pushed as fast as possible."""
    caller = Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])
    caller.ecr.create_repository(repositoryName="s/fast")
    registry = caller.registry()
    registry.push("s/fast", "0", LAYER)
    responses = [registry.put("s/fast", str(n), manifest(LAYER)) for n in range(1, count)]
    rejected = [response for response in responses if response.status_code != 201]
    assert {code_of(response) for response in rejected} <= {(429, "TOOMANYREQUESTS")}
    return [response.status_code for response in responses]


def test_rate_limit(tmp_path: Path) -> None:  # MAN-17
    with running_sandbox(tmp_path / "default") as sandbox:
        statuses = _statuses(sandbox, 20)
        assert 429 in statuses
        assert set(statuses[:5]) == {201}
    with running_sandbox(tmp_path / "chosen", "--put-image-rate", "3") as sandbox:
        assert 429 in _statuses(sandbox, 10)


def test_put_image(registry: Registry, owner: Caller, make_repository: MakeRepository) -> None:  # MAN-18
    text = manifest(LAYER).decode()
    for mutability, code in (
        ("MUTABLE", "ImageAlreadyExistsException"),
        ("IMMUTABLE", "ImageTagAlreadyExistsException"),
    ):
        name = make_repository(imageTagMutability=mutability)
        with rejected("LayersNotFoundException"):
            owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="1.0.0")
        registry.push(name, "1.0.0", LAYER)
        with rejected(code):
            owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="1.0.0")
        image = owner.ecr.put_image(repositoryName=name, imageManifest=text, imageTag="latest")["image"]
        assert image["imageId"] == {"imageDigest": digest_of(text.encode()), "imageTag": "latest"}
        with rejected("ImageDigestDoesNotMatchException"):
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
    other = Registry(registry.sandbox, registry.credentials, registry.host.replace("123456789012", "999999999999"))
    response = other.send("GET", f"/v2/{repository}/tags/list")
    assert code_of(response) == (403, "DENIED")


def test_bytes_are_kept(registry: Registry, repository: str) -> None:  # MAN-2
    """A manifest is returned with the bytes that were pushed."""
    registry.push(repository, "1.0.0", LAYER)
    spaced: Json = json.loads(manifest(LAYER))
    content = json.dumps(spaced, indent=4).encode()
    assert registry.put(repository, "spaced", content).status_code == 201
    assert registry.send("GET", f"/v2/{repository}/manifests/spaced").content == content
