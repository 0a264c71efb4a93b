"""Palette's resources in a platform team's own program, on the real engine: order, second preview, secrets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.packs import make_pack
from tests.support.palette import Palette
from tests.support.palette_resources import Reader
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
from packinfra.aws import policies

packs = packinfra.EcrPackRegistry("packs", base_path=BASE, repositories=packinfra.RepositorySettings(immutable=False))
{credentials}
registry = packinfra.PaletteRegistry(
    "palette", registry_name=BASE, kind="ecr", endpoint=packs.endpoint, base_path=packs.base_path, **how
)
packinfra.PaletteSync(
    "palette", registry=registry, packs=packs.versions, timeout=60, opts=ResourceOptions(depends_on=[packs])
)
pulumi.export("uid", registry.uid)
"""
ROLE = """
palette = packinfra.PalettePrincipal("palette")
role = aws.iam.Role("palette", assume_role_policy=pulumi.Output.all(palette.account_id, palette.external_id).apply(
    lambda said: json.dumps(policies.trust(f"arn:aws:iam::{said[0]}:root", said[1]))))
may = aws.iam.RolePolicyAttachment("palette", role=role.name, policy_arn=aws.iam.Policy("palette",
    policy=json.dumps(policies.reader(f"arn:aws:ecr:eu-west-1:123456789012:repository/{BASE}/*"))).arn)
how = {"role_arn": pulumi.Output.all(role.arn, may.id).apply(lambda both: both[0]), "external_id": palette.external_id}
"""


def state_of(project: Project) -> str:
    """Every file that the engine keeps, and nothing decrypted."""
    files = [path for path in Path(project.workspace.local).rglob("*") if path.is_file()]
    kept = [path.read_bytes().decode("utf-8", "replace") for path in files if "/.pulumi/" in str(path)]
    assert any(project.base_path in text for text in kept), "this is where state is"
    return "\n".join(kept)


def test_from_role_to_offered_pack(project: Project, sandbox: Sandbox) -> None:
    palette = Palette(sandbox)
    project.program(PROGRAM.format(credentials=ROLE))
    with sandbox.palette.ordered(role_seconds=2):
        project.up()
    uid = json.loads(project.run("stack", "output", "--json"))["uid"]
    assert palette.versions(uid) == ["1.0.0"]
    assert project.preview() == {}
    project.run("refresh", "--yes", "--skip-preview")
    assert project.preview() == {}

    make_pack(project.folder / "packs/hello", version="1.1.0")
    assert project.preview() == {"PublishedPack packs-hello": "update", "PaletteSync palette": "update"}
    project.up()
    assert palette.versions(uid) == ["1.0.0", "1.1.0"]
    assert project.preview() == {}

    project.run("destroy", "--yes", "--skip-preview")
    assert palette.send("GET", f"/v1/registries/oci/{uid}/ecr").status_code == 404


def test_secrets_stay_secret(project: Project, sandbox: Sandbox) -> None:
    reader, palette = Reader(sandbox, project.base_path), Palette(sandbox)
    user = reader.user()
    first, second = reader.key(user), reader.key(user)

    def with_key(key: dict[str, Any]) -> None:
        how = {"access_key_id": key["accessKeyId"], "secret_key": key["secretKey"]}
        project.program(PROGRAM.format(credentials=f"how = {how}"))

    with_key(first)
    said = [project.run("preview", "--diff"), project.up()]
    assert project.preview() == {}
    said += [project.run("refresh", "--yes", "--skip-preview"), project.run("stack", "export")]
    assert project.preview() == {}, "masked secrets are no change"

    reader.iam.delete_access_key(UserName=user, AccessKeyId=first["accessKeyId"])
    with_key(second)
    assert project.preview() == {"PaletteRegistry palette": "update", "PaletteSync palette": "update"}
    said += [project.run("preview", "--diff"), project.up()]
    uid = json.loads(project.run("stack", "output", "--json"))["uid"]
    assert palette.sync("ecr", uid)["status"] == "Success", "with the new secret"
    assert project.preview() == {}

    (project.folder / "packs/hello/values.yaml").unlink()  # and where a run fails
    said += [project.run("preview", succeeds=False)]
    searched = "\n".join([state_of(project), *said])
    for secret in (first["secretKey"], second["secretKey"], sandbox.palette.api_key):
        assert secret not in searched
    make_pack(project.folder / "packs/hello")
    project.run("destroy", "--yes", "--skip-preview")


def test_what_failed_goes_on_with_the_next_up(project: Project, sandbox: Sandbox) -> None:
    project.program(PROGRAM.format(credentials=ROLE))
    with sandbox.palette.ordered(fails="registry content is broken"):
        said = project.up(succeeds=False)
    assert "failed: Failed: registry content is broken" in said
    assert "Traceback" not in said
    assert "PaletteRegistry palette" in project.resources()
    assert project.preview() == {"PaletteSync palette": "create"}
    project.up()
    assert project.preview() == {}
    with sandbox.palette.ordered(in_use="web"):
        said = project.run("destroy", "--yes", "--skip-preview", succeeds=False)
    assert "take those out of the profiles first" in said
    project.run("destroy", "--yes", "--skip-preview")
    assert set(project.resources()) <= {"Stack packinfra-test"}
