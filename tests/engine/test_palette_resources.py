"""Palette's resources in a platform team's own program, on the real engine. What they do is tested with the ready
program, in test_palette.py."""

from __future__ import annotations

import pytest

from tests.support.palette import Palette
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

PROGRAM = """
import json
from packinfra.aws import policies

packs = packinfra.EcrPackRegistry("packs", base_path=BASE, repositories=packinfra.RepositorySettings(immutable=False))
palette = packinfra.PalettePrincipal("palette")
role = aws.iam.Role("palette", assume_role_policy=pulumi.Output.all(palette.account_id, palette.external_id).apply(
    lambda said: json.dumps(policies.trust(f"arn:aws:iam::{said[0]}:root", said[1]))))
may = aws.iam.RolePolicyAttachment("palette", role=role.name, policy_arn=aws.iam.Policy("palette",
    policy=json.dumps(policies.reader(f"arn:aws:ecr:eu-west-1:123456789012:repository/{BASE}/*"))).arn)
role_arn = pulumi.Output.all(role.arn, may.id).apply(lambda both: both[0])
registry = packinfra.PaletteRegistry(
    "palette", registry_name=BASE, kind="ecr", endpoint=packs.endpoint, base_path=packs.base_path,
    role_arn=role_arn, external_id=palette.external_id,
)
packinfra.PaletteSync(
    "palette", registry=registry, packs=packs.versions, timeout_seconds=60, opts=ResourceOptions(depends_on=[packs])
)
pulumi.export("uid", registry.uid)
"""


def test_from_role_to_offered_pack(project: Project, sandbox: Sandbox) -> None:
    palette = Palette(sandbox)
    project.program(PROGRAM)
    project.up()
    uid = project.output("uid")
    assert palette.versions(uid) == ["1.0.0"]
    project.same()
    project.destroy()
    assert palette.send("GET", f"/v1/registries/oci/{uid}/ecr").status_code == 404
