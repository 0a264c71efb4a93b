"""ClusterProfile's provider, in the SDK's real host process, with Palette's stand-in, which really reads the packs."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.palette_resources import URN
from tests.support.profile_bench import Bench, Packs, packs_in_palette, running
from tests.support.profiles import P
from tests.support.provider_host import ProviderError
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


@pytest.fixture(scope="module")
def packs(sandbox: Sandbox) -> Iterator[Packs]:
    with packs_in_palette(sandbox, f"t-{uuid.uuid4().hex[:10]}", "1.0.0", "1.1.0", "1.2.0") as made:
        yield made


@pytest.fixture
def bench(packs: Packs, tmp_path: Path) -> Iterator[Bench]:
    with running(packs, tmp_path) as made:
        yield made


def test_a_new_pack_version_flows_into_a_new_profile_version(bench: Bench) -> None:
    id_, inputs, outs = bench.created()
    first = outs["uid"]
    assert bench.versions() == {"1.0.0": first}
    assert bench.get(first)["status"]["isPublished"]
    layer = bench.layer(first)
    assert (layer["tag"], layer["type"], layer["registryUid"]) == ("1.0.0", "oci", bench.registry)
    assert layer["values"] == "a: 1", "the published values, complete"
    assert bench.host.logs == [f"profile {bench.name} 1.0.0 is in Palette, with hello 1.0.0"]

    mark = bench.sandbox.mark()
    news = bench.checked(bench.inputs("1.1.0", "1.1.0"), inputs)
    assert bench.host.diff(id_, outs, news) == (True, [])
    assert bench.host.logs[-1] == (
        f"profile {bench.name} 1.1.0 will be created; since 1.0.0: layer hello: 1.0.0 -> 1.1.0, layer hello: its values are those "
        "published by this version, known at up"
    )
    assert bench.asked(mark) == [], "preview asks Palette nothing"
    inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0")
    assert set(bench.versions()) == {"1.0.0", "1.1.0"}
    assert bench.layer(outs["uid"])["tag"] == "1.1.0"
    assert bench.layer(first)["tag"] == "1.0.0", "the old version stays as it is"
    assert outs["versions"]["1.0.0"]["packs"] == {"hello": "1.0.0"}

    mark = bench.sandbox.mark()
    back = bench.updated(id_, (inputs, outs))
    assert (
        f"profile {bench.name} 1.0.0 becomes the current version again; since 1.1.0: layer hello: 1.1.0 -> 1.0.0"
        in bench.host.logs[-1]
    )
    assert bench.written(mark) == []
    assert back[1]["uid"] == first

    with bench.another() as host:
        host.delete(id_, outs)
        assert bench.versions() == {}
        host.delete(id_, outs)  # what is gone is no failure


def test_changed_content_in_place(bench: Bench) -> None:
    news: dict[str, Any]
    values = "a: 1\nreplicas: 1 # few\npassword: hunter2\n"
    layer = {"name": "hello", "registry": bench.base, "version": "1.0.0", "layer": "addon", "values": values}
    id_, inputs, outs = bench.created(layers=[layer])
    bench.sandbox.palette.clusters(outs["uid"], "prod-1", "prod-2")
    _, outs, _ = bench.refreshed(id_, outs)
    assert outs["versions"]["1.0.0"]["clusters"] == 2

    changed = values.replace("replicas: 1", "replicas: 2").replace("hunter2", "hunter3")
    news = {"layers": [{**layer, "values": changed}], "description": "better", "tags": {"team": "x", "demo": ""}}
    assert bench.host.diff(id_, outs, bench.checked(bench.inputs(**news), inputs)) == (True, [])
    message = bench.host.logs[-1]
    assert message.startswith(
        f'profile {bench.name} 1.0.0 will be changed: description: none -> "better", tag demo: none -> without a value'
    )
    assert "2 clusters used it at the last up or refresh, and will be offered the change" in message
    assert "-replicas: 1 # few" in message
    assert "+password: ***" in message
    assert "hunter" not in message

    mark = bench.sandbox.mark()
    inputs, outs = bench.updated(id_, (inputs, outs), **news)
    assert bench.layer(outs["uid"])["values"] == changed.strip()
    assert bench.get(outs["uid"])["metadata"]["labels"] == {"team": "x", "demo": "spectro__tag"}
    assert len(bench.asked(mark, "POST *validate/packs")) == 1
    assert bench.asked(mark)[0].startswith("GET"), "lookups and the dry run come before anything is written"

    # A comment is no difference in Palette, but people read it.
    commented = {**news, "layers": [{**layer, "values": changed.replace("# few", "# many")}]}
    inputs, outs = bench.updated(id_, (inputs, outs), **commented)
    assert "# many" in bench.layer(outs["uid"])["values"]

    refused = bench.checked(bench.inputs(**{**news, "immutable": True}), inputs)
    with pytest.raises(ProviderError) as caught:
        bench.host.diff(id_, outs, refused)
    assert "immutable is true, and the content of 1.0.0 has changed\n  -> give it a new version" in str(caught.value)


@pytest.mark.parametrize("how", ["as written", "reordered"])
def test_nothing_drifts(bench: Bench, how: str) -> None:
    """Each trap of what Palette returns: stripped and reordered YAML, masked defaults, order, defaults left out."""
    values = "\n\nz: {b: 1, a: [x, y]}\n# why\nn: &n 1.50\nm: *n\nreplicas: '{{.spectro.var.replicas}}'\na: 1\n\n"
    layers = [{"name": "hello", "registry": bench.base, "version": "1.0.0", "values": values}]
    variables = [
        {"name": "replicas", "format": "number", "default": "1", "required": True, "displayName": "Replicas"},
        {"name": "admin", "sensitive": True},
        {"name": "size", "inputType": "dropdown", "options": ["s", "m"], "default": "s"},
    ]
    with bench.sandbox.palette.overrides(reorders=how == "reordered"):
        id_, inputs, outs = bench.created(
            layers=layers, variables=variables, sensitiveDefaults={"admin": "hush"}, tags={"b": "1", "a": ""}
        )
        assert next(v for v in bench.variables(outs["uid"]) if v["name"] == "admin")["defaultValue"] == "********"
        assert not [log for log in bench.host.logs if "another form" in log or "edited" in log], bench.host.logs
        mark = bench.sandbox.mark()
        inputs, outs = bench.updated(
            id_, (inputs, outs), layers=layers, variables=variables[::-1], tags={"a": "", "b": "1"},
            sensitiveDefaults={"admin": "shh"},
        )  # fmt: skip
        assert any("/variables" in asked for asked in bench.written(mark)), "a secret is compared with our own record"


def test_variables_that_the_first_request_ignores(bench: Bench) -> None:
    layers = [{"name": "hello", "registry": bench.base, "version": "1.0.0"}]
    with bench.sandbox.palette.overrides(ignores_variables=True):
        _, _, outs = bench.created(layers=layers, variables=[{"name": "replicas", "default": "1"}])
    assert [variable["name"] for variable in bench.variables(outs["uid"])] == ["replicas"]


def test_edits_by_hand_are_found_and_repaired(bench: Bench) -> None:
    id_, inputs, outs = bench.created()
    values = bench.layer(outs["uid"])["values"]
    bench.edit(outs["uid"], values="a: 2")
    _, outs, _ = bench.refreshed(id_, outs)
    assert outs["edited"] == ["layer hello: its values change"]
    assert (
        f"profile {bench.name} 1.0.0 was edited in Palette: layer hello: its values change; the next up"
        in bench.host.logs[-1]
    )
    inputs, outs = bench.updated(id_, (inputs, outs))
    assert bench.layer(outs["uid"])["values"] == values
    assert "edited" not in outs

    bench.edit(outs["uid"], manifests=[{"name": "extra", "content": "a: 1"}])
    _, outs, _ = bench.refreshed(id_, outs)
    assert outs["edited"] == ["layer hello: manifest extra: added"]
    inputs, outs = bench.updated(id_, (inputs, outs))
    assert bench.layer(outs["uid"])["manifests"] == []

    # An old version that was edited is said, and not written: its content is no longer declared.
    first = outs["uid"]
    inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0")
    bench.edit(first, values=values + "\nmore: 1")
    _, after, _ = bench.refreshed(id_, outs)
    assert after == outs
    assert (
        f"profile {bench.name} 1.0.0 was edited in Palette: its content; this stack no longer declares that"
        in bench.host.logs[-1]
    )


@pytest.mark.parametrize("change", [{"name": "renamed"}, {"version": "3.0.0"}])
@pytest.mark.parametrize("refresh", [True, False])
def test_what_was_renamed_by_hand_is_left_alone(bench: Bench, change: dict[str, str], refresh: bool) -> None:
    id_, inputs, outs = bench.created()
    name = f"{bench.name}-{change.get('name', 'same')}" if "name" in change else bench.name
    body = {"metadata": {"name": name}, "spec": {"version": change.get("version", "1.0.0")}}
    theirs = outs["uid"]
    bench.send("PATCH", f"{P}/{theirs}/metadata", body)
    said = f"{bench.name} 1.0.0 was renamed to {name} {body['spec']['version']} in Palette: it stays there"
    if refresh:
        assert bench.refreshed(id_, outs)[0] == ""
        assert bench.host.logs[-1].startswith(said)
        outs = bench.host.create(inputs)[1]
    else:
        outs = bench.host.update(id_, outs, bench.checked(bench.inputs(tags={"a": "b"}), inputs))
        assert any(log.startswith(said) for log in bench.host.logs)
    assert outs["uid"] != theirs
    assert bench.versions()["1.0.0"] == outs["uid"]
    with bench.another() as host:
        host.delete(
            id_, {**outs, "versions": {**outs["versions"], "0.9.0": {**outs["versions"]["1.0.0"], "uid": theirs}}}
        )
    assert bench.get(theirs)["metadata"]["name"] == name
    bench.send("DELETE", f"{P}/{theirs}")


def test_the_order_of_variables_is_no_change(bench: Bench) -> None:
    variables = [{"name": "a", "default": "1"}, {"name": "b", "default": "2"}]
    id_, inputs, outs = bench.created(variables=variables, immutable=True)
    news = bench.checked(bench.inputs(variables=variables[::-1], immutable=True), inputs)
    assert bench.host.diff(id_, outs, news) == (False, [])


def test_what_is_gone_is_made_again(bench: Bench) -> None:
    id_, inputs, outs = bench.created()
    inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0")
    bench.send("DELETE", f"{P}/{outs['uid']}")
    _, outs, _ = bench.refreshed(id_, outs)
    assert set(outs["versions"]) == {"1.0.0"}
    assert bench.host.logs[-1] == f"profile {bench.name} 1.1.0 is gone from Palette; the next up makes it again"
    inputs, outs = bench.updated(id_, (inputs, outs), version="1.1.0", pack="1.1.0")
    assert set(bench.versions()) == {"1.0.0", "1.1.0"}
    for uid in bench.versions().values():
        bench.send("DELETE", f"{P}/{uid}")
    assert bench.refreshed(id_, outs)[0] == ""


def test_a_deleted_tag_makes_a_version_invalid(bench: Bench, packs: Packs) -> None:
    packs.publish("0.1.0")
    id_, _, outs = bench.created(pack="0.1.0")
    packs.delete_tag("0.1.0")
    assert bench.refreshed(id_, outs)[1] == outs
    assert f"profile {bench.name} 1.0.0: the pack hello 0.1.0 is invalid: " in bench.host.logs[-1]


def test_a_lost_response_makes_one_profile(bench: Bench) -> None:
    with bench.sandbox.faults.add(f"palette: POST {P}", when="after", action="cut"):
        _, _, outs = bench.created()
    assert bench.versions() == {"1.0.0": outs["uid"]}


def test_the_tutorials_profile(bench: Bench) -> None:
    """OS, Kubernetes, network, storage, Spectro Proxy and our own pack (Deploy a Custom Pack, "Create a Cluster Profile")."""
    public = [
        ("ubuntu-aws", "22.04"),
        ("kubernetes", "1.28.11"),
        ("cni-calico", "3.26.3"),
        ("csi-aws-ebs", "1.22.0"),
        ("spectro-proxy", "1.4.3"),
    ]
    layers = [{"name": name, "registry": "Public Repo", "version": version} for name, version in public]
    layers.append({"name": "hello", "registry": bench.base, "version": "1.0.0"})
    _, _, outs = bench.created(type="full", cloud="aws", layers=layers)
    profile = bench.get(outs["uid"])["spec"]["published"]
    assert (profile["type"], profile["cloudType"]) == ("cluster", "aws")
    assert [(p["name"], p["type"]) for p in profile["packs"]] == [
        *((name, "spectro") for name, _ in public),
        ("hello", "oci"),
    ]


def test_the_tenants_profile(bench: Bench) -> None:
    """Without a project."""
    inputs = bench.checked(bench.inputs(project=None))
    id_, outs = bench.host.create(inputs)
    assert id_ == f"tenant/{bench.name}"
    assert bench.versions() == {"1.0.0": outs["uid"]}, "which a project sees too"
    assert bench.host.diff(id_, outs, bench.checked(bench.inputs(), inputs)) == (True, ["project"])
    with bench.another() as host:
        host.delete(id_, outs)
    assert bench.versions() == {}


def test_a_resource_that_was_renamed_keeps_its_profile(bench: Bench) -> None:
    """Without an alias: the new one adopts it in the same run, then the old one is deleted."""
    id_, _, outs = bench.created()
    bench.host.create(bench.checked(bench.inputs(ownUrn=f"{URN}-new")))
    bench.host.delete(id_, outs)
    assert bench.versions() == {"1.0.0": outs["uid"]}
    assert bench.host.logs[-1].endswith(f"1.0.0 stays in Palette: {URN}-new owns it now")


@pytest.mark.parametrize("request_", ["PUT *", "PATCH */publish", "PUT */variables"])
def test_a_failure_midway_is_gone_on_from(bench: Bench, request_: str) -> None:
    variables = [{"name": "replicas", "default": "1"}]
    id_, inputs, outs = bench.created(variables=variables)
    news = bench.inputs(variables=[{"name": "other", "default": "1"}], tags={"a": "b"})
    broken = bench.sandbox.faults.add(f"palette: {request_}", times=0, action="respond", response="error")
    with broken, pytest.raises(ProviderError) as caught:
        bench.host.update(id_, outs, bench.checked(news, inputs))
    assert caught.value.recorded
    _, left = caught.value.recorded
    assert left["versions"]["1.0.0"]["uid"] == outs["uid"]
    _, left, inputs = bench.refreshed(id_, left)
    inputs, outs = bench.updated(id_, (inputs or news, left), variables=news["variables"], tags=news["tags"])
    assert [variable["name"] for variable in bench.variables(outs["uid"])] == ["other"]
