"""What users' state holds, kept by tests/golden/state-0.2.0.json and listed in docs/upgrading.md."""

from __future__ import annotations

import base64
import json
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import ResourceProvider, serialize_provider
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime.mocks import MockResourceArgs
from pulumi.runtime.rpc import unwrap_rpc_secret

import packinfra
from packinfra import providers
from packinfra.lifecycle import registry_access
from packinfra.lifecycle.copies.state import CopiedTag
from packinfra.lifecycle.profiles.state import ProfileRecord
from packinfra.lifecycle.publishing.state import PublishedVersion
from packinfra.lifecycle.results import Lifecycle
from packinfra.oci import Client, Reference, Transport
from packinfra.oci.referrers import fallback_tag
from packinfra.packs import read_pack
from packinfra.resources.published_names import PublishedNames, VersionsOfName
from packinfra.resources.removal_check import RemovalCheck
from tests.support.artifacts import make_chart_folder, make_files
from tests.support.components import NoLookups, installed
from tests.support.images import image, index, referrer
from tests.support.packs import make_pack
from tests.support.run import new_run
from tests.support.scripted_palette import KEY, Reply, ScriptedPalette, items
from tests.support.scripted_registry import ScriptedRegistry

ROOT = Path(__file__).parents[2]
GOLDEN = ROOT / "tests/golden/state-0.2.0.json"
RECORDED: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())
UPGRADING = (ROOT / "docs/upgrading.md").read_text()
OCI = "/v1/registries/oci"
APP = index(image(b"amd64"), image(b"arm64"))
ROLE = "arn:aws:iam::123456789012:role/palette"


class Recording(NoLookups):
    """Logical name -> (type token, the inputs that the program gives)."""

    def __init__(self) -> None:
        self.declared: dict[str, tuple[str, dict[str, Any]]] = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        inputs = {key: unwrap_rpc_secret(value) for key, value in args.inputs.items() if value is not None}
        self.declared[args.name] = args.typ, inputs  # the host, too, hands secrets over in plain text
        return f"{args.name}-id", {**args.inputs, "uid": "u1", "tenant": "t1", "revision": 1}


@pytest.fixture
def mocks() -> Iterator[Recording]:
    with installed(Recording()) as recording:
        yield recording


@pytest.fixture
def palette(tmp_path: Path) -> Iterator[ScriptedPalette]:
    with ScriptedPalette(tmp_path) as running:
        running.on("GET", "/sts", Reply(body={"accountId": "210987654321", "externalId": "x-1"}))
        running.on("GET", f"{OCI}/summary", items())
        running.on("POST", "/validate", Reply(204))
        running.on("GET", "/users/me", Reply(body={"status": {"tenant": {"tenantUid": "t1"}}}))
        running.on("POST", f"{OCI}/(ecr|basic)", Reply(201, {"uid": "u1"}))
        _has_packs_and_profiles(running)
        yield running


def _has_packs_and_profiles(palette: ScriptedPalette) -> None:
    """The pack hello, the project Default, and the profile web once it is created."""
    palette.on("GET", "/registries/metadata", Reply(body={"items": [{"uid": "u1", "name": "packs", "kind": "oci"}]}))
    tags = {"tags": [{"packUid": "k1", "version": "1.0.0", "tag": "1.0.0"}], "layer": "addon", "cloudTypes": ["all"]}
    palette.on(
        "GET", "/packs/hello/registries/u1", Reply(body={**tags, "packValues": [{"packUid": "k1", "values": "a: 1"}]})
    )
    palette.on("GET", "/projects/metadata", Reply(body={"items": [{"metadata": {"uid": "j1", "name": "Default"}}]}))
    palette.on("GET", "/clusterprofiles/metadata", Reply(body={"items": []}))
    palette.on("POST", "/validate/packs", Reply(body={"packs": {"results": []}}))
    palette.on("POST", "/v1/clusterprofiles", Reply(201, {"uid": "p1"}))
    pack = {
        "name": "hello",
        "type": "oci",
        "layer": "addon",
        "registryUid": "u1",
        "packUid": "k1",
        "tag": "1.0.0",
        "values": "a: 2",
    }
    metadata = {"uid": "p1", "name": "web", "annotations": {"description": "d"}, "labels": {"team": "docs"}}
    spec = {"version": "1.0.0", "published": {"type": "add-on", "cloudType": "all", "packs": [pack]}}
    palette.on(
        "GET", "/clusterprofiles/p1", Reply(body={"metadata": metadata, "spec": spec, "status": {"isPublished": True}})
    )
    variables = [
        {"name": "replicas", "displayName": "replicas", "defaultValue": "1", "format": "number"},
        {"name": "admin", "displayName": "admin", "defaultValue": "********", "isSensitive": True},
    ]
    palette.on("GET", "/clusterprofiles/p1/variables", Reply(body={"variables": variables}))


