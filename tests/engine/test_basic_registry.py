"""BasicPackRegistry through the real engine, on distribution's registry, 3 and 2.8 (registry:2), with TLS, a CA of its own
and a password."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from packinfra.artifacts.base_path import base_path_manifest
from packinfra.oci import Client, Reference
from packinfra.oci.auth.credentials import Credentials, RegistryCredentials
from packinfra.oci.transport import Transport
from packinfra.packs.archive import CREATED
from packinfra.settings import PACKS_PATH
from tests.support.packs import make_pack
from tests.support.palette import Palette
from tests.support.project import CHECKOUT, Project
from tests.support.registry import PASSWORD, USER, RealRegistry, real_registry
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.engine, pytest.mark.registry]

BY_HAND = base_path_manifest(CREATED)
both = pytest.mark.parametrize("registry", [3, 2], indirect=True, ids=["distribution-3", "distribution-2.8"])


@pytest.fixture
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[RealRegistry]:
    with real_registry(tmp_path / "registry", tls=True, version=getattr(request, "param", 3)) as running:
        yield running


@pytest.fixture
def basic(project: Project, registry: RealRegistry) -> Project:
    """The stack of a registry of kind basic; nothing of AWS is in it."""
    assert registry.ca_file
    shutil.copy(registry.ca_file, project.folder / "ca.pem")
    _configure(project, registry)
    project.secret("registryPassword", PASSWORD)
    return project


def _configure(
    project: Project,
    registry: RealRegistry,
    palette: dict[str, Any] | None = None,
    packs: Any = ("packs/*",),
    other: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """changes: of packinfra:registry; other: keys beside it"""
    where = {"kind": "basic", "host": registry.host, "basePath": project.base_path, "caFile": "ca.pem"}
    project.configure(
        registry={**where, "username": USER, **changes}, palette=palette, packs=list(packs), repositories=None,
        aws_region=None, aws_allowedAccountIds=None, **(other or {}),
    )  # fmt: skip


@both
def test_whole_life(basic: Project, registry: RealRegistry, client: Client) -> None:
    assert set(basic.preview().values()) == {"create"}
    basic.up()
    assert basic.preview() == {}
    pack, base = _pack(basic, registry), _base(basic, registry)
    assert client.tags(pack) == ["1.0.0"]
    assert client.resolve(pack) == basic.digests()["1.0.0"]
    assert client.resolve(base) == base.reference
    outputs = json.loads(basic.run("stack", "output", "--json"))
    assert outputs == {
        "endpoint": registry.host,
        "basePath": basic.base_path,
        "repositories": {"hello": f"{registry.host}/{basic.repository}"},
        "versions": {"hello": basic.digests()},
    }

    client.delete(base, base.reference)
    client.delete(pack, basic.digests()["1.0.0"])
    basic.run("refresh", "--yes", "--skip-preview")
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    basic.up()
    assert client.tags(pack) == ["1.1.0"]
    assert client.resolve(base) == base.reference

    basic.run("destroy", "--yes", "--skip-preview")
    assert client.tags(pack) == []
    assert client.resolve(base, confirm_missing=True) is None


def test_a_pack_leaves_by_name(basic: Project, registry: RealRegistry, client: Client) -> None:
    make_pack(basic.folder / "packs/other", name="other")
    basic.up()
    hello, other = (
        _pack(basic, registry),
        Reference(registry.host, basic.repository.replace("/hello", "/other"), "1.0.0"),
    )
    shutil.move(basic.folder / "packs/other", basic.folder / "elsewhere")
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    for output in (basic.run("preview", succeeds=False), basic.up(succeeds=False)):
        assert "this published pack has no folder any more:\n      other: 1.0.0\n" in output
    assert (client.tags(hello), client.tags(other)) == (["1.0.0"], ["1.0.0"])

    _configure(basic, registry, other={"removedPacks": ["other"]})
    assert "other will be removed: 1.0.0 will no longer be pullable" in basic.run("preview")
    basic.up()
    assert (client.tags(hello), client.tags(other)) == (["1.0.0", "1.1.0"], [])
    assert "other is not published here: remove the entry" in basic.up()
    _configure(basic, registry)
    basic.same()
    make_pack(basic.folder / "packs/new", name="new")
    basic.up("--target", "**packs-hello", "--target-dependents")
    assert basic.output("versions") == {"hello": basic.digests()}
    shutil.rmtree(basic.folder / "packs")
    basic.destroy()
    assert (client.tags(hello), client.resolve(_base(basic, registry), confirm_missing=True)) == ([], None)


def test_what_was_there_before_stays(basic: Project, registry: RealRegistry, client: Client) -> None:
    by_hand = Reference(registry.host, f"{basic.base_path}/{PACKS_PATH}", BY_HAND.digest)
    client.push(by_hand, BY_HAND)
    basic.up()
    basic.run("destroy", "--yes", "--skip-preview")
    assert client.resolve(by_hand) == BY_HAND.digest


@both
def test_versions_go(basic: Project, registry: RealRegistry, client: Client) -> None:
    """keepVersions, unpublish, overwrite and destroy leave nothing, and a withdrawn version isn't pulled by its digest."""
    digests: list[str] = []
    for version, settings in (
        ("1.0.0", {}),
        ("1.1.0", {"keepVersions": 1}),
        ("1.2.0", {}),
        ("1.3.0", {"unpublish": ["1.2.0"]}),
    ):
        make_pack(basic.folder / "packs/hello", version=version)
        _configure(basic, registry, packs=[{"path": "packs/*", **settings}])
        basic.up()
        digests += basic.digests().values()
    _configure(basic, registry, packs=[{"path": "packs/*", "overwrite": True}])
    make_pack(basic.folder / "packs/hello", {"values.yaml": "a: other\n"}, version="1.3.0")
    basic.up()
    digests += basic.digests().values()
    pack = _pack(basic, registry)
    assert sorted(client.tags(pack)) == ["1.1.0", "1.3.0"]
    basic.same()
    basic.destroy()
    assert client.tags(pack) == []
    assert [d for d in digests if client.resolve(replace(pack, reference=d))] == []


