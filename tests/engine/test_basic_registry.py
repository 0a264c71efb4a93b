"""BasicPackRegistry through the real engine, on distribution's registry with TLS, a CA of its own and a password."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
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

DIGEST = base_path_manifest(CREATED).digest


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[RealRegistry]:
    with real_registry(tmp_path / "registry", tls=True) as running:
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
    other: dict[str, Any] | None = None,
    **changes: Any,
) -> None:
    """changes: of packinfra:registry; other: keys beside it"""
    where = {"kind": "basic", "host": registry.host, "basePath": project.base_path, "caFile": "ca.pem"}
    project.configure(
        registry={**where, "username": USER, **changes}, palette=palette, repositories=None, aws_region=None,
        aws_allowedAccountIds=None, **(other or {}),
    )  # fmt: skip


def test_whole_life(basic: Project, registry: RealRegistry, client: Client) -> None:
    assert set(basic.preview().values()) == {"create"}
    basic.up()
    assert basic.preview() == {}
    pack, base = _pack(basic, registry), _base(basic, registry)
    assert client.tags(pack) == ["1.0.0"]
    assert client.resolve(pack) == basic.digests()["1.0.0"]
    assert client.resolve(base) == DIGEST
    outputs = json.loads(basic.run("stack", "output", "--json"))
    assert outputs == {
        "endpoint": registry.host,
        "basePath": basic.base_path,
        "repositories": {"hello": f"{registry.host}/{basic.repository}"},
        "versions": {"hello": basic.digests()},
    }

    client.delete(base, DIGEST)
    client.delete(pack, basic.digests()["1.0.0"])
    basic.run("refresh", "--yes", "--skip-preview")
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    basic.up()
    assert client.tags(pack) == ["1.1.0"]
    assert client.resolve(base) == DIGEST

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
    for said in (basic.run("preview", succeeds=False), basic.up(succeeds=False)):
        assert "this published pack has no folder any more:\n      other: 1.0.0\n" in said
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
    client.push(_base(basic, registry), base_path_manifest(CREATED))
    basic.up()
    basic.run("destroy", "--yes", "--skip-preview")
    assert client.resolve(_base(basic, registry)) == DIGEST


def test_a_wrong_password_and_a_missing_ca(basic: Project, registry: RealRegistry) -> None:
    basic.secret("registryPassword", "wrong")
    said = basic.up(succeeds=False)
    assert "401" in said
    assert "Traceback" not in said
    _configure(basic, registry, caFile=None)
    basic.secret("registryPassword", PASSWORD)
    said = basic.up(succeeds=False)
    assert "certificate" in said
    assert "Traceback" not in said


def test_palette_reads_it(basic: Project, registry: RealRegistry, sandbox: Sandbox) -> None:
    """With the user name and password of packinfra:palette, and the registry's CA unless another is named. No password
    is to be seen, neither Palette's nor ours."""
    palette, settings = Palette(sandbox), {"name": basic.base_path, "username": USER}
    shutil.copy(basic.folder / "ca.pem", basic.folder / "for-palette.pem")
    _configure(basic, registry, palette={**settings, "registryCaFile": "for-palette.pem"})
    basic.secret("palettePassword", "mistyped")
    said = basic.up(succeeds=False)
    assert "400 InvalidCredentials" in said
    assert "-> check username and password (packinfra:palettePassword)" in said
    assert "Traceback" not in said
    basic.secret("palettePassword", PASSWORD)
    said += basic.up("--diff")
    uid = basic.output("paletteRegistryUid")
    spec = palette.get(f"/v1/registries/oci/{uid}/basic")["spec"]
    where = spec["endpoint"], spec["baseContentPath"], spec["providerType"]
    assert where == (f"https://{registry.host}", basic.base_path, "pack")
    assert palette.versions(uid) == ["1.0.0"]

    _configure(basic, registry, palette=settings)
    basic.same()
    make_pack(basic.folder / "packs/hello", version="1.1.0")
    said += basic.up()
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    said += basic.run("stack", "export") + basic.destroy()
    assert palette.send("GET", f"/v1/registries/oci/{uid}/basic").status_code == 404
    for secret in (PASSWORD, "mistyped", sandbox.palette.api_key):
        _has_no(secret, said + basic.kept())


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
    return Reference(registry.host, f"{project.base_path}/{PACKS_PATH}", DIGEST)