def declare(registry: str, palette: ScriptedPalette) -> None:
    """Every resource with every keyword."""
    access = packinfra.BasicAccess(plain_http=True)
    packinfra.BasePath("base-path", repository=f"{registry}/team/spectro-packs/archive", registry_access=access)
    packinfra.PublishedPack(
        "published-pack", repository=f"{registry}/team/spectro-packs/archive/hello", sources=["hello"], overwrite=True,
        unpublish=["0.1.0"], keep_versions=3, delete_adopted=True, created="2026-01-01T00:00:00Z",
        registry_access=access, validated=[read_pack(Path("hello"))],
    )  # fmt: skip
    file = packinfra.ArtifactFile("policy/data.json", "application/json", "data.json")
    packinfra.PublishedArtifact(
        "published-artifact", repository=f"{registry}/team/artifacts/hello", overwrite=True, unpublish=["0.1.0"],
        keep_versions=3, delete_adopted=True, created="2026-01-01T00:00:00Z", registry_access=access,
        sources=[
            packinfra.Files("1.0.0", [file], file, annotations={"a": "b"}, artifact_type="application/vnd.acme.a"),
            packinfra.OpaBundle("policy", "2.0.0"), packinfra.ConftestPolicy("policy", "3.0.0"),
        ],
    )  # fmt: skip
    packinfra.PublishedArtifact(
        "published-chart", repository=f"{registry}/team/charts/web", sources=[packinfra.HelmChart("web")],
        registry_access=access,
    )  # fmt: skip
    packinfra.CopiedArtifact(
        "copied-artifact", repository=f"{registry}/team/app", unpublish=["0.1.0"], keep_versions=3, registry_access=access,
        copies=[
            packinfra.CopyEntry(f"{registry}/dev/app:1.0.0@{APP.digest}", ["1.0.0"], referrers=True, access=access),
            packinfra.CopyEntry(f"{registry}/dev/app@{APP.children[0].digest}", ["1.1.0"], overwrite=True, access=access),
        ],
    )  # fmt: skip
    names = {"hello": VersionsOfName(["1.0.0", "1.1.0"], unpublish=["0.9.0"], keep=3)}
    PublishedNames(
        "published-names", family="packs", names=names, removed=["old"],
        palette={"registry": "packs", "host": palette.host, "caFile": "palette.pem", "withdrawUsed": True},
        artifacts={"charts/web": VersionsOfName(["1.0.0"])}, removed_artifacts=["charts/old"],
        copies={"app": VersionsOfName(["1.0.0"])}, removed_copies=["old"],
    )  # fmt: skip
    where: dict[str, Any] = {"host": palette.host, "ca_file": "palette.pem"}
    packinfra.PalettePrincipal("palette-principal", partition="aws", **where)
    base: dict[str, Any] = {"registry_name": "packs", "base_path": "team", "partition": "aws", **where}
    ecr: dict[str, Any] = {"kind": "ecr", "endpoint": "123456789012.dkr.ecr.eu-west-1.amazonaws.com", **base}
    packinfra.PaletteRegistry(
        "palette-registry-key", access_key_id="AKIAX", secret_key="s3cret", role_timeout_seconds=60.0, **ecr
    )
    packinfra.PaletteRegistry(
        "palette-registry-basic", kind="basic", endpoint="https://registry.example.com", username="robot",
        password="s3cret", registry_ca_file="palette.pem", **base,
    )  # fmt: skip
    role = packinfra.PaletteRegistry("palette-registry-role", role_arn=ROLE, external_id="x-1", **ecr)
    RemovalCheck(
        "removal-check", repository="123456789012.dkr.ecr.eu-west-1.amazonaws.com/team/spectro-packs/archive",
        owns_base=True, packs=["hello", "nginx"], roles=["packs-reader"], force_delete=True,
        policies=[{"arn": "arn:aws:iam::123456789012:policy/packs-reader", "roles": ["packs-reader"], "users": ["jane"]}],
        adopted={"hello": ["1.0.0"]}, delete_adopted={"nginx": ["1.0.0"]},
        artifacts={"team/charts/web": {"goes": ["sha256:0"], "stays": []}}, copies={"team/app": ["sha256:0"]},
        registry_access=packinfra.EcrAccess(profile="publisher"),
    )  # fmt: skip
    packs = {"hello": {"1.0.0": "sha256:0"}}
    packinfra.PaletteSync(
        "palette-sync", registry=role, packs=packs, content={"charts/web": {"1": "sha256:0"}}, timeout_seconds=60.0
    )
    packinfra.ClusterProfile(
        "cluster-profile", profile_name="web", version="1.0.0", project="Default", description="d", tags={"team": "docs"},
        layers=[{"name": "hello", "registry": "packs", "version": "1.0.0", "set": {"a": 2}}],
        variables=[{"name": "replicas", "format": "number", "default": "1"}, {"name": "admin", "sensitive": True}],
        sensitive_defaults={"admin": "s3cret"}, keep_versions=3, immutable=True, registry_uid="u1", secret_values=True,
        pack_digests={"hello": "sha256:0"}, published={"hello": ["1.0.0"]}, **where,
    )  # fmt: skip


