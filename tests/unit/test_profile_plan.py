"""What a profile in a stack file comes to, and every mistake in it, before Palette is asked anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from packinfra.lifecycle.profiles.plan import PlannedProfile, plan_profiles
from packinfra.lifecycle.profiles.validation import by_semver, is_semver
from packinfra.packs.catalogue import read_catalogue
from packinfra.settings import load_profiles
from tests.support.packs import make_pack

VALUES = "# why\nweb:\n  replicas: 1   # few\n  host: '{{.spectro.var.host}}'\n"
FULL = [
    {"registry": "Public Repo", "name": "ubuntu-aws", "version": "22.04"},
    {"registry": "Public Repo", "name": "kubernetes", "version": "1.28.2"},
    {"registry": "Public Repo", "name": "cni-calico", "version": "3.26.1"},
    {"registry": "Public Repo", "name": "csi-aws-ebs", "version": "1.22.0"},
    {"name": "hello"},
]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_pack(tmp_path / "packs/hello-1", files={"values.yaml": VALUES})
    make_pack(tmp_path / "packs/hello-2", version="1.10.0", files={"values.yaml": VALUES})
    make_pack(tmp_path / "packs/hello-3", version="1.9.0", files={"values.yaml": VALUES})
    (tmp_path / "values").mkdir()
    (tmp_path / "values/own.yaml").write_text("own: true\n")
    (tmp_path / "values/binary.yaml").write_bytes(b"\xff\xfe")
    return tmp_path


def plan(root: Path, **profile: Any) -> tuple[PlannedProfile, list[str]]:
    settings = {"version": "1.0.0", "packs": [{"name": "hello"}], "variables": {"host": {}}, **profile}
    packs = read_catalogue(root, ["packs/*"]).packs
    planned, problems = plan_profiles(load_profiles({"web": settings}), packs, "ours", root)
    return planned["web"], problems


def problems_of(root: Path, **profile: Any) -> list[str]:
    return [problem.removeprefix("profile web: ") for problem in plan(root, **profile)[1]]


def test_a_pack_of_this_stack_is_its_highest_folder(root: Path) -> None:
    planned, problems = plan(root, version={"from": "hello"})
    assert problems == []
    assert planned.props["version"] == "1.10.0"
    assert planned.own == ["hello"]
    assert planned.props["layers"] == [
        {"name": "hello", "registry": "ours", "version": "1.10.0", "layer": "addon", "values": VALUES}
    ]
    assert planned.warnings == []


def test_values_and_set(root: Path) -> None:
    packs = [{"name": "hello", "version": "1.0.0", "set": {"web.replicas": 3, "web.new": "x"}}]
    planned, problems = plan(root, packs=packs)
    assert problems == []
    assert planned.props["layers"][0]["values"] == VALUES.replace("replicas: 1 ", "replicas: 3 ") + "  new: x\n"
    assert planned.warnings == [
        "pack hello: set: web.new: not in its values so far, so it is added: is it spelled right?"
    ]
    planned, problems = plan(root, packs=[{"name": "hello", "values": "values/own.yaml", "set": {"own": False}}])
    assert problems == []
    assert planned.props["layers"][0]["values"] == "own: false\n"
    assert planned.warnings == ["no pack's values use the variable host"]


def test_what_only_palette_knows_stays_open(root: Path) -> None:
    planned, problems = plan(
        root,
        packs=[
            {"registry": "Public Repo", "name": "hello", "version": "2", "set": {"a": 1}},
            {"name": "x", "registry": "y", "version": "1"},
        ],
    )
    assert problems == []
    assert planned.own == []
    assert planned.props["layers"][0] == {"name": "hello", "registry": "Public Repo", "version": "2", "set": {"a": 1}}
    assert planned.warnings == []


def test_a_pack_of_this_registry_that_no_folder_holds(root: Path) -> None:
    """Copied, or of another stack: Palette says what it is."""
    entry = {"name": "copied", "registry": "ours", "version": "2.0.0", "set": {"a": 1}}
    planned, problems = plan(root, version={"from": "copied"}, packs=[{"name": "hello"}, entry])
    assert problems == []
    assert planned.own == ["hello"], "nothing is known of what this stack publishes of it"
    assert planned.props["version"] == "2.0.0"
    assert planned.props["layers"][1] == {"name": "copied", "registry": "ours", "version": "2.0.0", "set": {"a": 1}}
    assert problems_of(root, packs=[{"name": "copied", "registry": "ours"}, {"name": "hello"}]) == [
        "pack copied: give its version"
    ]
    (problem,) = problems_of(root, packs=[{"name": "copied"}, {"name": "hello"}])
    assert 'or registry: "ours", and its version, if packinfra:copies or another stack brings it there' in problem


def test_the_tutorials_profile(root: Path) -> None:
    """OS, Kubernetes, network, storage, and our own pack (Deploy a Custom Pack, "Create a Cluster Profile")."""
    planned, problems = plan(root, type="full", cloud="aws", packs=FULL)
    assert problems == []
    assert [layer["name"] for layer in planned.props["layers"]][-1] == "hello"


def test_a_secret_default_is_kept_apart(root: Path) -> None:
    planned, _ = plan(root, variables={"host": {"sensitive": True, "default": "hush"}})
    assert planned.props["sensitiveDefaults"] == {"host": "hush"}
    assert "hush" not in str(planned.props["variables"])


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"version": "v1.2"}, 'version: "v1.2" is not SemVer: write three numbers'),
        ({"version": "1.02.0"}, 'version: "1.02.0" is not SemVer'),
        ({"version": {"from": "hallo"}}, "version: from: hallo: the profile has no pack of this name of this stack; of this stack there are hello"),
        ({"packs": [{"name": "helo"}]}, "pack helo: no folder of this stack holds it: did you mean hello?"),
        ({"packs": [{"name": "a", "registry": "r"}]}, "pack a: give its version"),
        ({"packs": [{"name": "hello"}, {"name": "hello", "version": "1.0.0"}]}, "packs: hello is there 2 times"),
        ({"packs": [{"name": "hello", "values": "values/none.yaml"}]}, "pack hello: values: values/none.yaml: there is no such file"),
        ({"packs": [{"name": "hello", "values": "a\0b"}]}, "a path has no null characters"),
        ({"packs": [{"name": "hello", "values": "values"}]}, "pack hello: values: values: Is a directory"),
        ({"packs": [{"name": "hello", "values": "values/binary.yaml"}]}, "values/binary.yaml: it is not UTF-8 text"),
        ({"packs": [{"name": "hello", "set": {"web.replicas.x": 1}}]}, "pack hello: set: web.replicas.x: web.replicas is a single value"),
        ({"packs": [{"name": "hello", "set": {"a..b": 1}}]}, "pack hello: set: a..b: a part of the path is empty"),
        ({"packs": [{"name": "a", "registry": "r", "version": "1", "set": {"": 1}}]}, "pack a: set: : a part of the path is empty"),
        ({"variables": {}}, 'pack hello: its values use the variable "host", which the profile does not define: add it to variables'),
        ({"variables": {"hosts": {}}}, 'the variable "host", which the profile does not define: did you mean hosts?'),
        ({"type": "full"}, "cloud: all is only for type: add-on: a profile of type full is for one cloud"),
        ({"type": "full", "cloud": "aws"}, "packs: a profile of type full needs a pack of each layer os, k8s, cni; it has no os, k8s, cni"),
        ({"type": "infra", "cloud": "aws"}, "packs: a profile of type infra has no add-ons"),
        ({"cloud": "AWS"}, 'cloud: "AWS": write Palette\'s name of the cloud'),
        ({"variables": {"host": {"format": "number", "default": "x"}}}, 'variable host: its default "x" does not match format: number'),
        ({"variables": {"host": {"format": "ipv4cidr", "default": "10.0.0.1"}}}, 'its default "10.0.0.1" does not match format: ipv4cidr'),
        ({"variables": {"host": {"format": "boolean", "default": "yes"}}}, 'its default "yes" does not match format: boolean'),
        ({"variables": {"host": {"sensitive": True, "format": "number", "default": "x"}}}, "variable host: its default does not match format: number"),
        ({"variables": {"host": {"hidden": True, "required": True}}}, "variable host: it is hidden and required, so it needs a default"),
        ({"variables": {"host": {"immutable": True}}}, "variable host: it is immutable, so it needs a default"),
        ({"variables": {"host": {"inputType": "dropdown"}}}, "variable host: a dropdown needs options"),
        ({"variables": {"host": {"inputType": "dropdown", "options": ["a"], "default": "b"}}}, 'its default "b" is not one of its options'),
        ({"variables": {"host": {"options": ["a"]}}}, "variable host: options are for inputType: dropdown"),
        ({"variables": {"host": {}, "a b": {}}}, "variable a b: use letters, digits"),
        ({"variables": {"host": {"displayName": "x"}, "other": {"displayName": "x"}}}, 'variables: 2 have the display name "x"'),
    ],
)  # fmt: skip
def test_each_mistake_is_named(root: Path, change: dict[str, Any], problem: str) -> None:
    found = problems_of(root, **change)
    assert any(problem in each for each in found), found


def test_all_mistakes_at_once(root: Path) -> None:
    found = problems_of(root, version="x", packs=[{"name": "nope"}, {"name": "hello", "values": "no"}], variables={})
    assert len(found) == 3, found


def test_a_pack_for_another_cloud(root: Path) -> None:
    make_pack(root / "packs/hello-1", cloudTypes=["vsphere"], files={"values.yaml": VALUES})
    packs = [{"name": "hello", "version": "1.0.0"}]
    assert problems_of(root, cloud="aws", packs=packs) == [
        "pack hello 1.0.0 is for vsphere, the profile for aws: set cloud to one of those, or cloudTypes in its pack.json"
    ]
    assert problems_of(root, packs=packs) == []


def test_layers_in_order(root: Path) -> None:
    make_pack(root / "packs/os", name="os-pack", layer="os", files={"values.yaml": ""})
    make_pack(root / "packs/k8s", name="k8s-pack", layer="k8s", files={"values.yaml": ""})
    own = [{"name": name} for name in ("k8s-pack", "os-pack", "hello")]
    found = problems_of(root, type="full", cloud="aws", packs=own)
    assert found[0].startswith("packs: the layers are in the order k8s, os, addon; Palette's order is kernel, os, k8s")
    assert problems_of(root, packs=own)[0].startswith("packs: a profile of type add-on has no layer k8s, os")


def test_a_comment_refers_to_nothing(root: Path) -> None:
    (root / "values/own.yaml").write_text("# a: '{{.spectro.var.gone}}'\na: '{{ .spectro.system.cluster.name }}'\n")
    assert problems_of(root, packs=[{"name": "hello", "values": "values/own.yaml"}]) == []
    (root / "values/own.yaml").write_text("a: '{{ .spectro.vars.host }}'\n")
    assert (
        "undefined macro .spectro.vars" in problems_of(root, packs=[{"name": "hello", "values": "values/own.yaml"}])[0]
    )


@pytest.mark.parametrize("version", ["1.0.0", "0.0.4", "1.2.3-rc.1", "1.0.0-alpha-a.b-c+build.1", "10.20.30"])
def test_semver(version: str) -> None:
    assert is_semver(version)


@pytest.mark.parametrize(
    "version", ["1", "1.0", "v1.0.0", "01.0.0", "1.0.0-", "1.0.0-01", "1.0.0+", " 1.0.0", "1.0.0\n"]
)
def test_no_semver(version: str) -> None:
    assert not is_semver(version)


def test_precedence() -> None:
    """The example of SemVer 2.0.0, 11."""
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0-rc.1", "1.0.0", "1.9.0", "1.10.0"]  # fmt: skip
    mixed = [*ordered[5:], *ordered[:5]]
    assert sorted(mixed, key=by_semver) == ordered
