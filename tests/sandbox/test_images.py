"""The AWS API on images and layers."""

import json
from typing import Any

import pytest

from tests.support.aws import INDEX, MANIFEST, Caller, Json, Registry, descriptor, digest_of, manifest, rejected

pytestmark = pytest.mark.sandbox

LAYER = b"a layer of a pack"
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def image(registry: Registry, repository: str) -> str:
    """An image with the tags 1.0.0 and latest; the digest."""
    digest = registry.push(repository, "1.0.0", LAYER)
    registry.put(repository, "latest", manifest(LAYER))
    return digest


def _delete(owner: Caller, repository: str, *ids: Json) -> Any:
    return owner.ecr.batch_delete_image(repositoryName=repository, imageIds=list(ids))


def _failures(response: Any) -> list[str]:
    return [failure["failureCode"] for failure in response["failures"]]


def test_delete_by_tag(owner: Caller, repository: str, image: str) -> None:  # IMG-1
    response = _delete(owner, repository, {"imageTag": "latest"})
    assert response["imageIds"] == [{"imageDigest": image, "imageTag": "latest"}]
    assert owner.ecr.describe_images(repositoryName=repository)["imageDetails"][0]["imageTags"] == ["1.0.0"]
    _delete(owner, repository, {"imageTag": "1.0.0", "imageDigest": image})
    assert owner.ecr.list_images(repositoryName=repository)["imageIds"] == []


def test_delete_by_digest(owner: Caller, repository: str, image: str) -> None:  # IMG-2
    response = _delete(owner, repository, {"imageDigest": image})
    assert response["imageIds"] == [{"imageDigest": image, "imageTag": tag} for tag in ("1.0.0", "latest")]
    assert owner.ecr.list_images(repositoryName=repository)["imageIds"] == []


@pytest.mark.parametrize(
    ("image_id", "code"),
    [  # IMG-3, IMG-4, IMG-5
        ({"imageTag": "9.9.9"}, "ImageNotFound"),
        ({"imageDigest": NOWHERE}, "ImageNotFound"),
        ({"imageTag": "1.0.0", "imageDigest": NOWHERE}, "ImageTagDoesNotMatchDigest"),
        ({}, "MissingDigestAndTag"),
        ({"imageDigest": "sha256:abc"}, "InvalidImageDigest"),
    ],
)
def test_delete_failures(owner: Caller, repository: str, image: str, image_id: Json, code: str) -> None:
    response = _delete(owner, repository, image_id)
    assert (response["imageIds"], _failures(response)) == ([], [code])
    assert response["failures"][0]["imageId"] == image_id
    assert owner.ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": image}])


def test_delete_goes_on_after_a_failure(owner: Caller, repository: str, image: str) -> None:  # IMG-3
    response = _delete(owner, repository, {"imageTag": "none"}, {"imageDigest": image})
    assert _failures(response) == ["ImageNotFound"]
    assert response["failures"][0]["failureReason"] == "Requested image not found"
    assert owner.ecr.list_images(repositoryName=repository)["imageIds"] == []


def test_delete_of_a_child(owner: Caller, registry: Registry, repository: str, image: str) -> None:  # IMG-6
    child = descriptor(manifest(LAYER), mediaType=MANIFEST)
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [child]}).encode()
    assert registry.put(repository, "all", index, INDEX).status_code == 201
    assert _failures(_delete(owner, repository, {"imageDigest": image})) == ["ImageReferencedByManifestList"]
    assert _failures(_delete(owner, repository, {"imageTag": "all"})) == []
    assert _failures(_delete(owner, repository, {"imageDigest": image})) == []


def test_delete_sizes(owner: Caller, repository: str) -> None:  # IMG-7
    with rejected("InvalidParameterException"):
        _delete(owner, repository, *({"imageTag": str(n)} for n in range(101)))


def test_describe_unknown(owner: Caller, repository: str, image: str) -> None:  # IMG-8
    with rejected("ImageNotFoundException") as messages:
        owner.ecr.describe_images(repositoryName=repository, imageIds=[{"imageDigest": image}, {"imageTag": "none"}])
    assert repository in messages[0]


def test_describe(owner: Caller, registry: Registry, repository: str, image: str) -> None:  # IMG-9
    registry.push_blob(repository, b"more")
    registry.put(repository, digest_of(manifest(LAYER, b"more")), manifest(LAYER, b"more"))
    details = {d["imageDigest"]: d for d in owner.ecr.describe_images(repositoryName=repository)["imageDetails"]}
    first, second = details[image], details[digest_of(manifest(LAYER, b"more"))]
    assert (first["imageTags"], first["imageSizeInBytes"]) == (["1.0.0", "latest"], len(LAYER))
    assert first["imageManifestMediaType"] == MANIFEST
    assert first["artifactMediaType"] == "application/vnd.unknown.config.v1+json"
    assert "imageTags" not in second
    assert second["imageSizeInBytes"] == len(LAYER) + 4


def test_list(owner: Caller, registry: Registry, repository: str, image: str) -> None:  # IMG-10
    untagged = digest_of(manifest())
    registry.put(repository, untagged, manifest())
    tagged = [{"imageDigest": image, "imageTag": tag} for tag in ("1.0.0", "latest")]

    def listed(**options: Any) -> Any:
        return owner.ecr.list_images(repositoryName=repository, **options)["imageIds"]

    assert listed(filter={"tagStatus": "TAGGED"}) == tagged
    assert listed(filter={"tagStatus": "UNTAGGED"}) == [{"imageDigest": untagged}]
    assert listed() == listed(filter={"tagStatus": "ANY"}) == [*tagged, {"imageDigest": untagged}]
    pages = owner.ecr.get_paginator("list_images").paginate(repositoryName=repository, PaginationConfig={"PageSize": 1})
    assert [image_id for page in pages for image_id in page["imageIds"]] == listed()


def test_get(owner: Caller, repository: str, image: str) -> None:  # IMG-11
    response = owner.ecr.batch_get_image(
        repositoryName=repository, imageIds=[{"imageTag": "1.0.0"}, {"imageTag": "none"}]
    )
    assert response["images"][0]["imageId"] == {"imageTag": "1.0.0", "imageDigest": image}
    assert response["images"][0]["imageManifest"].encode() == manifest(LAYER)
    assert _failures(response) == ["ImageNotFound"]


def test_layers(owner: Caller, registry: Registry, repository: str, image: str) -> None:  # IMG-12, IMG-13
    digest = digest_of(LAYER)
    response = owner.ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest, NOWHERE])
    assert response["layers"] == [
        {"layerDigest": digest, "layerAvailability": "AVAILABLE", "layerSize": len(LAYER)},
        {"layerDigest": NOWHERE, "layerAvailability": "UNAVAILABLE"},
    ]
    link = owner.ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)["downloadUrl"]
    assert registry.send("GET", link, auth=None).content == LAYER
    with rejected("LayersNotFoundException"):
        owner.ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=NOWHERE)