@pytest.fixture
def state(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    mocks: Recording,
    registry: ScriptedRegistry,
    palette: ScriptedPalette,
) -> dict[str, dict[str, Any]]:
    """Logical name -> type, provider, id, inputs and outputs, as the engine would record them.

    reference: to the provider, `__provider` in real state; its bytes depend on Python's version
    """
    monkeypatch.chdir(tmp_path)
    make_pack(tmp_path / "hello")
    make_files(tmp_path / "policy", {"data.json": "{}", "a.rego": "package a\n"})
    make_chart_folder(tmp_path / "web")
    client = Client(Transport(registry.host, plain_http=True))
    for artifact in (APP, referrer(APP, b"a signature")):
        artifact.push(client, Reference(registry.host, "dev/app", artifact.digest))
    index(referrer(APP, b"a signature")).push(client, Reference(registry.host, "dev/app", fallback_tag(APP.digest)))
    certificate = Path(palette.ca_file).read_text().strip()
    Path("palette.pem").write_text(certificate)
    made = {}

    async def program() -> None:
        declare(registry.host, palette)

    pulumi_mocks.test(program)()  # type: ignore[no-untyped-call]
    for name, (kind, declared) in sorted(mocks.declared.items()):
        reference, news = declared.pop("__provider"), declared
        provider = loaded(reference)
        lifecycle: Lifecycle = provider.make(new_run(), {"packinfra:paletteApiKey": KEY}.get)
        outcome = lifecycle.check({}, news)
        assert not outcome.problems
        if (
            name == "palette-sync"
        ):  # Palette lists the packs already, so outputs are what an update without changes says
            id_, outputs = "u1", lifecycle.update("u1", outcome.inputs, outcome.inputs)
        else:
            created = lifecycle.create(outcome.inputs)
            id_, outputs = created.id, created.outputs
        made[name] = {
            "type": kind, "provider": _path(type(provider)), "reference": reference, "id": id_,
            "inputs": outcome.inputs, "outputs": outputs,
        }  # fmt: skip
    text = json.dumps(made, indent=2, sort_keys=True)
    for random, name in (
        (registry.host, "registry.example.com"),
        (palette.host, "palette.example.com"),
        (json.dumps(certificate)[1:-1], "PEM"),
    ):
        text = text.replace(random, name)
    fresh: dict[str, dict[str, Any]] = json.loads(text)
    return {name: {key: _without_none(value) for key, value in each.items()} for name, each in fresh.items()}


