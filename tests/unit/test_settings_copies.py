"""packinfra:copies: what is read, and what each mistake says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packinfra.settings import SettingsError, load
from packinfra.settings.copies import by_target

D = "sha256:" + "0" * 64
ECR = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
ROLE = "arn:aws:iam::123456789012:role/reader"


def config(*copies: dict[str, Any], **more: Any) -> dict[str, str]:
    registry = json.dumps({"kind": "ecr", "basePath": "team"})
    keys = {f"packinfra:{key}": json.dumps(value) for key, value in more.items()}
    return {"packinfra:registry": registry, "aws:region": "eu-west-1", "packinfra:copies": json.dumps(copies), **keys}


def problems(*copies: dict[str, Any], **more: Any) -> str:
    with pytest.raises(SettingsError) as error:
        load(config(*copies, **more))
    return str(error.value)


def test_entries_of_one_repository() -> None:
    settings = load(
        config(
            {"from": f"oci://ghcr.io/acme/app:1.0.0@{D}", "to": "app", "keepVersions": 3, "unpublish": ["0.8.0"]},
            {
                "from": f"{ECR}/dev/app@{D}",
                "to": "app",
                "tags": ["2.0.0", "2"],
                "roleArn": ROLE,
                "unpublish": ["0.9.0"],
            },
            {"from": f"ghcr.io/acme/hello:1.0.0@{D}", "to": "hello", "pack": True},
        )
    )
    app, hello = by_target(settings.copies)
    assert [entry.all_tags for entry in app.entries] == [("1.0.0",), ("2.0.0", "2")]
    assert (app.path, app.keep, app.unpublish) == ("app", 3, ["0.8.0", "0.9.0"])
    assert (hello.path, hello.pack) == ("spectro-packs/archive/hello", True)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (
            {"from": "ghcr.io/a/b:1"},
            "it names no digest, so it could be another artifact at any time: add it (crane digest ghcr.io/a/b:1)",
        ),
        ({"from": "ghcr.io/a/b@sha256:12"}, "a digest is sha256: and 64 hex digits"),
        ({"from": f"https://ghcr.io/a/b@{D}"}, "without a scheme"),
        ({"from": f"nginx@{D}"}, "must begin with the registry's host"),
        ({"from": f"docker.io/library/nginx@{D}"}, "registry-1.docker.io"),
        ({"from": f"ghcr.io/a/b@{D}"}, "copies.0: name its tags"),
        ({"to": "App"}, "copies.0.to: "),
        ({"to": "a/spectro-packs/archive/b"}, "write the pack's name and pack: true"),
        ({"tags": ["a b"]}, "copies.0.tags.0: "),
        ({"tags": [D]}, "a digest is no tag"),
        ({"tags": ["1"], "unpublish": ["1"]}, "1: both to be copied and to be withdrawn"),
        ({"pack": True, "tags": ["1", "2"]}, "a pack has a name without / and one tag"),
        ({"pack": True, "to": "a/b"}, "a pack has a name without / and one tag"),
        ({"keepVersions": 0}, "keepVersions: at least 1"),
        ({"profile": "dev"}, "profile and roleArn are for a source in ECR, and ghcr.io is none"),
        (
            {"from": f"{ECR}/a/b:1@{D}", "plainHttp": True},
            "caFile, plainHttp and tokenHost are not for a source in ECR",
        ),
        ({"caFile": "x", "plainHttp": True}, "caFile has no effect"),
        ({"roleArn": "reader"}, "copies.0.roleArn: "),
        ({"form": "x"}, "copies.0.form: no such key; did you mean from?"),
    ],
)
def test_what_a_mistake_says(entry: dict[str, Any], expected: str) -> None:
    text = problems({"from": f"ghcr.io/acme/app:1.0.0@{D}", "to": "app", **entry})
    assert expected in text


def test_contradictions_between_entries_all_at_once() -> None:
    one = f"ghcr.io/acme/app:1.0.0@{D}"
    text = problems(
        {"from": one, "to": "a", "pack": True},
        {"from": one, "to": "a"},
        {"from": one, "to": "b", "keepVersions": 1},
        {"from": one, "to": "b", "keepVersions": "all", "tags": ["2"], "unpublish": ["1.0.0"]},
    )
    for expected in (
        "to: a: some entries have pack: true",
        "to: a: 1.0.0 is a tag of several entries",
        "to: b: the entries have several keepVersions: 1, all",
        "to: b: one entry has the tag 1.0.0, and another one withdraws it",
    ):
        assert expected in text


def test_an_immutable_repository_moves_no_tag() -> None:
    entry = {"from": f"ghcr.io/acme/app:1.0.0@{D}", "to": "app", "overwrite": True}
    assert "packinfra:copies: app has overwrite: true, but repositories.immutable is true" in problems(entry)
    load(config(entry, repositories={"exceptTags": ["1.0.0"]}))


def test_no_packs() -> None:
    load(config({"from": f"ghcr.io/acme/app:1.0.0@{D}", "to": "app"}, packs=[]))
    assert "name at least one pack, or something else to publish" in problems(packs=[])


def test_a_registry_of_charts_needs_charts() -> None:
    image = {"from": f"ghcr.io/acme/app:1.0.0@{D}", "to": "app"}
    assert "packinfra:palette.helm: there are no charts to register" in problems(
        image, palette={"name": "p", "helm": {}}
    )
    chart = {**image, "to": "charts/app"}
    load(config(chart, palette={"name": "p", "helm": {}}))
    load(config(image, palette={"name": "p", "helm": {}}, charts=["charts/*"]))
    assert "palette.helm.name: the registry of packs has this name" in problems(
        chart, palette={"name": "p", "helm": {"name": "p"}}
    )
    assert "palette.helm.syncs: no such key; did you mean sync?" in problems(
        chart, palette={"name": "p", "helm": {"syncs": True}}
    )
