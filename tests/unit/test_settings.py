"""Stack files: what they may contain, and the messages about problems."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from packinfra.settings import BasicRegistry, SettingsError, load
from tests.support.settings import BASIC, GOOD, palette

ROOT = Path(__file__).parents[2]
KEY = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
ROLE = "arn:aws:iam::123456789012:role/palette"


def lifecycle(**settings: Any) -> dict[str, str | None]:
    return {"packinfra:repositories": json.dumps({"lifecycle": settings})}


def access(**settings: Any) -> dict[str, str | None]:
    return {"packinfra:access": json.dumps(settings)}


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
    assert {key: schema["type"] for key, schema in declared.items()} == {
        "registry": "object", "removedPacks": "array", "repositories": "object", "access": "object",
        "profiles": "object",
        "policies": "array", "artifacts": "array", "removedArtifacts": "array", "copies": "array", "removedCopies": "array",
    }  # fmt: skip
    for key, schema in declared.items():
        load(GOOD | {f"packinfra:{key}": json.dumps(schema["default"])} if "default" in schema else GOOD)


def test_defaults_are_safe() -> None:
    settings = load(GOOD)
    assert settings.repositories.immutable
    assert settings.repositories.scan_on_push
    assert not settings.repositories.force_delete
    assert [pack.path for pack in settings.packs] == ["packs/*"]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"aws:region": None}, "aws:region: missing"),
        ({"packinfra:registry": None}, 'packinfra:registry: missing; for example: registry: {"kind": "ecr"'),
        ({"packinfra:registry": "{}"}, "packinfra:registry: missing"),
        (
            {"packinfra:registry": "ecr"},
            'packinfra:registry: "ecr" is wrong: write its keys, indented below it; for example: registry: {',
        ),
        ({"packinfra:registry": '{"kind": "ecr"}'}, 'registry.basePath: missing; for example: basePath: "spectro-oci'),
        ({"packinfra:registry": '{"kind":"gcr","basePath":"a"}'}, 'registry.kind: "gcr" is wrong'),
        ({"packinfra:registry": '{"kind":"ecr","basePath":"A"}'}, 'registry.basePath: "A" is wrong: use lower-case'),
        ({"packinfra:registry": '{"kind":"ecr","basePath":"a/spectro-packs"}'}, "leave spectro-packs/archive out"),
        ({"packinfra:registry": json.dumps({"kind": "ecr", "basePath": "a" * 129})}, "at most 128 characters"),
        ({"packinfra:access": '{"publishers":{"roles":"ci"}}'}, 'roles: "ci" is wrong: write a list, with brackets'),
        ({"packinfra:pack": "[]"}, "packinfra:pack: no such key; did you mean packs?"),
        (
            {"packinfra:zzz": "1"},
            "packinfra:zzz: no such key; known are registry, packs, removedPacks, repositories, access",
        ),
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
        (
            {"packinfra:packs": '[{"path":"a","keepVersions":"few"}]'},
            'packs.0.keepVersions: "few" is wrong: write a whole number, or all; for example: keepVersions: 10',
        ),
        (
            {"packinfra:packs": '[{"path":"a","keepVersions":1.5}]'},
            "packs.0.keepVersions: 1.5 is wrong: write a whole number, or all",
        ),
        (
            {"packinfra:packs": '[{"path":"a","keepVersions":true}]'},
            "packs.0.keepVersions: true is wrong: write a number",
        ),
        (lifecycle(expireUntaggedAfterDays=True), "lifecycle.expireUntaggedAfterDays: true is wrong: write a number"),
        (palette(syncTimeout=True), "palette.syncTimeout: true is wrong: write a number"),
        ({"packinfra:repositories": '{"kmsKey":"alias/packs"}'}, "write the ARN of the key itself, not an id or alias"),
        (
            {"packinfra:repositories": json.dumps({"kmsKey": KEY.replace("eu-west-1", "eu-north-1")})},
            "repositories.kmsKey: the key is in eu-north-1, but aws:region is eu-west-1",
        ),
        (
            {"packinfra:repositories": '{"exceptTags":["a*b*c*"]}'},
            'repositories.exceptTags.0: "a*b*c*" is wrong: letters, digits, . _ - and at most 2 *',
        ),
        ({"packinfra:repositories": '{"exceptTags":["1","2","3","4","5","6"]}'}, "repositories.exceptTags: ["),
        (
            {"packinfra:repositories": '{"tags":{"aws:a":"b"}}'},
            'packinfra:repositories.tags: "aws:a": "b": AWS keeps keys that begin with aws: for itself',
        ),
        (
            {"packinfra:repositories": '{"tags":{"team":1}}'},
            "packinfra:repositories.tags.team: 1 is wrong: write a text",
        ),
        (
            {"aws:defaultTags": '{"tags":{"a":"b!"}}'},
            'aws:defaultTags: "a": "b!": AWS accepts letters, digits, spaces and',
        ),
        (
            {"aws:defaultTags": '{"tags":{"Team":"a"}}', "packinfra:repositories": '{"tags":{"team":"b"}}'},
            'packinfra:repositories.tags: "Team", "team": an IAM role takes these for one key',
        ),
        ({"aws:assumeRoles": "[{}]"}, "aws:assumeRoles[0].roleArn: missing; write the ARN of the role"),
        ({"aws:httpsProxy": "http://u:hush@proxy"}, "aws:httpsProxy: it would be the AWS provider's alone"),
        ({"packinfra:repositories": '{"baseRepository":"import"}'}, "write create or existing"),
        (lifecycle(keepNewest=9), "repositories.lifecycle: keepNewest lets ECR delete versions that Pulumi published"),
        (lifecycle(keepNewest=0, mayExpirePublishedVersions=True), "lifecycle.keepNewest: 0 is wrong"),
        (lifecycle(protectTags=["1.*"]), "repositories.lifecycle: nothing would ever expire"),
        (lifecycle(protectTags=["1.*"], expireUntaggedAfterDays=3), "protectTags without keepNewest protects nothing"),
        (lifecycle(expireUntagedAfterDays=3), "lifecycle.expireUntagedAfterDays: no such key; did you mean expireUnt"),
        (
            access(publishers={"roles": ["arn:aws:iam::123456789012:role/ci"]}),
            'access.publishers.roles.0: "arn:aws:iam::123456789012:role/ci" is wrong: write the name alone',
        ),
        (access(ci={"issuer": "gitlab.example.com", "subjects": []}), "access.ci.subjects: [] is wrong"),
        (
            access(ci={"issuer": "gitlab.example.com"}),
            'access.ci.subjects: missing; for example: subjects: ["repo:acme',
        ),
        (
            access(ci={"issuer": "token.actions.githubusercontent.com", "subjects": ["repo:*"]}),
            'access.ci.subjects.0: "repo:*" is wrong: no organisation or project is whole before the *',
        ),
        (
            access(ci={"issuer": "oidc.circleci.com/org/0b1c", "subjects": ["org/0b1c/project/2d3e/user/*"]}),
            "packinfra:access.ci: tokens of this issuer have another audience: audience: 0b1c",
        ),
        (access(reader={"principal": "123456789012"}), "principal and externalId belong together"),
        (access(reader={}), "access.reader: name the readers"),
        (
            access(reader={"principal": 123456789012, "externalId": "ab"}),
            "access.reader.principal: 123456789012 is wrong",
        ),
        (
            access(pull={"principals": ["everybody"]}),
            'access.pull.principals.0: "everybody" is wrong: write an account',
        ),
        (access(pull={"organization": "acme"}), "an organization's id is o- and 10 to 32 letters and digits"),
        (
            {"packinfra:registry": '{"kind":"ecr","basePath":"a","host":"b"}'},
            "registry.host: only for kind: basic: remove it",
        ),
        (
            {"packinfra:registry": '{"kind":"basic","basePath":"a"}'},
            'registry.host: missing; for example: host: "harbor.',
        ),
        ({"packinfra:registry": '{"kind":"basic","basePath":"a","host":"https://b"}'}, "write the host alone"),
        ({"packinfra:registry": '{"kind":"basic","basePath":"a","host":"b:70000"}'}, "write the host alone"),
        ({"packinfra:registry": '{"kind":"basic","basePath":"a","host":"[::1"}'}, "write the host alone"),
        ({"packinfra:registry": '{"kind":"basic","basePath":"a","host":"[::g]"}'}, "write the host alone"),
        (
            {"packinfra:registry": '{"kind":"basic","basePath":"a","host":"fd00::5"}'},
            "write an IPv6 address in brackets",
        ),
        (
            {"packinfra:registry": '{"kind":"basic","basePath":"a","host":"b.c","tokenHost":"https://t"}'},
            "registry.tokenHost: ",
        ),
        (
            {"packinfra:registry": '{"kind":"basic","basePath":"a","host":"b.c","blobHosts":["10.0.0.5/x"]}'},
            "registry.blobHosts",
        ),
        (
            {"packinfra:registry": '{"kind":"basic","basePath":"a","host":"b","plainHttp":true,"caFile":"c"}'},
            "packinfra:registry: caFile has no effect with plainHttp: true: remove one of the two",
        ),
        (
            {"packinfra:registry": BASIC, "packinfra:repositories": '{"immutable":true}'},
            "packinfra:repositories: only for kind: ecr",
        ),
        (
            {"packinfra:registry": BASIC, "packinfra:registryPassword": "hush"},
            "packinfra:registry.username: missing for registryPassword",
        ),
        (
            {"packinfra:registry": BASIC.replace("}", ', "username": "robot"}')},
            "packinfra:registryPassword: missing for registry.username; set it: pulumi config set --secret",
        ),
        ({"packinfra:registryPassword": "hush"}, "packinfra:registryPassword: only for kind: basic"),
        (palette(name=""), "packinfra:palette.name"),
        (palette(roleArn="palette"), 'palette.roleArn: "palette" is wrong: write the ARN of a role'),
        (
            palette(roleArn=ROLE, accessKeyId="AKIA"),
            "palette.roleArn, packinfra:palette.accessKeyId: Palette reads with a role or with an access key, not with both",
        ),
        (
            palette(accessKeyId="AKIA"),
            "packinfra:paletteSecretKey: missing for packinfra:palette.accessKeyId; set it: pulumi config set --secret",
        ),
        (palette() | {"packinfra:paletteSecretKey": "hush"}, "palette.accessKeyId: missing for packinfra:pal"),
        (palette(username="robot"), "packinfra:palette.username: not for kind: ecr: remove it"),
        (palette() | {"packinfra:palettePassword": "hush"}, "packinfra:palettePassword: not for kind: ecr: remove it"),
        (
            palette(registry=BASIC),
            "palette.username and packinfra:palettePassword: missing; Palette reads no pack registry without credentials",
        ),
        (
            palette(registry=BASIC, username="robot"),
            "packinfra:palettePassword: missing for packinfra:palette.username; set it: pulumi config set --secret",
        ),
        (palette(registry=BASIC, roleArn=ROLE), "packinfra:palette.roleArn: not for kind: basic: remove it"),
        ({"packinfra:paletteSecretKey": "hush"}, "packinfra:paletteSecretKey: unused without packinfra:palette"),
        ({"packinfra:registryPasword": "hush"}, "registryPasword: no such key; did you mean registryPassword?"),
    ],
)
def test_problems(change: dict[str, str | None], text: str) -> None:
    config = {key: value for key, value in {**GOOD, **change}.items() if value is not None}
    with pytest.raises(SettingsError) as caught:
        load(config)
    assert text in str(caught.value)
    assert "pydantic" not in str(caught.value)
    assert "hush" not in str(caught.value)
    assert "hu/sh" not in str(caught.value)


def test_files_of_the_machine() -> None:
    config = GOOD | {"aws:customCaBundle": "gone.pem"}
    load(config)
    with pytest.raises(SettingsError, match=r"aws:customCaBundle: gone\.pem: no such file"):
        load(config, environ={})
    load({"packinfra:registry": BASIC, "aws:customCaBundle": "gone.pem", "aws:insecure": "true"}, environ={})


@pytest.mark.parametrize(
    "config",
    [
        palette(name=1) | {"packinfra:paletteSecretKey": "hush", "packinfra:palettePassword": "hush"},
        {"packinfra:packs": '[{"path":"a","overwrite":true}]', "packinfra:repositories": '{"immutable":"perhaps"}'},
        {"packinfra:registry": '{"kind":"ecr"}', "packinfra:registryPassword": "hush"},
    ],
)
def test_nothing_is_compared_with_an_invalid_setting(config: dict[str, Any]) -> None:
    with pytest.raises(SettingsError) as caught:
        load(GOOD | config)
    assert str(caught.value).count("\n") == 1


def test_rules() -> None:
    rules = load(GOOD | {"packinfra:packs": '[{"path":"a","rules":{"readme-missing":false,"logo-missing":"error"}}]'})
    assert rules.packs[0].rules == {"readme-missing": "off", "logo-missing": "error"}


def test_removed_packs() -> None:
    assert load(GOOD).removed_packs == ()
    assert load(GOOD | {"packinfra:removedPacks": '["nginx", "redis"]'}).removed_packs == ("nginx", "redis")
    for value, problem in (
        ('["nginx:1.0.0"]', '.0: "nginx:1.0.0" is wrong: write the name in pack.json, without folder and version'),
        ('["packs/nginx"]', '.0: "packs/nginx" is wrong: write the name in pack.json'),
        (
            '"nginx"',
            ': "nginx" is wrong: write a list, with brackets or a dash for each entry; for example: removedPacks',
        ),
        ("[1]", ".0: 1 is wrong: write a text"),
    ):
        with pytest.raises(SettingsError) as caught:
            load(GOOD | {"packinfra:removedPacks": value})
        assert f"packinfra:removedPacks{problem}" in str(caught.value)


def test_all_problems_at_once() -> None:
    with pytest.raises(SettingsError) as caught:
        load(
            {
                "packinfra:registry": '{"kind":"x"}',
                "packinfra:foo": "1",
                "packinfra:packs": '[{"path": "a", "overwrite": true}]',
                "packinfra:access": '{"pull": {"organization": "acme"}, "reader": {"externalID": "x"}}',
            }
        )
    assert str(caught.value) == PROBLEMS


PROBLEMS = """the stack's config has problems:
  packinfra:foo: no such key; known are registry, packs, removedPacks, repositories, access, palette, profiles, \
