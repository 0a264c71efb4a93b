"""Stack files: what they may say, and what they are told when they are wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from packinfra.settings import SettingsError, load

ROOT = Path(__file__).parents[2]
REGISTRY = '{"kind": "ecr", "basePath": "packs"}'
GOOD = {"aws:region": "eu-west-1", "packinfra:registry": REGISTRY}


def as_engine(config: dict[str, Any]) -> dict[str, str]:
    """The engine hands objects and lists to the program as JSON text."""
    return {key: value if isinstance(value, str) else json.dumps(value) for key, value in config.items()}


@pytest.mark.parametrize("environment", ["local", "dev", "staging", "prod"])
def test_stack_files(environment: str) -> None:
    config = yaml.safe_load((ROOT / f"stacks/Pulumi.{environment}.yaml").read_text())["config"]
    assert config["aws:allowedAccountIds"], "every stack file names the account that it may touch"
    settings = load(as_engine(config))
    assert settings.repositories.immutable is (environment != "dev")
    assert settings.repositories.force_delete is (environment == "dev")
    assert settings.repositories.protect is (environment == "prod")
    assert bool(settings.repositories.kms_key) is (environment == "prod")


def test_project_file_declares_what_the_model_knows() -> None:
    declared = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())["config"]
    assert set(declared) == {"registry", "repositories", "access"}
    for key, schema in declared.items():
        assert schema["type"] == "object"
        load(GOOD | {f"packinfra:{key}": json.dumps(schema["default"])} if "default" in schema else GOOD)


def test_defaults_are_safe() -> None:
    settings = load(GOOD)
    assert settings.repositories.immutable
    assert settings.repositories.scan_on_push
    assert not settings.repositories.force_delete
    assert [pack.path for pack in settings.packs] == ["packs/*"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"aws:region": None}, "aws:region: missing"),
        ({"packinfra:registry": None}, 'packinfra:registry: missing; for example: registry: {"kind": "ecr"'),
        ({"packinfra:registry": "{}"}, "packinfra:registry: missing"),
        ({"packinfra:registry": "ecr"}, "packinfra:registry: 'ecr' is not an object or list"),
        ({"packinfra:registry": '{"kind": "ecr"}'}, 'registry.basePath: missing; for example: basePath: "spectro-oci'),
        ({"packinfra:registry": '{"kind":"gcr","basePath":"a"}'}, 'registry.kind: "gcr" is wrong'),
        ({"packinfra:registry": '{"kind":"ecr","basePath":"A"}'}, 'registry.basePath: "A" is wrong: use lower-case'),
        ({"packinfra:registry": '{"kind":"ecr","basePath":"a/spectro-packs"}'}, "leave spectro-packs/archive out"),
        ({"packinfra:registry": json.dumps({"kind": "ecr", "basePath": "a" * 129})}, "at most 128 characters"),
        ({"packinfra:pack": "[]"}, "packinfra:pack: no such key; did you mean packs?"),
        ({"packinfra:zzz": "1"}, "packinfra:zzz: no such key; known are registry, packs, repositories, access"),
        ({"packinfra:packs": "[]"}, "packinfra:packs: [] is wrong: name at least one pack"),
        ({"packinfra:packs": "[1]"}, "packinfra:packs.0: 1 is wrong"),
        ({"packinfra:packs": '[{"path":"a","keepVersion":1}]'}, "packs.0.keepVersion: no such key; did you mean keepV"),
        ({"packinfra:packs": '[{"path":"a","keepVersions":0}]'}, 'at least 1, or "all"'),
        ({"packinfra:packs": '[{"path":"a","rules":{"readme-mising":"off"}}]'}, "did you mean readme-missing?"),
        ({"packinfra:packs": '[{"path":"a","rules":{"readme-missing":"no"}}]'}, 'rules.readme-missing: "no" is wrong'),
        ({"packinfra:packs": '[{"path":"a","rules":{"values-invalid":"off"}}]'}, "values-invalid is always an error"),
        ({"packinfra:packs": '[{"path":"a","overwrite":true}]'}, "ECR never moves an immutable tag"),
        ({"packinfra:repositories": '{"imutable":true}'}, "repositories.imutable: no such key; did you mean immutable"),
        ({"packinfra:repositories": '{"immutable":"perhaps"}'}, 'repositories.immutable: "perhaps" is wrong'),
        ({"packinfra:access": '{"publishers":{"role":[]}}'}, "publishers.role: no such key; did you mean roles?"),
    ],
)
def test_mistakes(change: dict[str, str | None], said: str) -> None:
    config = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        load(config)
    assert said in str(caught.value)
    assert "pydantic" not in str(caught.value)


def test_rules() -> None:
    rules = load(GOOD | {"packinfra:packs": '[{"path":"a","rules":{"readme-missing":false,"logo-missing":"error"}}]'})
    assert rules.packs[0].rules == {"readme-missing": "off", "logo-missing": "error"}


def test_all_mistakes_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"packinfra:registry": '{"kind":"x"}', "packinfra:foo": "1", "packinfra:packs": "[]"})
    assert str(caught.value).count("\n") == 5


def test_other_namespaces_are_not_judged() -> None:
    assert load(GOOD | {"aws:profile": "x", "other:thing": "y"}).registry.base_path == "packs"
