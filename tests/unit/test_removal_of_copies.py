"""Which images of a repository are copies, though state has only the digests that an entry names."""

from __future__ import annotations

from packinfra.aws.removal import Image
from packinfra.lifecycle.removal_check import beside_copies
from packinfra.oci.referrers import fallback_tag
from tests.support.images import Artifact, image, index, referrer

APP = index(index(image(b"amd64")), image(b"arm64"))
SIGNATURE = referrer(APP, b"a signature")
OF_SIGNATURE = referrer(SIGNATURE, b"a countersignature")
THEIRS = index(image(b"theirs"))


def listed(artifact: Artifact, tag: str = "") -> list[Image]:
    """As BatchGetImage lists it, what names something last."""
    below = [each for child in artifact.children for each in listed(child)]
    return [*below, Image(tag, artifact.digest, artifact.manifest.decode())]


def test_what_belongs_to_a_copy() -> None:
    images = [
        *listed(OF_SIGNATURE), *listed(SIGNATURE), *listed(APP, "1.0.0"),
        Image(fallback_tag(APP.digest), "sha256:1", index(SIGNATURE).manifest.decode()),
    ]  # fmt: skip
    assert beside_copies(images, [APP.digest]) == []
    assert beside_copies([*images, *listed(THEIRS, "theirs")], [APP.digest]) == [THEIRS.children[0].digest, "theirs"]
    assert "1.0.0" in beside_copies(images, [])
    assert beside_copies([Image("odd", "sha256:2", "no manifest")], [APP.digest]) == ["odd"]
