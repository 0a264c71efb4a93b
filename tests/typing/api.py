"""The public API as a platform team writes it. Never run: mypy checks it with the rest of the tests.

A name that is missing, an argument that was renamed, an output of another type: each is an error here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, assert_type

import pulumi

import packinfra
from packinfra import BasicAccess, EcrAccess, Pack, RegistryAccess
from packinfra.packs import read_pack


def registry_access() -> list[RegistryAccess]:
    return [
        EcrAccess(),
        EcrAccess(profile="publisher", publisher_role_arn="arn:aws:iam::123456789012:role/publisher"),
        BasicAccess(),
        BasicAccess(ca_file="ca.pem", plain_http=False, username="robot"),
    ]


def ecr_registry(provider: pulumi.ProviderResource) -> packinfra.EcrPackRegistry:
    registry = packinfra.EcrPackRegistry(
        "packs",
        base_path="spectro-oci-registry",
        packs=["packs/*", packinfra.PackSettings(path="packs/hello", keep_versions=3), {"path": "packs/other"}],
        repositories=packinfra.RepositorySettings(immutable=True),
        access=packinfra.AccessSettings(),
        palette=packinfra.PaletteSettings(name="packs"),
        profile="publisher",
        opts=pulumi.ResourceOptions(providers={"aws": provider}),
    )
    assert_type(registry.endpoint, pulumi.Output[str])
    assert_type(registry.versions, pulumi.Output[dict[str, dict[str, str]]])
    assert_type(registry.palette_registry_uid, pulumi.Output[str] | None)
    return registry


def basic_registry(password: pulumi.Output[str]) -> packinfra.BasicPackRegistry:
    return packinfra.BasicPackRegistry(
        "packs", host="harbor.example.com", base_path="team", packs="packs/*", username="robot",
        palette=packinfra.PaletteSettings(name="packs", username="reader"), palette_password=password,
    )  # fmt: skip


def published_artifact(repository: pulumi.Output[str]) -> packinfra.PublishedArtifact:
    sources: list[packinfra.ArtifactSource] = [
        packinfra.HelmChart("charts/web"), packinfra.OpaBundle("policy", "1.0.0"),
        packinfra.ConftestPolicy("policy", "1.0.0"),
        packinfra.Files("1.0.0", [packinfra.ArtifactFile("a.json", "application/json")], image_spec="v1.0"),
    ]  # fmt: skip
    published = packinfra.PublishedArtifact(
        "web", repository=repository, sources=sources, unpublish=["0.1.0"], keep_versions=3,
        registry_access=BasicAccess(),
    )  # fmt: skip
    assert_type(published.versions, pulumi.Output[dict[str, dict[str, Any]]])
    return published


def artifacts_of_a_registry() -> packinfra.BasicPackRegistry:
    registry = packinfra.BasicPackRegistry(
        "packs", host="harbor.example.com", base_path="team",
        charts=["charts/*", packinfra.ChartSettings(path="charts/web", keep_versions=3)],
        policies=[packinfra.PolicySettings(name="authz", version="1.0.0", path="policy")],
        artifacts=[{"name": "cfg", "version": "1", "files": ["a.json"]}], removed_artifacts=["charts/old"],
    )  # fmt: skip
    assert_type(registry.artifacts, pulumi.Output[dict[str, dict[str, Any]]] | None)
    return registry


def published_pack(repository: pulumi.Output[str]) -> packinfra.PublishedPack:
    pack: Pack = read_pack(Path("packs/hello"))
    published = packinfra.PublishedPack(
        "hello", repository=repository, sources=["packs/hello"], unpublish=["0.1.0"], keep_versions=3,
        registry_access=EcrAccess(profile="publisher"), validated=[pack],
    )  # fmt: skip
    assert_type(published.repository, pulumi.Output[str])
    assert_type(published.versions, pulumi.Output[dict[str, dict[str, Any]]])
    return published


def base_path() -> packinfra.BasePath:
    return packinfra.BasePath("base", repository="harbor.example.com/team", registry_access=BasicAccess())


def in_palette(published: packinfra.PublishedPack) -> packinfra.PaletteSync:
    principal = packinfra.PalettePrincipal("palette", host="palette.example.com", ca_file="ca.pem")
    assert_type(principal.account_id, pulumi.Output[str])
    assert_type(principal.external_id, pulumi.Output[str])
    registry = packinfra.PaletteRegistry(
        "palette", registry_name="packs", kind="ecr", endpoint="123456789012.dkr.ecr.eu-west-1.amazonaws.com",
        base_path="base", role_arn="arn:aws:iam::123456789012:role/palette", external_id=principal.external_id,
        role_timeout_seconds=60.0, opts=pulumi.ResourceOptions(depends_on=[published]),
    )  # fmt: skip
    assert_type(registry.base_path, pulumi.Output[str])
    assert_type(registry.uid, pulumi.Output[str])
    return packinfra.PaletteSync(
        "palette", registry=registry, packs={"hello": {"1.0.0": "sha256:0"}}, timeout_seconds=60.0
    )


def profile(sync: packinfra.PaletteSync) -> packinfra.ClusterProfile:
    made = packinfra.ClusterProfile(
        "web", profile_name="web", version="1.0.0", tags={"team": "docs", "demo": None}, variables=[{"name": "n", "default": "1"}],
        layers=[{"name": "hello", "registry": "packs", "version": "1.0.0", "set": {"a.b": 1}}],
        opts=pulumi.ResourceOptions(depends_on=[sync]),
    )  # fmt: skip
    assert_type(made.uid, pulumi.Output[str])
    return made


def failures(error: Exception) -> str:
    """Each failure that packinfra raises on purpose can be shown as it stands."""
    return str(error) if isinstance(error, packinfra.PackinfraError) else packinfra.__version__


def wrong_arguments() -> None:
    """What must not type-check: mypy reports an ignore that is of no use."""
    EcrAccess(ca_file="ca.pem")  # type: ignore[call-arg]
    BasicAccess(profile="publisher")  # type: ignore[call-arg]
    packinfra.BasePath("base", repository="h/b", registry_access={"plainHttp": True})  # type: ignore[arg-type]
