"""``/v2`` compared with the OCI distribution spec 1.1, and where ECR deviates (behaviour.md CONF-...)."""

import json

import pytest

from tests.support.aws import (
    MANIFEST,
    MakeRepository,
    Registry,
    code_of,
    descriptor,
    digest_of,
    manifest,
)

pytestmark = pytest.mark.sandbox

LAYER = b"a layer of a pack"
NOWHERE = "sha256:" + "0" * 64
MIB = 1024 * 1024


@pytest.fixture
def image(registry: Registry, repository: str) -> str:
    """The path of a repository with one image, tagged 1.0.0."""
    registry.push(repository, "1.0.0", LAYER)
    return f"/v2/{repository}"


def test_version_check(registry: Registry) -> None:  # CONF-1
    assert registry.send("GET", "/v2/").status_code == 200
    assert registry.send("GET", "/v2/", auth=None).status_code == 401


def test_pull(registry: Registry, image: str) -> None:
    blob = f"{image}/blobs/{digest_of(LAYER)}"
    assert registry.send("GET", blob, allow_redirects=False).status_code == 307  # CONF-2
    assert registry.send("GET", blob).content == LAYER
    head = registry.send("HEAD", blob)  # CONF-3
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(LAYER)))
    assert registry.send("GET", blob, headers={"Range": "bytes=0-3"}).content == LAYER  # CONF-4
    for reference in ("1.0.0", digest_of(manifest(LAYER))):  # CONF-5, CONF-6
        got, head = (registry.send(method, f"{image}/manifests/{reference}") for method in ("GET", "HEAD"))
        assert (got.status_code, got.content, got.headers["Content-Type"]) == (200, manifest(LAYER), MANIFEST)
        assert "Docker-Content-Digest" not in got.headers
        assert (head.status_code, head.headers["Content-Type"]) == (200, MANIFEST)
        assert head.headers["Docker-Content-Digest"] == digest_of(manifest(LAYER))
        assert head.headers["Content-Length"] == str(len(manifest(LAYER)))


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_unknown(registry: Registry, image: str, method: str) -> None:  # CONF-7
    for path in (f"blobs/{NOWHERE}", f"manifests/{NOWHERE}", "manifests/9.9.9"):
        assert registry.send(method, f"{image}/{path}").status_code == 404


@pytest.mark.parametrize(
    "query",
    ["", f"?digest={digest_of(LAYER)}", f"?mount={digest_of(LAYER)}&from=s/other"],
    ids=["CONF-8", "CONF-9", "CONF-10"],
)
def test_upload_session(registry: Registry, image: str, query: str) -> None:
    """CONF-8, CONF-9, CONF-10: the session is usable in all three cases."""
    content = query.encode() or b"plain"
    started = registry.send("POST", f"{image}/blobs/uploads/{query}", data=content if "?digest" in query else b"")
    assert started.status_code == 202
    done = registry.send("PUT", f"{started.headers['Location']}?digest={digest_of(content)}", data=content)
    assert done.status_code == 201  # CONF-11
    assert registry.send("GET", done.headers["Location"]).content == content


def test_chunks(registry: Registry, repository: str) -> None:  # CONF-12, CONF-13
    location = registry.start(repository)
    for start in (0, 5 * MIB):
        headers = {"Content-Range": f"{start}-{start + 5 * MIB - 1}"}
        response = registry.send("PATCH", location, data=bytes(5 * MIB), headers=headers)
        assert (response.status_code, response.headers["Range"]) == (201, f"0-{5 * MIB - 1}")
    response = registry.send("PATCH", location, data=LAYER, headers={"Content-Range": "5-21"})
    assert response.status_code == 416


@pytest.mark.parametrize("method", ["GET", "DELETE"])
def test_upload_status_is_not_supported(registry: Registry, repository: str, method: str) -> None:  # CONF-14, CONF-15
    assert code_of(registry.send(method, registry.start(repository))) == (405, "UNSUPPORTED")


