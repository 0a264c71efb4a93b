"""What is a difference between two versions of a cluster profile, and which of Palette's habits are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from packinfra.palette.profile import (
    Layer,
    Manifest,
    ProfileVersion,
    StoredProfile,
    Variable,
    create_body,
    parse_profile,
    update_body,
    with_manifest_uids,
)
from packinfra.palette.profile_differences import differences, fingerprint, same_text
from packinfra.palette.profile_responses import ProfileResponse, Variables
from packinfra.palette.responses import parse

VALUES = "b: 1 # why\na: {x: '22.04', y: [1, 2]}\nn: 1.0\n"
LAYER = Layer("hello", "1.0.0", "R1", "P1", "oci", "addon", VALUES, (Manifest("extra", "a: 1\n", "M1"),))
SECOND = replace(LAYER, name="second", manifests=())
PROFILE = ProfileVersion(
    "web", "1.0.0", "add-on", "all", "demo", {"team": "docs", "demo": None}, (LAYER, SECOND),
    (Variable("n", "N", default="1", format="number", required=True), Variable("s", default="hush", sensitive=True)),
)  # fmt: skip


def response(wanted: ProfileVersion = PROFILE) -> dict[str, Any]:
    """What GET returns of `wanted`, with all of Palette's habits."""
    body = create_body(wanted)
    template = body["spec"].pop("template")
    for pack in template["packs"]:
        pack |= {"packUid": pack.pop("uid"), "version": pack["tag"], "server": "s", "digest": "sha256:0", "schema": []}
        pack["values"] = pack["values"].strip()
        pack["manifests"] = [{"name": m["name"], "uid": f"M-{m['name']}"} for m in pack["manifests"]]
    variables = [
        {k: v for k, v in each.items() if v not in ("string", "text", False)} for each in body["spec"]["variables"]
    ]
    for variable in variables:
        if variable.get("isSensitive"):
            variable["defaultValue"] = "********"
    body["metadata"] |= {"uid": "U1", "labels": dict(reversed(body["metadata"]["labels"].items()))}
    body["metadata"]["annotations"] |= {"scope": "project", "projectUid": "J1"}
    body["spec"] |= {
        "published": template,
        "variables": variables[::-1],
        "versions": [{"uid": "U0", "version": "0.9.0"}],
    }
    return {**body, "status": {"isPublished": True, "inUseClusters": [{"uid": "c1", "name": "prod"}]}}


def text_of(pack: str, name: str, _uid: str) -> str:
    return {("hello", "extra"): "a:   1"}[pack, name]


def stored_from(body: dict[str, Any], *manifest_text: Callable[[str, str, str], str]) -> StoredProfile:
    return parse_profile(parse(ProfileResponse, body), parse(Variables, body["spec"]), *manifest_text)


def test_what_was_written_reads_back_as_the_same() -> None:
    stored = stored_from(response(), text_of)
    assert differences(PROFILE, stored.content) == []
    assert fingerprint(PROFILE) == fingerprint(stored.content)
    assert (stored.uid, stored.project_uid, stored.is_published) == ("U1", "J1", True)
    assert stored.versions == {"0.9.0": "U0", "1.0.0": "U1"}
    assert [cluster.name for cluster in stored.clusters] == ["prod"]


def test_defaults_that_are_left_out() -> None:
    bare = stored_from(
        {"metadata": {"uid": "U", "name": "x"}, "spec": {"published": {"packs": [{"name": "a", "packUid": "P"}]}}}
    )
    assert (bare.content.version, bare.content.type, bare.content.layers[0].type) == ("1.0.0", "full", "spectro")


