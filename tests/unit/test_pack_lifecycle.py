"""The life of a PublishedPack without engine and provider host, on a scripted registry."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from packinfra.lifecycle.clients import PASSWORD, RegistryClients
from packinfra.lifecycle.ownership import Claim, Ownership
from packinfra.lifecycle.registry_access import (
    BasicAccess,
    EcrAccess,
    RegistryAccess,
    access_from_props,
    access_to_props,
)
from packinfra.oci.auth.credentials import CredentialsError
from packinfra.oci.errors import Step
from tests.support.pack_bench import Bench
from tests.support.packs import make_pack
from tests.support.scripted_registry import ScriptedRegistry


@pytest.fixture
def bench(registry: ScriptedRegistry, tmp_path: Path) -> Iterator[Bench]:
    made = Bench(registry, tmp_path / "hello")
    yield made
    made.run.archives.close()


def test_bytes_of_state(bench: Bench) -> None:
    """A guard: the engine writes the state of all packs after each step, so a pack's share decides how long `up` takes."""
    tree = {f"charts/web-{n % 30}/templates/resource-{n}.yaml": "x" for n in range(900)}
    make_pack(bench.folder, tree)
    inputs = bench.check()
    outputs = bench.lifecycle.create(inputs).outputs
    assert outputs.keys() == inputs.keys() - {"sources", "fileHashes"} | {"currentVersions"}
    assert len(json.dumps([inputs, outputs])) < 2700


def test_refresh_leaves_the_inputs_alone(bench: Bench) -> None:
    """`read` doesn't see them; the engine keeps them, hashes included, where it returns none."""
    id_, outputs = bench.repository, bench.lifecycle.create(bench.check()).outputs
    outcome = bench.lifecycle.read(id_, outputs)
    assert outcome
    assert (outcome.outputs, outcome.inputs) == (outputs, None)


def test_refresh_that_finds_drift(bench: Bench, registry: ScriptedRegistry) -> None:
    id_, inputs = bench.repository, bench.check()
    outputs = bench.lifecycle.create(inputs).outputs
    make_pack(bench.folder, version="1.1.0")
    news = bench.check(inputs)
    outputs = bench.lifecycle.update(id_, outputs, news)
    assert (outputs["currentVersions"], list(outputs["versions"])) == (["1.1.0"], ["1.0.0", "1.1.0"])
    del registry.manifests["team/spectro-packs/archive/hello", "1.0.0"]
    outcome = bench.lifecycle.read(id_, outputs)
    assert outcome
    assert outcome.inputs
    assert outcome.outputs["versions"].keys() == outcome.inputs["versions"].keys() == {"1.1.0"}
    assert outcome.inputs["fileHashes"] == {"1.1.0": {}}
    assert "currentVersions" not in outcome.inputs

    again = bench.check(outcome.inputs)
    assert again == {**news, "versions": outcome.inputs["versions"]}, "the folder was read again, the record stays"
    assert not bench.lifecycle.diff(id_, outcome.outputs, again).changes


def test_preview_names_the_files_that_make_the_difference(bench: Bench) -> None:
    inputs = bench.check()
    assert bench.messages.infos == [], "a new resource: the engine shows it anyway"
    make_pack(bench.folder, {"values.yaml": "a: 1\n", "new": "x"}, version="1.1.0")
    news = bench.check(inputs)
    digest = news["versions"]["1.1.0"]["manifestDigest"]
    expected = f"hello 1.1.0 will be published as {digest}; since 1.0.0: changed pack.json, values.yaml; added new"
    assert bench.messages.infos == [expected]
    make_pack(bench.folder, {"values.yaml": "a: 2\n"}, version="1.1.0")
    digest = bench.check(news, overwrite=True)["versions"]["1.1.0"]["manifestDigest"]
    assert bench.messages.infos[1:] == [
        f"hello 1.1.0 will be published again as {digest}; since 1.1.0: changed values.yaml"
    ]
    bench.check({**inputs, "fileHashes": {"1.0.0": {}}})
    assert bench.messages.infos[2:] == [f"hello 1.1.0 will be published as {digest}"], "hashes that nobody knows"
    bench.check(inputs, repository=bench.repository.replace("/archive/", "/other/"))
    assert len(bench.messages.infos) == 3, "in another repository everything is new"


def test_versions_that_a_replacement_loses(bench: Bench) -> None:
    """The engine asks for the diff more than once."""
    inputs = bench.check()
    make_pack(bench.folder, version="1.1.0")
    news = bench.check(inputs, repository=bench.repository.replace("/archive/", "/other/"))
    for _ in range(2):
        outcome = bench.lifecycle.diff("id", inputs, news)
        assert (outcome.changes, outcome.replaces) == (True, ["repository"])
    (warning,) = bench.messages.warnings
    assert warning == (
        f"{bench.repository} will be replaced: 1.0.0 will no longer be pullable from it; in the new repository hello 1.0.0 "
        "will be missing: no folder holds it any more, so only the old repository has it"
    )


