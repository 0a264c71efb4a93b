"""Copies of both registry components, with Pulumi's mocks: names, inputs, who waits for whom, all mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from packinfra import BasicPackRegistry, EcrPackRegistry, PaletteSettings
from packinfra.settings import CopySettings
from tests.support.components import HOST, Recording, declares

ZEROS, ONES = "sha256:" + "0" * 64, "sha256:" + "1" * 64
ECR = "210987654321.dkr.ecr.us-east-1.amazonaws.com"
COPIES: list[Any] = [
    {"from": f"ghcr.io/acme/app:1.2.3@{ZEROS}", "to": "app", "referrers": True, "keepVersions": 5},
    {"from": f"ghcr.io/acme/app@{ONES}", "to": "app", "tags": ["1.3.0", "stable"], "unpublish": ["1.2.2"]},
    CopySettings(source=f"{ECR}/dev/nginx:1.0.0@{ZEROS}", to="nginx", pack=True, profile="dev"),
]


def test_ecr(mocks: Recording) -> None:
    @declares
    def program() -> Any:
        registry = EcrPackRegistry("c", base_path="team", copies=COPIES, removed_copies=["old"])
        keys = ("copies", "versions", "repositories")
        return pulumi.Output.all(*(registry.exports[key] for key in keys)).apply(lambda all_: _check(*all_))

    def _check(copies: Any, versions: Any, repositories: Any) -> None:
        found = {"1.0.0": "sha256:abc"}
        nginx = f"{HOST}/team/spectro-packs/archive/nginx"
        assert copies == {
            "app": {"repository": f"{HOST}/team/app", "versions": found},
            "nginx": {"repository": nginx, "versions": found},
        }
        assert versions == {"hello": found, "nginx": found}, "a copied pack is a pack"
        assert repositories["nginx"] == nginx

    program()
    app, nginx = mocks.declared["CopiedArtifact", "c-copies/app"], mocks.declared["CopiedArtifact", "c-nginx"]
    assert app["copies"] == [
        {"from": f"ghcr.io/acme/app:1.2.3@{ZEROS}", "tags": ["1.2.3"], "referrers": True},
        {"from": f"ghcr.io/acme/app@{ONES}", "tags": ["1.3.0", "stable"]},
    ]
    assert (app["keepVersions"], app["unpublish"]) == (5, ["1.2.2"])
    assert nginx["pack"] is True
    assert nginx["copies"][0]["access"] == {"kind": "ecr", "profile": "dev"}
    assert mocks.declared["Repository", "c-copies/app@team"]["name"] == "team/app"
    assert mocks.declared["Repository", "c-nginx@team"]["name"] == "team/spectro-packs/archive/nginx"
    names = mocks.declared["PublishedNames", "c"]
    assert names["copies"]["app"] == {
        "versions": ["1.2.3", "1.3.0", "stable"],
        "unpublish": ["1.2.2"],
        "keepVersions": 5,
    }
    assert names["removedCopies"] == ["old"]
    assert mocks.declared["RemovalCheck", "c"]["copies"] == {
        "team/app": ["sha256:abc"],
        "team/spectro-packs/archive/nginx": ["sha256:abc"],
    }
    order = list(mocks.declared)
    assert order.index(("PublishedNames", "c")) < order.index(("Repository", "c-copies/app@team"))


def test_basic(mocks: Recording) -> None:
    """Palette waits for the copied pack."""
    palette = PaletteSettings(name="p", username="u")
    declares(
        lambda: BasicPackRegistry(
            "b", host="h.example", base_path="team", copies=COPIES, palette=palette, palette_password="x"
        )
    )()
    copied = {name: inputs["repository"] for (kind, name), inputs in mocks.declared.items() if kind == "CopiedArtifact"}
    assert copied == {"b-copies/app": "h.example/team/app", "b-nginx": "h.example/team/spectro-packs/archive/nginx"}
    assert {*mocks.declared["PaletteSync", "b"]["packs"]} == {"hello", "nginx"}
    order = list(mocks.declared)
    assert order.index(("BasePath", "b")) < order.index(("CopiedArtifact", "b-nginx"))
    assert order.index(("CopiedArtifact", "b-nginx")) < order.index(("PaletteRegistry", "b"))


def test_copies_alone(mocks: Recording) -> None:
    """What promotes only has no packs of its own."""
    declares(lambda: EcrPackRegistry("c", base_path="team", packs=[], copies=COPIES))()
    assert not [name for kind, name in mocks.declared if kind == "PublishedPack"]
    with pytest.raises(pulumi.RunError, match="name at least one pack, or something else"):
        declares(lambda: EcrPackRegistry("c", base_path="team", packs=[]))()


def test_all_mistakes_at_once(mocks: Recording, tmp_path: Path) -> None:
    """Those of packs, and those of copies; then those that only both together have."""
    (tmp_path / "packs/hello/pack.json").write_text("{}")
    wrong: list[dict[str, Any]] = [
        {"from": "ghcr.io/acme/app:1.2.3", "to": "app"},
        {"from": f"nginx@{ZEROS}", "to": "N", "tags": ["1"]},
    ]
    with pytest.raises(pulumi.RunError) as error:
        declares(lambda: EcrPackRegistry("c", base_path="team", copies=wrong))()
    for expected in ("pack packs/hello", "copies.0.from", "it names no digest", "copies.1.from", "copies.1.to"):
        assert expected in str(error.value)
    assert mocks.declared == {}


def test_one_repository_has_one_owner(mocks: Recording) -> None:
    entries: list[dict[str, Any]] = [
        {"from": f"ghcr.io/acme/hello:1.0.0@{ZEROS}", "to": "hello", "pack": True},
        {"from": f"ghcr.io/acme/web:1.0.0@{ZEROS}", "to": "artifacts/cfg"},
    ]
    Path("a.json").write_text("{}")
    artifacts = [{"name": "cfg", "version": "1", "files": ["a.json"], "artifactType": "application/vnd.acme.cfg"}]
    with pytest.raises(pulumi.RunError) as error:
        declares(lambda: EcrPackRegistry("c", base_path="team", copies=entries, artifacts=artifacts))()
    assert "packs/hello contains the pack: a name belongs to packs or to copies" in str(error.value)
    assert "artifacts/cfg is in copies" in str(error.value)
    with pytest.raises(pulumi.RunError, match="nginx: in removedCopies, but copies has it too"):
        declares(lambda: EcrPackRegistry("c", base_path="team", copies=COPIES, removed_copies=["nginx"]))()
    # an image may be called as a pack is
    image: dict[str, Any] = {"from": f"ghcr.io/acme/hello:1.0.0@{ZEROS}", "to": "hello"}
    chart = {**image, "to": "charts/web"}
    declares(lambda: EcrPackRegistry("c", base_path="team", copies=[image, chart, {**image, "to": "charts"}]))()
    assert ("Repository", "c-copies/hello@team") in mocks.declared
    assert ("Repository", "c-charts/web@team") in mocks.declared, "where a published chart has it"
    assert ("Repository", "c-copies/charts@team") in mocks.declared, "a pack may be called charts"
