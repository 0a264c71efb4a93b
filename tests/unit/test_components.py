"""What the components declare, with Pulumi's mocks: kinds, names, inputs. Behaviour is tests/engine's."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime import mocks as pulumi_mocks
from pulumi.runtime import settings as runtime_settings
from pulumi.runtime.mocks import MockCallArgs, MockResourceArgs, Mocks, set_mocks

from packinfra import BasicPackRegistry, EcrPackRegistry
from packinfra.settings import AccessSettings, PackSettings, RepositorySettings
from tests.support.packs import make_pack

BASE = "arn:aws-us-gov:ecr:us-gov-west-1:123456789012:repository/"
HOST = "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com"
Declared = dict[tuple[str, str], dict[str, Any]]


def declares(program: Callable[[], Any]) -> Callable[[], None]:
    """Calling it runs the program until everything that it declared is known."""
    run: Callable[[], None] = pulumi_mocks.test(program)  # type: ignore[no-untyped-call]
    return run


class Recording(Mocks):
    def __init__(self) -> None:
        self.declared: Declared = {}

    def new_resource(self, args: MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        kind = args.typ.rpartition(":")[2]
        self.declared[kind, args.name] = args.inputs
        outputs = dict(args.inputs)
        if kind == "Repository":
            name = str(args.inputs.get("name") or args.resource_id)
            outputs |= {"name": name, "arn": BASE + name, "repositoryUrl": f"{HOST}/{name}"}
        elif kind in ("Policy", "Role"):
            outputs |= {"arn": f"arn:aws-us-gov:iam::123456789012:{kind.lower()}/{args.name}", "name": args.name}
        elif kind == "PublishedPack":
            outputs |= {"versions": {"1.0.0": {"manifestDigest": "sha256:abc"}}}
        return args.resource_id or f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"a lookup: {args.token}")


@pytest.fixture
def mocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Recording]:
    monkeypatch.chdir(tmp_path)
    make_pack(tmp_path / "packs/hello")
    before = runtime_settings.SETTINGS
    recording = Recording()
    set_mocks(recording, project="packinfra", stack="test")
    yield recording
    runtime_settings.SETTINGS = before


def documents(declared: Declared, kind: str, name: str, key: str = "policy") -> list[dict[str, Any]]:
    statements: list[dict[str, Any]] = json.loads(declared[kind, name][key])["Statement"]
    return statements


def test_defaults(mocks: Recording) -> None:
    @declares
    def program() -> Any:
        registry = EcrPackRegistry("packs", base_path="team")
        return pulumi.Output.all(**registry.exports).apply(_check_exports)

    program()
    assert mocks.declared.keys() == {
        ("EcrPackRegistry", "packs"), ("Repository", "packs"), ("Repository", "packs-hello"),
        ("PublishedPack", "packs-hello"), ("Policy", "packs-publisher"),
    }  # fmt: skip
    repository = mocks.declared["Repository", "packs-hello"]
    assert repository["name"] == "team/spectro-packs/archive/hello"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "AES256"}]
    pack = mocks.declared["PublishedPack", "packs-hello"]
    assert pack["repository"] == f"{HOST}/team/spectro-packs/archive/hello"
    assert pack["sources"] == ["packs/hello"]


def _check_exports(found: dict[str, Any]) -> None:
    assert found == {
        "endpoint": HOST,
        "basePath": "team",
        "repositories": {"hello": f"{HOST}/team/spectro-packs/archive/hello"},
        "versions": {"hello": {"1.0.0": "sha256:abc"}},
        "publisherPolicyArn": "arn:aws-us-gov:iam::123456789012:policy/packs-publisher",
    }


def test_outputs_of_a_pack(mocks: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A guard: the SDK looks through all Outputs that are open whenever one is done, which is most of what the program
    of 220 packs takes. Each property is one, a None too, and each key and value of a dict that an Output.all gets."""
    made: list[object] = []
    track = pulumi.Output._track

    def counted(output: pulumi.Output[Any]) -> None:
        made.append(output)
        track(output)

    monkeypatch.setattr(pulumi.Output, "_track", counted)
    program = declares(lambda: EcrPackRegistry("packs", base_path="team"))
    program()
    of_one = len(made)
    make_pack(tmp_path / "packs/other", name="other")
    made.clear()
    program()
    assert len(made) - of_one <= 51