def test_versions_that_are_withdrawn_or_published_again(bench: Bench) -> None:
    """One line each says what will no longer be pullable, once."""
    inputs = bench.check()
    bench.lifecycle.diff("id", inputs, bench.check(repository=bench.repository.replace("/hello", "2/hello")))
    line = f"{bench.repository} will be replaced: 1.0.0 will no longer be pullable from it; all are published in the new repository"
    assert bench.messages.infos[-1] == line
    for version in ("1.9.0", "1.10.0"):
        make_pack(bench.folder, version=version)
        inputs = bench.check(inputs)
    make_pack(bench.folder, version="2.0.0")
    news = bench.check(inputs, keepVersions=2, unpublish=["1.10.0"])
    for _ in range(2):
        assert bench.lifecycle.diff("id", inputs, news).changes
    line = f"{bench.repository}: 1.0.0, 1.10.0 will be withdrawn and no longer be pullable"
    assert bench.messages.infos.count(line) == 1
    inputs["versions"]["1.0.0"]["codec"] = "foreign"
    inputs["versions"]["1.10.0"]["codec"] = "foreign"
    bench.messages.infos.clear()
    bench.lifecycle.diff("id", inputs, news)
    assert not [line for line in bench.messages.infos if "withdrawn" in line], "images of somebody else stay"
    bench.lifecycle.diff("id", inputs, {**news, "deleteAdopted": True, "ownUrn": "another"})
    assert line in bench.messages.infos


def test_ownership() -> None:
    owners = Ownership()
    assert owners.owner_of("h/r", "") is None
    owners.claim("h/r", "", Claim("a"))
    owners.claim("h/r", "", Claim("b"))
    assert owners.owner_of("h/r", "") == Claim("b"), "the last one owns it"
    assert owners.owner_of("h/r", "sha256:0") is None
    assert owners.elsewhere("other/r", "") == [Claim("b")]
    assert owners.elsewhere("other/q", "") == owners.elsewhere("h/r", "") == owners.elsewhere("other/r", "x") == []
    assert not owners.is_planned("a")
    owners.plan("a")
    assert owners.is_planned("a")


@pytest.mark.parametrize(
    ("access", "props"),
    [
        (EcrAccess(), {"kind": "ecr"}),
        (EcrAccess(profile="p"), {"kind": "ecr", "profile": "p"}),
        (EcrAccess(publisher_role_arn="r"), {"kind": "ecr", "publisherRoleArn": "r"}),
        (BasicAccess(), {"kind": "basic"}),
        (
            BasicAccess(ca_file="c", plain_http=True, username="u"),
            {"kind": "basic", "caFile": "c", "plainHttp": True, "username": "u"},
        ),
        (
            BasicAccess(token_host="t.example", blob_hosts=("10.0.0.5:9000",)),
            {"kind": "basic", "tokenHost": "t.example", "blobHosts": ["10.0.0.5:9000"]},
        ),
    ],
)
def test_access_in_state(access: RegistryAccess, props: dict[str, Any]) -> None:
    assert access_to_props(access) == props
    assert access_from_props(props) == access


def test_no_access_in_state() -> None:
    assert access_from_props(None) is None


def clients(**config: str) -> RegistryClients:
    return RegistryClients(config.get, lambda _: None)


def test_access_to_another_kind_of_registry() -> None:
    """An ECR role is of no use at Harbor; at ECR's host, user name and password may be meant."""
    with pytest.raises(
        CredentialsError, match=r"(?s)no credentials for harbor\.example\.com: .*EcrAccess.*-> .*BasicAccess"
    ):
        clients().get("harbor.example.com/team/hello", access_to_props(EcrAccess(profile="p")))
    host = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
    with pytest.raises(CredentialsError, match=PASSWORD):
        clients().get(f"{host}/team/hello", access_to_props(BasicAccess(username="robot")))


def test_a_client_is_shared() -> None:
    made = clients()
    plain, secure = access_to_props(BasicAccess(plain_http=True)), access_to_props(BasicAccess())
    assert made.get("h.example/a", plain) is made.get("h.example/b", plain)
    assert made.get("h.example/a", plain) is not made.get("h.example/a", secure)
    token, blobs = BasicAccess(token_host="t.example"), BasicAccess(blob_hosts=("10.0.0.5:9000",))
    destinations = made.get("h.example/a", access_to_props(token))._transport.destinations
    assert destinations.may_get_login("https://t.example/token")
    destinations = made.get("h.example/a", access_to_props(blobs))._transport.destinations
    assert destinations.checked("https://10.0.0.5:9000/x", Step.DOWNLOAD, "r")