def test_deletes_that_are_off(basic: Project, client: Client, registry: RealRegistry) -> None:
    """A withdrawal that the registry refuses blocks nothing; destroy says what to do."""
    with real_registry(registry.log.parent.with_name("off"), tls=True, delete=False, version=2) as off:
        assert off.ca_file
        shutil.copy(off.ca_file, basic.folder / "ca.pem")
        _configure(basic, off)
        basic.up()
        make_pack(basic.folder / "packs/hello", version="1.1.0")
        _configure(basic, off, packs=[{"path": "packs/*", "keepVersions": 1}])
        shown = basic.up()
        assert "hello 1.0.0 stays published: could not delete the tag" in shown
        assert "storage.delete.enabled" in shown
        assert basic.digests().keys() == {"1.1.0"}
        before = len(off.requests)
        assert "hello 1.0.0 could not be withdrawn and stays published" in basic.run("preview", "--expect-no-changes")
        assert "hello 1.0.0 could not be withdrawn" in basic.up()
        assert len(off.requests) == before, "no request"
        make_pack(basic.folder / "packs/hello", version="1.2.0")
        basic.up()
        assert basic.preview() == {}
        shown = basic.run("destroy", "--yes", "--skip-preview", succeeds=False)
        assert "storage.delete.enabled" in shown
        assert "Traceback" not in shown


@both
def test_the_registrys_name_changes(basic: Project, registry: RealRegistry, client: Client) -> None:
    """It is the same registry under another name: no tag goes, at no step."""
    basic.up()
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    basic.up()
    port = registry.host.partition(":")[2]
    _configure(basic, registry, host=f"localhost:{port}")
    shown = basic.up()
    assert "in the new repository hello 1.0.0 will be missing" in shown
    assert "owns it now (as localhost" in shown
    assert "hello 1.0.0 stays published, but no folder holds it" in shown
    pack = _pack(basic, registry)
    assert sorted(client.tags(pack)) == ["1.0.0", "1.1.0"]
    assert client.resolve(_base(basic, registry))
    basic.same()
    _configure(basic, registry, host=f"LocalHost:{port}")
    assert basic.preview() == {}
    basic.destroy()
    assert client.tags(pack) == ["1.0.0"]
    assert client.resolve(_base(basic, registry)) is None