def test_access_stays_in_its_partition(mocks: Recording) -> None:
    access = AccessSettings.model_validate(
        {
            "publishers": {"roles": ["builder"], "users": ["jane"]},
            "ci": {"issuer": "https://gitlab.example.com/", "subjects": ["project_path:acme/*"]},
            "reader": {"principal": "210987654321", "externalId": "id", "users": ["palette"]},
            "pull": {"principals": ["210987654321"]},
        }
    )

    @declares
    def program() -> None:
        EcrPackRegistry("packs", base_path="team", access=access)

    program()
    declared = mocks.declared
    assert {name for kind, name in declared if kind in ("Policy", "Role")} == {
        "packs-publisher", "packs-pusher", "packs-reader", "packs-ci",
    }  # fmt: skip
    assert {name for kind, name in declared if kind.endswith("Attachment")} == {
        "packs-publisher-role-builder", "packs-publisher-user-jane", "packs-pusher-ci", "packs-reader",
        "packs-reader-user-palette",
    }  # fmt: skip
    (ci,) = documents(declared, "Role", "packs-ci", "assumeRolePolicy")
    assert ci["Principal"]["Federated"] == "arn:aws-us-gov:iam::123456789012:oidc-provider/gitlab.example.com"
    assert ci["Condition"]["StringLike"] == {"gitlab.example.com:sub": ["project_path:acme/*"]}
    (reader,) = documents(declared, "Role", "packs-reader", "assumeRolePolicy")
    assert reader["Principal"]["AWS"] == "arn:aws-us-gov:iam::210987654321:root"
    for policy in ("packs-publisher", "packs-pusher", "packs-reader"):
        assert documents(declared, "Policy", policy)[-1]["Resource"] == f"{BASE}team/*"
    (pull,) = documents(declared, "RepositoryPolicy", "packs-hello")
    assert pull["Principal"]["AWS"] == ["arn:aws-us-gov:iam::210987654321:root"]


def test_existing_repositories(mocks: Recording) -> None:
    repositories = RepositorySettings(base_repository="existing", import_repositories=("hello",))

    @declares
    def program() -> None:
        EcrPackRegistry("packs", base_path="team", repositories=repositories)

    program()
    assert mocks.declared["Repository", "packs"].get("imageTagMutability") is None, "read, not declared"
    assert mocks.declared["Policy", "packs-publisher"]


def test_basic(mocks: Recording) -> None:
    @declares
    def program() -> None:
        BasicPackRegistry(
            "packs",
            host="harbor.example.com",
            base_path="team",
            packs=["packs/*", PackSettings(path="packs/hello", keep_versions=3)],
            ca_file="ca.pem",
            username="robot",
        )

    program()
    access = {"kind": "basic", "caFile": "ca.pem", "username": "robot"}
    base = mocks.declared["BasePath", "packs"]
    assert (base["repository"], base["registryAccess"]) == ("harbor.example.com/team/spectro-packs/archive", access)
    pack = mocks.declared["PublishedPack", "packs-hello"]
    assert pack["repository"] == "harbor.example.com/team/spectro-packs/archive/hello"
    assert (pack["registryAccess"], pack["keepVersions"]) == (access, 3)


@pytest.mark.parametrize("base_path", ["Team", "team/spectro-packs"])
def test_a_wrong_base_path(mocks: Recording, base_path: str) -> None:
    with pytest.raises(pulumi.RunError, match=f"base_path '{base_path}'"):
        EcrPackRegistry("packs", base_path=base_path)


def test_packs_may_be_a_path_or_mappings(mocks: Recording) -> None:
    for packs in ("packs/*", ["packs/*"], [{"path": "packs/*", "keepVersions": 2}]):
        declares(lambda packs=packs: EcrPackRegistry("c", base_path="base", packs=packs))()  # type: ignore[misc]
        assert ("PublishedPack", "c-hello") in mocks.declared


def test_wrong_packs_are_told_without_a_traceback(mocks: Recording) -> None:
    with pytest.raises(pulumi.RunError, match=r"packs\.0\.keepVersion: no such key; did you mean keepVersions"):
        declares(lambda: EcrPackRegistry("c", base_path="base", packs=[{"path": "packs/*", "keepVersion": 2}]))()
    assert not mocks.declared


def test_who_publishes_with_an_explicit_provider(mocks: Recording) -> None:
    role = "arn:aws:iam::123456789012:role/publisher"
    declares(lambda: EcrPackRegistry("c", base_path="base", profile="bank", publisher_role_arn=role))()
    assert mocks.declared["PublishedPack", "c-hello"]["registryAccess"] == {
        "kind": "ecr",
        "profile": "bank",
        "publisherRoleArn": role,
    }
    declares(lambda: EcrPackRegistry("d", base_path="base"))()
    assert "registryAccess" not in mocks.declared["PublishedPack", "d-hello"]
