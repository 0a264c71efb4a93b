"""The resources that components declare for Palette: who reads the registry, and with which credentials."""

from __future__ import annotations

import re
from typing import Any

import pulumi
import pytest

import packinfra
from packinfra import BasicPackRegistry, EcrPackRegistry
from packinfra.settings import AccessSettings, PaletteSettings
from tests.support.components import HOST, Recording, declares, documents

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "value": "hush"}
"""As a secret reaches the engine."""
OWN_ROLE = "arn:aws:iam::123456789012:role/palette"
READER_ROLE = "arn:aws-us-gov:iam::123456789012:role/packs-reader"
READERS: dict[str, tuple[dict[str, Any], dict[str, Any] | None, dict[str, Any], set[str], str | None]] = {
    # palette, access.reader -> credentials, IAM resources, principal of the reader role's trust policy
    "by default a role for the principal that Palette names": (
        {}, None, {"roleArn": READER_ROLE, "externalId": "from-palette"},
        {"PalettePrincipal packs", "Policy packs-reader", "Role packs-reader", "RolePolicyAttachment packs-reader"},
        "arn:aws-us-gov:iam::222222222222:root",
    ),
    "a role for the principal in access": (
        {}, {"principal": "210987654321", "externalId": "agreed"}, {"roleArn": READER_ROLE, "externalId": "agreed"},
        {"Policy packs-reader", "Role packs-reader", "RolePolicyAttachment packs-reader"},
        "arn:aws-us-gov:iam::210987654321:root",
    ),
    "a role by EKS Pod Identity": (
        {"pod_identity_role_arn": OWN_ROLE}, None, {"podIdentityRoleArn": OWN_ROLE}, set(), None,
    ),
    "a role of one's own": (
        {"role_arn": OWN_ROLE}, None, {"roleArn": OWN_ROLE, "externalId": "from-palette"}, {"PalettePrincipal packs"},
        None,
    ),
    "a role of one's own beside the one in access": (
        {"role_arn": OWN_ROLE}, {"principal": "210987654321", "externalId": "agreed"},
        {"roleArn": OWN_ROLE, "externalId": "from-palette"},
        {"PalettePrincipal packs", "Policy packs-reader", "Role packs-reader", "RolePolicyAttachment packs-reader"},
        "arn:aws-us-gov:iam::210987654321:root",
    ),
    "an access key": ({"access_key_id": "AKIAX"}, None, {"accessKeyId": "AKIAX", "secretKey": SECRET}, set(), None),
    "the access key of a user in access": (
        {"access_key_id": "AKIAX"}, {"users": ["palette"]}, {"accessKeyId": "AKIAX", "secretKey": SECRET},
        {"Policy packs-reader", "UserPolicyAttachment packs-reader-user-palette"}, None,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", READERS)
def test_who_reads_an_ecr_registry(mocks: Recording, monkeypatch: pytest.MonkeyPatch, case: str) -> None:
    monkeypatch.delenv("SPECTROCLOUD_HOST", raising=False)
    settings, reader, credentials, resources, trusted = READERS[case]
    palette = PaletteSettings(name="packs", **settings)
    access = AccessSettings.model_validate({"reader": reader} if reader else {})
    secret = "hush" if palette.access_key_id else None
    exports: list[dict[str, Any]] = []

    @declares
    def program() -> Any:
        registry = EcrPackRegistry("packs", base_path="team", access=access, palette=palette, palette_secret_key=secret)
        return pulumi.Output.all(**registry.exports).apply(exports.append)

    program()
    registry = mocks.declared["PaletteRegistry", "packs"]
    keys = ("roleArn", "externalId", "accessKeyId", "secretKey", "podIdentityRoleArn", "username", "password")
    assert {key: registry[key] for key in keys if registry.get(key) is not None} == credentials
    assert (registry["kind"], registry["endpoint"], registry["basePath"]) == ("ecr", HOST, "team")
    declared = {f"{kind} {name}" for kind, name in mocks.declared}
    assert {each for each in declared if re.search("Principal|Attachment|reader", each)} == resources
    assert exports[0]["paletteRegistryUid"] == "u-1"
    assert ("readerRoleArn" in exports[0], "readerPolicyArn" in exports[0]) == (
        "Role packs-reader" in resources, "Policy packs-reader" in resources,
    )  # fmt: skip
    if trusted:
        (trust,) = documents(mocks.declared, "Role", "packs-reader", "assumeRolePolicy")
        assert trust["Principal"]["AWS"] == trusted


def test_palette_reads_a_basic_registry(mocks: Recording) -> None:
    palette = PaletteSettings(name="packs", username="palette", host="palette.example.com")
    declares(
        lambda: BasicPackRegistry(
            "packs",
            host="harbor.example.com",
            base_path="team",
            ca_file="ca.pem",
            palette=palette,
            palette_password="hush",
        )
    )()
    registry = mocks.declared["PaletteRegistry", "packs"]
    expected = {"kind": "basic", "endpoint": "https://harbor.example.com", "basePath": "team", "username": "palette",
                "password": SECRET, "registryCaFile": "ca.pem", "host": "palette.example.com"}  # fmt: skip
    assert {key: registry[key] for key in expected} == expected


def test_palettes_partition_is_the_regions(mocks: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    palette = PaletteSettings(name="packs", host="palette.example.com")
    for region, partition in (("us-gov-west-1", "aws-us-gov"), ("us-isob-east-1", "aws-iso-b"), ("eu-west-1", "aws")):
        monkeypatch.setenv("AWS_REGION", region)
        declares(lambda: EcrPackRegistry("packs", base_path="team", palette=palette))()
        assert mocks.declared["PalettePrincipal", "packs"]["partition"] == partition
        assert mocks.declared["PaletteRegistry", "packs"]["partition"] == partition


@pytest.mark.parametrize(
    ("settings", "secret", "text"),
    [
        ({"username": "robot"}, None, "palette.username: not for kind: ecr: remove it"),
        ({"access_key_id": "A"}, None, "palette_secret_key: missing for palette.access_key_id"),
        ({}, "hush", "palette.access_key_id: missing for palette_secret_key"),
        (
            {"role_arn": OWN_ROLE, "access_key_id": "A"},
            "hush",
            "palette.role_arn, palette.access_key_id: Palette reads",
        ),
    ],
)
def test_wrong_credentials_for_palette(
    mocks: Recording, settings: dict[str, Any], secret: str | None, text: str
) -> None:
    palette = PaletteSettings(name="packs", **settings)
    with pytest.raises(pulumi.RunError, match=text) as caught:
        EcrPackRegistry("packs", base_path="team", palette=palette, palette_secret_key=secret)
    assert "hush" not in str(caught.value)
    assert not mocks.declared


def test_a_partition_that_palette_does_not_know(mocks: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_REGION", "cn-north-1")
    with pytest.raises(pulumi.RunError, match="aws:region: Palette reads no ECR registry in the partition aws-cn"):
        EcrPackRegistry("packs", base_path="team", palette=PaletteSettings(name="packs"))
    assert not mocks.declared


def test_palette_needs_credentials_for_a_basic_registry(mocks: Recording) -> None:
    for username, text in (("robot", "palette_password: missing for palette.username"), (None, "palette.username and")):
        with pytest.raises(pulumi.RunError, match=text):
            BasicPackRegistry("c", host="h", base_path="b", palette=PaletteSettings(name="packs", username=username))
    assert not mocks.declared


PROFILES: dict[str, Any] = {
    "web": {
        "version": {"from": "hello"}, "project": "Default", "tags": {"demo": None},
        "variables": {"admin": {"sensitive": True, "default": "hush"}}, "packs": [{"name": "hello", "set": {"a": 1}}],
    },
    "infra": packinfra.ProfileSettings.model_validate({
        "version": "2.0.0", "type": "full", "cloud": "aws",
        "packs": [{"registry": "Public Repo", "name": name, "version": "1"} for name in ("os", "k8s")],
    }),
}  # fmt: skip


def test_profiles(mocks: Recording) -> None:
    """One ClusterProfile each; the values of this stack's packs come from their folders."""

    def program() -> None:
        registry = BasicPackRegistry(
            "packs", host="harbor.example.com", base_path="team", packs=["packs/*"], profiles=PROFILES,
            palette=PaletteSettings(name="packs", username="robot"), palette_password="hush",
        )  # fmt: skip
        assert "profiles" in registry.exports

    declares(program)()
    web = mocks.declared["ClusterProfile", "packs-web"]
    assert (web["version"], web["project"], web["tags"], web["registryUid"]) == (
        "1.0.0",
        "Default",
        {"demo": ""},
        "u-1",
    )
    (layer,) = web["layers"]
    assert (layer["name"], layer["registry"], layer["version"]) == ("hello", "packs", "1.0.0")
    assert layer["values"].endswith("a: 1\n")
    assert web["packDigests"] == {"hello": "sha256:abc"}
    assert web["published"] == {"hello": ["1.0.0"]}
    assert web["sensitiveDefaults"] == {**SECRET, "value": {"admin": "hush"}}
    assert "hush" not in str({key: value for key, value in web.items() if key != "sensitiveDefaults"})
    infra = mocks.declared["ClusterProfile", "packs-infra"]
    assert not {"registryUid", "packDigests"} & {key for key, value in infra.items() if value}
    assert [layer["name"] for layer in infra["layers"]] == ["os", "k8s"]


def test_secret_profiles(mocks: Recording) -> None:
    def program() -> None:
        copied = {"name": "copied", "registry": "packs", "version": "1.0.0"}
        profile = {"version": "1.0.0", "variables": {"a": {"default": "hush"}}, "packs": [copied]}
        BasicPackRegistry(
            "packs", host="harbor.example.com", base_path="team", packs=["packs/*"], profiles={"web": profile},
            secret_profiles=True, palette=PaletteSettings(name="packs", username="robot"), palette_password="x",
        )  # fmt: skip

    declares(program)()
    web = mocks.declared["ClusterProfile", "packs-web"]
    assert web["variables"] == {
        **SECRET,
        "value": [{"name": "a", "default": "hush", "format": "string", "inputType": "text"}],
    }
    assert web["layers"] == {**SECRET, "value": [{"name": "copied", "registry": "packs", "version": "1.0.0"}]}
    assert web["registryUid"] == "u-1", "the registry is this stack's, though the pack is not"


@pytest.mark.parametrize(
    ("profiles", "palette", "problems"),
    [
        ({"web": {"version": "1.0.0", "packs": [{"name": "hello"}]}}, None, ["profiles: they need palette"]),
        ({"web": {"version": "1.0.0"}}, "packs", ["profiles.web.packs: missing"]),
        (
            {"web": {"version": "x", "packs": [{"name": "hello"}]}, "two": {"version": "1.0.0", "packs": [{"name": "helo"}]}},
            "packs", ['profile web: version: "x" is not SemVer', "profile two: pack helo: no folder of this stack holds it"],
        ),
    ],
)  # fmt: skip
def test_profiles_that_cannot_be(
    mocks: Recording, profiles: dict[str, Any], palette: str | None, problems: list[str]
) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        EcrPackRegistry(
            "packs", base_path="base", packs=["packs/*"], profiles=profiles,
            palette=PaletteSettings(name=palette) if palette else None,
        )  # fmt: skip
    for problem in problems:
        assert problem in str(caught.value)
    assert mocks.declared == {}, "before the first resource"


COPIED = {"from": "ghcr.io/acme/charts/web:1.0.0@sha256:" + "0" * 64, "to": "charts/web"}


@pytest.mark.parametrize("sync", [True, False])
def test_charts_are_a_registry_of_their_own(mocks: Recording, monkeypatch: pytest.MonkeyPatch, sync: bool) -> None:
    """At the charts' base path, with the credentials of the packs' registry, once the charts are there."""
    monkeypatch.delenv("SPECTROCLOUD_HOST", raising=False)
    palette = PaletteSettings.model_validate({"name": "packs", "helm": {"sync": sync}})

    @declares
    def program() -> Any:
        registry = EcrPackRegistry("packs", base_path="team", palette=palette, copies=[COPIED])
        return registry.exports["paletteHelmRegistryUid"]

    program()
    packs, charts = mocks.declared["PaletteRegistry", "packs"], mocks.declared["PaletteRegistry", "packs-charts"]
    assert (charts["registryName"], charts["basePath"], charts["providerType"]) == (
        "packs-charts",
        "team/charts",
        "helm",
    )
    assert charts.get("isSyncSupported") is (None if sync else False)
    assert (charts["roleArn"], charts["endpoint"]) == (packs["roleArn"], packs["endpoint"])
    order = list(mocks.declared)
    copied, registered = ("CopiedArtifact", "packs-charts/web"), ("PaletteRegistry", "packs-charts")
    assert order.index(copied) < order.index(registered)
    synced = mocks.declared.get(("PaletteSync", "packs-charts"))
    assert bool(synced) is sync
    if synced:
        assert (synced["packs"], synced["content"]) == ({}, {"charts/web": {"1.0.0": "sha256:abc"}})


def test_charts_of_a_basic_registry(mocks: Recording) -> None:
    palette = PaletteSettings.model_validate({"name": "packs", "username": "u", "helm": {"name": "ours"}})
    declares(
        lambda: BasicPackRegistry(
            "b", host="h.example", base_path="team", palette=palette, palette_password="x", copies=[COPIED]
        )
    )()
    charts = mocks.declared["PaletteRegistry", "b-charts"]
    assert (charts["registryName"], charts["username"], charts["kind"]) == ("ours", "u", "basic")