@both
def test_forced_replacement(basic: Project, registry: RealRegistry, client: Client) -> None:
    basic.up()
    targets = [f"--replace={basic.urn(name)}" for name in ("BasePath packs", "PublishedPack packs-hello")]
    basic.up(*targets)
    assert client.tags(_pack(basic, registry)) == ["1.0.0"]
    assert client.resolve(_base(basic, registry))
    basic.same()


def test_without_the_base_paths_artifact(basic: Project, registry: RealRegistry, client: Client) -> None:
    basic.up()
    base = _base(basic, registry)
    _configure(basic, registry, basePathArtifact=False)
    basic.up()
    assert client.resolve(base) is None
    assert client.tags(_pack(basic, registry)) == ["1.0.0"]
    basic.same()


def test_a_wrong_password_and_a_missing_ca(basic: Project, registry: RealRegistry) -> None:
    basic.secret("registryPassword", "wrong")
    output = basic.up(succeeds=False)
    assert "401" in output
    assert "Traceback" not in output
    _configure(basic, registry, caFile=None)
    basic.secret("registryPassword", PASSWORD)
    output = basic.up(succeeds=False)
    assert "certificate" in output
    assert "Traceback" not in output


def test_palette_reads_it(basic: Project, registry: RealRegistry, sandbox: Sandbox) -> None:
    """With the user name and password of packinfra:palette, and the registry's CA unless another is named. No password
    is to be seen, neither Palette's nor ours."""
    palette, settings = Palette(sandbox), {"name": basic.base_path, "username": USER}
    shutil.copy(basic.folder / "ca.pem", basic.folder / "for-palette.pem")
    _configure(basic, registry, palette={**settings, "registryCaFile": "for-palette.pem"})
    basic.secret("palettePassword", "mistyped")
    output = basic.up(succeeds=False)
    assert "400 InvalidCredentials" in output
    assert "-> check username and password (packinfra:palettePassword)" in output
    assert "Traceback" not in output
    basic.secret("palettePassword", PASSWORD)
    output += basic.up("--diff")
    uid = basic.output("paletteRegistryUid")
    spec = palette.get(f"/v1/registries/oci/{uid}/basic")["spec"]
    where = spec["endpoint"], spec["baseContentPath"], spec["providerType"]
    assert where == (f"https://{registry.host}", basic.base_path, "pack")
    assert palette.versions(uid) == ["1.0.0"]

    _configure(basic, registry, palette=settings)
    basic.same()
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    output += basic.up()
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    output += basic.run("stack", "export") + basic.destroy()
    assert palette.send("GET", f"/v1/registries/oci/{uid}/basic").status_code == 404
    for secret in (PASSWORD, "mistyped", sandbox.palette.api_key):
        _has_no(secret, output + basic.kept())


def test_nothing_of_aws_is_loaded(tmp_path: Path) -> None:
    """Neither in the program nor in the provider: they work where there is no AWS."""
    program = (
        "import sys; from packinfra import providers; from packinfra.components import basic_registry;"
        "from packinfra.lifecycle import base_path; from packinfra.lifecycle.packs import published_pack;"
        "print([m for m in sys.modules if m.split('.')[0] in ('pulumi_aws', 'boto3', 'botocore')])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.fixture
def client(registry: RealRegistry) -> Client:
    login = RegistryCredentials(registry.host, Credentials(USER, PASSWORD))
    return Client(Transport(registry.host, login, ca_file=registry.ca_file))


def _has_no(secret: str, text: str) -> None:
    assert secret not in text
    assert json.dumps(secret).strip('"') not in text


def _pack(project: Project, registry: RealRegistry) -> Reference:
    return Reference(registry.host, project.repository, "1.0.0")


def _base(project: Project, registry: RealRegistry) -> Reference:
    """The artifact of the stack's BasePath."""
    urn = (
        "urn:pulumi:test::packinfra::packinfra:index:BasicPackRegistry$pulumi-python:dynamic/packinfra:BasePath::packs"
    )
    return Reference(registry.host, f"{project.base_path}/{PACKS_PATH}", base_path_manifest(CREATED, urn).digest)