def test_push_of_manifests(registry: Registry, image: str) -> None:
    content, name = manifest(LAYER, annotations={"a": "b"}), image.removeprefix("/v2/")
    for reference in ("2.0.0", "2.0.0", digest_of(content)):  # CONF-16, CONF-17
        response = registry.put(name, reference, content)
        assert response.status_code == 201
        assert registry.send("GET", response.headers["Location"]).content == content
    large = manifest(LAYER, annotations={"a": "x" * (4 * MIB - 1000)})  # CONF-18
    assert registry.put(name, "large", large).status_code == 201


def test_non_distributable_layers_are_needed(registry: Registry, image: str) -> None:  # CONF-28
    foreign = descriptor(b"elsewhere", mediaType="application/vnd.oci.image.layer.nondistributable.v1.tar+gzip")
    response = registry.put(image.removeprefix("/v2/"), "windows", manifest(layers=[foreign]))
    assert code_of(response) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_push_again_to_an_immutable_tag(registry: Registry, make_repository: MakeRepository) -> None:  # CONF-17
    name = make_repository(imageTagMutability="IMMUTABLE")
    registry.push(name, "1.0.0", LAYER)
    assert code_of(registry.put(name, "1.0.0", manifest(LAYER))) == (400, "TAG_INVALID")


def test_tags(registry: Registry, image: str) -> None:  # CONF-19, CONF-20
    for tag in ("b", "a", "c"):
        registry.put(image.removeprefix("/v2/"), tag, manifest(LAYER))
    tags, url = [], f"{image}/tags/list?n=1"
    while url:
        page = registry.send("GET", url)
        tags += page.json()["tags"]
        url = page.links.get("next", {}).get("url", "")
    assert tags == ["1.0.0", "a", "b", "c"]
    assert registry.send("GET", f"{image}/tags/list?last=a").json()["tags"] == ["b", "c"]
    assert registry.send("GET", f"{image}/tags/list?n=0").status_code == 400


def test_delete(registry: Registry, image: str) -> None:  # CONF-21, CONF-22
    registry.put(image.removeprefix("/v2/"), "2.0.0", manifest(LAYER))
    for reference in ("2.0.0", digest_of(manifest(LAYER))):
        assert registry.send("DELETE", f"{image}/manifests/{reference}").status_code == 202
        assert registry.send("GET", f"{image}/manifests/{reference}").status_code == 404
    assert registry.send("GET", f"{image}/manifests/1.0.0").status_code == 404
    assert registry.send("DELETE", f"{image}/blobs/{digest_of(LAYER)}").status_code == 405


def test_referrers(registry: Registry, image: str) -> None:  # CONF-23
    subject = descriptor(manifest(LAYER), mediaType=MANIFEST)
    response = registry.put(image.removeprefix("/v2/"), "signature", manifest(LAYER, subject=subject))
    assert response.status_code == 201
    assert "OCI-Subject" not in response.headers
    path = f"{image}/referrers/{digest_of(manifest(LAYER))}"
    assert code_of(registry.send("GET", path)) == (405, "UNSUPPORTED")


def test_form_of_errors(registry: Registry, image: str) -> None:  # CONF-24, CONF-25, CONF-26, CONF-27
    assert registry.send("GET", "/v2/", auth=None).headers["Content-Type"].startswith("text/plain")
    name = image.removeprefix("/v2/")
    wrong = registry.send("PUT", f"{registry.start(name)}?digest={NOWHERE}", data=LAYER)
    empty = registry.send("PUT", f"{registry.start(name)}?digest={digest_of(b'')}", data=b"")
    for response, status, code in (
        (wrong, 400, "DIGEST_INVALID"),
        (registry.put(name, NOWHERE, manifest(LAYER)), 400, "DIGEST_INVALID"),
        (empty, 400, "BLOB_UPLOAD_INVALID"),
        (registry.send("GET", "/v2/s/none/manifests/1.0.0"), 404, "NAME_UNKNOWN"),
    ):
        assert response.headers["Content-Type"] == "application/json"
        assert code_of(response) == (status, code)
        assert json.loads(response.text)["errors"][0]["message"]
