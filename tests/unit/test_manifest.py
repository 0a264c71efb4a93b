"""Manifest bytes against the golden vectors of ORAS 1.0.0 (tests/golden/manifests.json)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.artifacts.pack import pack_manifest

GOLDEN = json.loads((Path(__file__).parents[1] / "golden/manifests.json").read_text())


@pytest.mark.parametrize("vector", GOLDEN["base_path"], ids=lambda v: v["created"])
def test_base_path_vector(vector: dict[str, Any]) -> None:
    manifest = base_path_manifest(vector["created"])
    assert (manifest.digest, len(manifest.body)) == (vector["digest"], vector["size"])


@pytest.mark.parametrize("vector", GOLDEN["pack"], ids=lambda v: v["title"])
def test_pack_vector(vector: dict[str, str]) -> None:
    manifest = pack_manifest(vector["title"], vector["layer"], int(vector["layer_size"]), vector["created"])
    assert manifest.body.decode() == vector["body"]
    assert manifest.digest == vector["digest"]


def test_never_the_shape_of_oras_1_1() -> None:
    for vector in GOLDEN["pack"]:
        body = pack_manifest(vector["title"], vector["layer"], int(vector["layer_size"]), vector["created"]).body
        assert f"sha256:{hashlib.sha256(body).hexdigest()}" not in GOLDEN["forbidden"]
        assert b"artifactType" not in body
        assert b"oci.empty" not in body


@given(
    title=st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="/"), min_size=1),
    size=st.integers(0, 2**40),
)
def test_any_title_survives(title: str, size: int) -> None:
    body = pack_manifest(title, "sha256:" + "0" * 64, size, "2026-01-01T00:00:00Z").body
    layer = json.loads(body)["layers"][0]
    assert (layer["annotations"]["org.opencontainers.image.title"], layer["size"]) == (title, size)
    assert not any(raw in body for raw in (b"<", b">", b"&", "\u2028".encode(), "\u2029".encode()))


@pytest.mark.parametrize("title", ["a/b.tar.gz", "a\nb", "\x7f"])
def test_titles_that_would_break_palette(title: str) -> None:
    with pytest.raises(ValueError, match="bare file name"):
        pack_manifest(title, "sha256:" + "0" * 64, 1, "2026-01-01T00:00:00Z")