charts, policies, artifacts, removedArtifacts, copies, removedCopies, registryPassword, paletteApiKey, paletteLogin, paletteSecretKey, \
palettePassword
  packinfra:registry.kind: "x" is wrong: write ecr, or basic for every other registry; for example: kind: "ecr"
  packinfra:registry.basePath: missing; for example: basePath: "spectro-oci-registry"
  packinfra:access.reader.externalID: no such key; did you mean externalId?
  packinfra:access.pull.organization: "acme" is wrong: an organization's id is o- and 10 to 32 letters and digits; \
for example: organization: "o-a1b2c3d4e5"
  aws:region: missing; set the registry's region, for example: aws:region: eu-west-1
  packinfra:packs: a has overwrite: true, but repositories.immutable is true and ECR never moves an immutable tag: \
set one of the two to false"""


def test_an_invalid_basic_registry_is_not_measured_by_ecrs_rules() -> None:
    with pytest.raises(SettingsError) as caught:
        load({"packinfra:registry": {"kind": "basic", "host": "harbor.example.com"}, "packinfra:registryPassword": "x"})
    assert "packinfra:registry.basePath: missing" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2


def test_other_namespaces_are_not_validated() -> None:
    assert load(GOOD | {"aws:profile": "x", "other:thing": "y"}).registry.base_path == "packs"


def test_a_single_path_needs_no_brackets() -> None:
    assert [pack.path for pack in load(GOOD | {"packinfra:packs": "packs/nginx"}).packs] == ["packs/nginx"]


def test_hosts_of_a_registry() -> None:
    hosts = {"host": "[FD00::5]:5000", "tokenHost": "t.example:5001", "blobHosts": ["10.0.0.5:9000", "[::1]"]}
    registry = load({"packinfra:registry": {"kind": "basic", "basePath": "a", **hosts}}).registry
    assert isinstance(registry, BasicRegistry)
    assert (registry.host, registry.token_host) == ("[FD00::5]:5000", "t.example:5001")
    assert registry.blob_hosts == ("10.0.0.5:9000", "[::1]")