def test_a_version_that_was_never_published_is_its_draft() -> None:
    body = response()
    body["spec"]["draft"] = body["spec"].pop("published")
    body["status"]["isPublished"] = False
    stored = stored_from(body, text_of)
    assert (stored.is_published, stored.has_draft) == (False, True)
    assert differences(PROFILE, stored.content) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: 1\n", "\n a: 1\n\n".replace(" a", "a")), ("a: 1\r\nb: 2\r\n", "a: 1\nb: 2"), ("a: 1 # x\nb: 2", "b: 2\na: 1"),
        ("a: {b: [1]}", "a:\n  b:\n  - 1"), ("a: 'x'", 'a: "x"'), ("a: 1.0", "a: 1"), ("", "\n"), ("a: .nan", "a: .NaN"),
        ("{{ if x }}", " {{ if x }} "), ("&a x: 1\ny: 2", "x: 1\ny: 2"),
    ],
)  # fmt: skip
def test_the_same_in_another_form(old: str, new: str) -> None:
    assert same_text(old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("a: 1", "a: true"), ("a: 1", 'a: "1"'), ("a: [1, 2]", "a: [2, 1]"), ("a: null", "{}"), ("a: 22.04", "a: '22.04'"),
        ("{{ if x }}", "{{ if y }}"), ("a: |\n  x\n", "a: |-\n  x\n"), ("a: 1\n---\nb: 1", "a: 1"),
    ],
)  # fmt: skip
def test_not_the_same(old: str, new: str) -> None:
    assert not same_text(old, new)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        (replace(PROFILE, description="x"), ['description: "demo" -> "x"']),
        (replace(PROFILE, tags={"demo": "1", "new": None}), ["tag demo: without a value -> 1", "tag new: none -> without a value", "tag team: docs -> none"]),
        (replace(PROFILE, layers=(LAYER,)), ["layer second 1.0.0: removed"]),
        (replace(PROFILE, layers=(SECOND, LAYER)), ["order of the layers: hello, second -> second, hello"]),
        (replace(PROFILE, layers=(replace(LAYER, version="1.1.0", pack_uid="P2"), SECOND)), ["layer hello: 1.0.0 -> 1.1.0"]),
        (replace(PROFILE, layers=(replace(LAYER, pack_uid="P2"), SECOND)), ["layer hello: pack: P1 -> P2"]),
        (replace(PROFILE, layers=(replace(LAYER, registry_uid="R2", pack_uid="P2"), SECOND)), ["layer hello: registry: R1 -> R2"]),
        (replace(PROFILE, layers=(replace(LAYER, type="spectro", values=VALUES + "c: 1"), SECOND)), ["layer hello: pack type: oci -> spectro", "layer hello: its values change"]),
        (replace(PROFILE, layers=(replace(LAYER, manifests=(Manifest("extra", "a: 2"), Manifest("m\x1b", ""))), SECOND)), ["layer hello: manifest extra changes", "layer hello: manifest m\\x1b: added"]),
        (replace(PROFILE, variables=(Variable("n", "N", default="2", format="number", required=True),)), ["variable s: removed", "variable n: defaultValue changes"]),
        (replace(PROFILE, variables=(*PROFILE.variables[1:], Variable("new"))), ["variable n: removed", "variable new: added"]),
    ],
)  # fmt: skip
def test_differences_in_words(changed: ProfileVersion, words: list[str]) -> None:
    assert differences(PROFILE, changed) == words
    assert fingerprint(PROFILE) != fingerprint(changed)


def test_a_secret_is_compared_only_where_it_is_no_mask() -> None:
    plain, masked = (
        replace(PROFILE, variables=(PROFILE.variables[0], Variable("s", default=default, sensitive=True)))
        for default in ("other", "****")
    )
    assert differences(PROFILE, plain) == ["variable s: defaultValue changes"]
    assert differences(PROFILE, masked) == differences(masked, plain) == []


def test_a_manifest_that_palette_has_is_sent_with_its_uid() -> None:
    """Without it, republishing empties it."""
    stored = stored_from(response(), text_of).content
    body = update_body("U1", with_manifest_uids(PROFILE, stored))
    assert body["spec"]["template"]["packs"][0]["manifests"] == [
        {"name": "extra", "content": "a: 1\n", "uid": "M-extra"}
    ]
    assert "cloudType" not in body["spec"]["template"]
