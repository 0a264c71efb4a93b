"""The resources that components declare, with Pulumi's mocks: kinds, names, inputs. tests/engine tests behaviour."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from packinfra import BasicPackRegistry, EcrPackRegistry
from packinfra.settings import AccessSettings, PackSettings, RepositorySettings
from tests.support.components import BASE, HOST, Recording, declares, documents
from tests.support.packs import make_pack


def test_defaults(mocks: Recording) -> None:
    @declares
    def program() -> Any:
        registry = EcrPackRegistry("packs", base_path="team")
        return pulumi.Output.all(**registry.exports).apply(_check_exports)

    program()
    assert mocks.declared.keys() == {
        ("EcrPackRegistry", "packs"), ("PublishedNames", "packs"), ("Repository", "packs@team"),
        ("Repository", "packs-hello@team"), ("PublishedPack", "packs-hello"), ("Policy", "packs-publisher"),
        ("RemovalCheck", "packs"),
    }  # fmt: skip
    repository = mocks.declared["Repository", "packs-hello@team"]
    assert repository["name"] == "team/spectro-packs/archive/hello"
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    assert repository["encryptionConfigurations"] == [{"encryptionType": "AES256"}]
    pack = mocks.declared["PublishedPack", "packs-hello"]
    assert pack["repository"] == f"{HOST}/team/spectro-packs/archive/hello"
    assert pack["sources"] == ["packs/hello"]


def _check_exports(exports: dict[str, Any]) -> None:
    assert exports == {
        "endpoint": HOST,
        "basePath": "team",
        "repositories": {"hello": f"{HOST}/team/spectro-packs/archive/hello"},
        "versions": {"hello": {"1.0.0": "sha256:abc"}},
        "publisherPolicyArn": "arn:aws-us-gov:iam::123456789012:policy/packs-publisher",
    }


def test_names(mocks: Recording, tmp_path: Path) -> None:
    """Every repository and pack waits until the names have passed, and depends on nothing that it didn't depend on."""
    make_pack(tmp_path / "packs/hello-9", version="1.9.0")
    make_pack(tmp_path / "packs/hello-10", version="1.10.0")
    packs = [PackSettings(path="packs/*", keep_versions=3, unpublish=("0.9.0",))]
    declares(lambda: EcrPackRegistry("c", base_path="team", packs=packs, removed_packs=["old"]))()
    declares(lambda: BasicPackRegistry("b", host="h", base_path="team", removed_packs=["old"]))()
    for component, more in (("c", {"unpublish": ["0.9.0"], "keepVersions": 3}), ("b", {})):
        names = mocks.declared["PublishedNames", component]
        assert (names["family"], names["removed"]) == ("packs", ["old"])
        assert names["sources"] == {"hello": {"versions": ["1.0.0", "1.9.0", "1.10.0"], **more}}
        order = [(kind, name) for kind, name in mocks.declared if name.startswith(component)]
        for kind in ("Repository", "BasePath", "PublishedPack"):
            for each in [each for each in order if each[0] == kind]:
                assert order.index(("PublishedNames", component)) < order.index(each)


@pytest.mark.parametrize("removed", ["hello", ["packs/hello"], [1]])
def test_wrong_removed_packs(mocks: Recording, removed: Any) -> None:
    with pytest.raises(pulumi.RunError, match=r"^removedPacks(\.0)?: .* is wrong: "):
        EcrPackRegistry("c", base_path="b", removed_packs=removed)
    with pytest.raises(
        pulumi.RunError, match="hello is in removedPacks, but packs/hello contains it\n      -> remove the"
    ):
        BasicPackRegistry("c", host="h", base_path="b", removed_packs=["hello"])
    assert not mocks.declared