def _without_none(value: Any) -> Any:
    """As the engine drops them."""
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def loaded(reference: str) -> Any:
    return pickle.loads(base64.b64decode(reference))  # noqa: S301 - our own


def test_state_is_as_it_was_recorded(state: dict[str, dict[str, Any]]) -> None:
    """Names, values and tokens: whoever changes one breaks `refresh` and `destroy` of users' stacks."""
    if os.environ.get("REGENERATE_GOLDEN") == "state":  # deliberately: REGENERATE_GOLDEN=state make test-unit
        GOLDEN.write_text(json.dumps(state, indent=2, sort_keys=True) + "\n")
    recorded: dict[str, dict[str, Any]] = json.loads(GOLDEN.read_text())
    assert _without_references(state) == _without_references(recorded)


def _without_references(state: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {name: {key: value for key, value in each.items() if key != "reference"} for name, each in state.items()}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_references_load(name: str) -> None:
    """They name a module and a class, and nothing else: whatever version is installed runs."""
    provider = loaded(RECORDED[name]["reference"])
    assert isinstance(provider, ResourceProvider)
    assert _path(type(provider)) == RECORDED[name]["provider"]
    assert vars(provider) == {}
    assert provider.serialize_as_secret_always is False
    assert len(serialize_provider(provider)) < 100


def _path(kind: type) -> str:
    return f"{kind.__module__}.{kind.__name__}"


def test_providers_load_nothing_heavy() -> None:
    """Destroy unpickles references: the file they name must load in any environment in which Pulumi does."""
    program = (
        "import sys, pulumi.dynamic; before = set(sys.modules); import packinfra.providers;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["packinfra", "packinfra.providers"]


# ---- the list in docs/upgrading.md


def listed(heading: str) -> dict[str, list[set[str]]]:
    """The table below a heading: first cell -> the names in each of the others."""
    section = UPGRADING.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    rows = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("| `")]
    return {names(first).pop(): [names(cell) for cell in rest] for first, *rest in rows}


def names(cell: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", cell))


def test_every_property_is_listed(state: dict[str, dict[str, Any]]) -> None:
    keys: dict[str, tuple[set[str], set[str]]] = {}
    for each in state.values():
        inputs, outputs = keys.setdefault(each["type"].rpartition(":")[2], (set(), set()))
        inputs.update(each["inputs"])
        outputs.update(each["outputs"])
    assert listed("Properties") == {
        kind: [inputs & outputs, inputs - outputs, outputs - inputs] for kind, (inputs, outputs) in keys.items()
    }


def test_every_key_of_a_record_is_listed() -> None:
    assert listed("Records").keys() == {field.name for field in fields(PublishedVersion)}
    assert listed("Records of profiles").keys() == {field.name for field in fields(ProfileRecord)}
    assert listed("Records of copies").keys() == {field.name for field in fields(CopiedTag)}
    assert listed("Registry access").keys() == {"kind", *registry_access._KEYS.values()}


def test_every_provider_and_token_is_listed(state: dict[str, dict[str, Any]]) -> None:
    rows = {each["type"].rpartition(":")[2]: [{each["type"]}, {each["provider"]}] for each in state.values()}
    assert listed("Resources") == rows
    public = {_path(value) for name, value in vars(providers).items() if name.endswith("Provider") and name[0] != "_"}
    assert public - {_path(ResourceProvider)} == {each["provider"] for each in state.values()}
