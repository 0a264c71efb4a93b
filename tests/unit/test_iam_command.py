"""python -m tools.iam: the deployer's policy for a stack file, or what is wrong with the file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import iam

ROOT = Path(__file__).parents[2]
STACK = """config:
  aws:region: us-gov-west-1
  aws:allowedAccountIds: ["123456789012"]
  packinfra:registry: {kind: ecr, basePath: team}
  packinfra:access:
    publishers: {roles: [builder]}
    pushers: {roles: [ci], users: [bot]}
    reader: {users: [palette]}
"""


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    path = tmp_path / "Pulumi.test.yaml"
    path.write_text(STACK)
    return path


def test_policy_of_a_stack(stack: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert iam.main([str(stack)]) == 0
    statements = {each["Sid"]: each["Resource"] for each in json.loads(capsys.readouterr().out)["Statement"]}
    assert statements["Packs"] == "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/team/*"
    account = "arn:aws-us-gov:iam::123456789012"
    assert statements["RoleAttachments"] == [f"{account}:role/packs-*", f"{account}:role/builder", f"{account}:role/ci"]
    assert statements["UserAttachments"] == [f"{account}:user/bot", f"{account}:user/palette"]


@pytest.mark.parametrize("name", ["dev", "staging", "prod", "local"])
def test_policy_of_our_stacks(name: str) -> None:
    assert iam.main([str(ROOT / f"stacks/Pulumi.{name}.yaml")]) == 0


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("kind: ecr", "kind: ecs", 'packinfra:registry.kind: "ecs" is wrong: write ecr, or basic'),
        ("kind: ecr, ", "kind: basic, host: h, ", "packinfra:access: only for kind: ecr"),
        ('["123456789012"]', '["123456789012", "210987654321"]', "aws:allowedAccountIds: write one account"),
        ("config:", "konfig:", "this is no stack file"),
        ("config:", "config: hush: [", "this is no stack file"),
    ],
)
def test_wrong_stack_files(stack: Path, old: str, new: str, text: str) -> None:
    stack.write_text(stack.read_text().replace(old, new, 1))
    result = str(iam.main([str(stack)]))
    assert text in result
    assert result.endswith(f"in {stack}")
    assert "hush" not in result


def test_a_registry_without_aws(stack: Path) -> None:
    stack.write_text("config: {packinfra:registry: {kind: basic, host: h, basePath: b}}")
    assert "kind: basic uses no AWS" in str(iam.main([str(stack)]))


def test_no_file() -> None:
    assert "No such file" in str(iam.main(["/none.yaml"]))
    assert "python -m tools.iam" in str(iam.main([]))