@pytest.mark.parametrize(
    ("alias", "urn"),
    [
        (pulumi.Alias(name="old"), "urn:pulumi:test::packinfra::packinfra:index:EcrPackRegistry::old"),
        (pulumi.Alias(type_="my:index:Packs"), "urn:pulumi:test::packinfra::my:index:Packs::new"),
        ("urn:pulumi:other::project::a:b:C$d:e:F::old", "urn:pulumi:other::project::a:b:C$d:e:F::old"),
    ],
    ids=["name", "type", "urn"],
)
def test_children_get_the_aliases_of_the_component(mocks: Recording, alias: Any, urn: str) -> None:
    """Explicitly, since the engine hands them down only until the component itself has its new name in state."""
    aliases: dict[tuple[str, str], list[Any]] = {}
    urns: list[str] = []

    def note(args: pulumi.ResourceTransformationArgs) -> None:
        aliases[args.type_.rpartition(":")[2], args.name] = list(args.opts.aliases or [])

    @declares
    def program() -> Any:
        opts = pulumi.ResourceOptions(aliases=[alias], transformations=[note])
        EcrPackRegistry("new", base_path="team", opts=opts)
        parents = [each.parent for child in aliases.values() for each in child if each is not alias]
        return pulumi.Output.all(*parents).apply(urns.extend)

    program()
    assert aliases.pop(("EcrPackRegistry", "new")) == [alias]
    name = urn.rpartition("::")[2]
    for (_, child), (child_alias,) in aliases.items():
        assert child_alias.name == name + child.removeprefix("new")
    assert ("PublishedNames", "new") in aliases
    assert ("PublishedPack", "new-hello") in aliases
    assert set(urns) == {urn}


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
    (pull,) = documents(declared, "RepositoryPolicy", "packs-hello@team")
    assert pull["Principal"]["AWS"] == ["arn:aws-us-gov:iam::210987654321:root"]


def test_existing_repositories(mocks: Recording) -> None:
    repositories = RepositorySettings(base_repository="existing", import_repositories=("hello",))

    @declares
    def program() -> None:
        EcrPackRegistry("packs", base_path="team", repositories=repositories)

    program()
    assert mocks.declared["Repository", "packs@team"].get("imageTagMutability") is None, "read, not declared"
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
            token_host="gitlab.example.com",
            blob_hosts=["10.0.0.5:9000"],
        )

    program()
    access = {
        "kind": "basic", "caFile": "ca.pem", "username": "robot", "tokenHost": "gitlab.example.com",
        "blobHosts": ["10.0.0.5:9000"],
    }  # fmt: skip
    base = mocks.declared["BasePath", "packs"]
    assert (base["repository"], base["registryAccess"]) == ("harbor.example.com/team/spectro-packs/archive", access)
    pack = mocks.declared["PublishedPack", "packs-hello"]
    assert pack["repository"] == "harbor.example.com/team/spectro-packs/archive/hello"
    assert (pack["registryAccess"], pack["keepVersions"]) == (access, 3)


def test_a_wrong_host(mocks: Recording) -> None:
    with pytest.raises(
        pulumi.RunError, match=r'host: "\.\.\.@harbor\.example\.com/" is wrong: write the host alone'
    ) as caught:
        BasicPackRegistry("packs", host="https://robot:hush@harbor.example.com/", base_path="team")
    assert "hush" not in str(caught.value)
    for wrong in ({"token_host": "https://t.example"}, {"blob_hosts": ["10.0.0.5:9000", "x/y"]}):
        with pytest.raises(pulumi.RunError, match=f"{next(iter(wrong))}: .* is wrong: write the host alone"):
            BasicPackRegistry("packs", host="h.example", base_path="team", **wrong)
    assert not mocks.declared


def test_repositories_to_import_must_be_packs(mocks: Recording) -> None:
    with pytest.raises(pulumi.RunError, match="importRepositories: nginx: no such repository; there are hello"):
        EcrPackRegistry("c", base_path="b", repositories=RepositorySettings(import_repositories=("nginx",)))
    assert not mocks.declared


@pytest.mark.parametrize("base_path", ["Team", "team/spectro-packs"])
def test_a_wrong_base_path(mocks: Recording, base_path: str) -> None:
    with pytest.raises(pulumi.RunError, match=f'base_path: "{base_path}" is wrong: '):
        EcrPackRegistry("packs", base_path=base_path)


def test_packs_may_be_a_path_or_mappings(mocks: Recording) -> None:
    for packs in ("packs/*", ["packs/*"], [{"path": "packs/*", "keepVersions": 2}]):
        declares(lambda packs=packs: EcrPackRegistry("c", base_path="base", packs=packs))()  # type: ignore[misc]
        assert ("PublishedPack", "c-hello") in mocks.declared


def test_wrong_packs_are_reported_without_a_traceback(mocks: Recording) -> None:
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
