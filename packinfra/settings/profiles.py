"""packinfra:profiles. The keys of each profile; what they say together is checked in lifecycle/profiles/validation.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, Tag, field_validator

from packinfra.settings.model import Model
from packinfra.settings.publishing import KeepingSettings, KeepVersions


def _as_text(value: Any) -> Any:
    """Defaults are texts, whatever their format: `1` and `true` are written without quotes all the same."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float) else value


Text = Annotated[str, BeforeValidator(_as_text)]


class VariableSettings(Model):
    """A variable of the profile, used in values as '{{.spectro.var.NAME}}'."""

    default: Text | None = Field(None, description="value where a cluster gives none", examples=["1"])
    display_name: str | None = Field(None, description="name in Palette's console; absent: the variable's own")
    description: str = Field("", description="what it is for")
    format: Literal["string", "number", "boolean", "ipv4", "ipv4cidr", "ipv6", "version", "base64"] = Field(
        "string", description="what a value must be"
    )
    input_type: Literal["text", "dropdown", "multiline"] = Field("text", description="field in Palette's console")
    regex: str | None = Field(None, description="regular expression (Go) that a value must match")
    options: tuple[Text, ...] = Field((), description="values of a dropdown", examples=[["small", "large"]])
    required: bool = Field(False, description="a cluster must have a value")
    hidden: bool = Field(False, description="not shown where a cluster is created")
    immutable: bool = Field(False, description="a cluster can't change it")
    sensitive: bool = Field(False, description="Palette masks it; Pulumi keeps its default as a secret")


class ProfilePackSettings(Model):
    """A layer: one pack with its values."""

    name: str = Field(min_length=1, description="name of the pack", examples=["hello-universe"])
    registry: str | None = Field(
        None, description="name of its registry in Palette; absent: this stack's", examples=["Public Repo"]
    )
    version: str | None = Field(
        None,
        description="exact version; absent, for a pack of this stack: the highest that a folder holds",
        examples=["1.1.0"],
    )
    values: str | None = Field(
        None,
        description="file with the complete values, relative to the project; absent: the pack's own values.yaml",
        examples=["values/hello.yaml"],
    )
    set: Mapping[str, Any] = Field(
        {},
        description="values to set on top of that: path to value, with \\. for a dot inside a key, and a number for an "
        "item of a list. Comments and all other characters stay",
        examples=[{"manifests.hello.replicas": 2}],
    )


class VersionOfPack(Model):
    """The version of a pack of this stack."""

    pack: str = Field(alias="from", description="name of the pack", examples=["hello-universe"])


def _version(value: Any) -> Any:
    if not isinstance(value, str | Mapping | VersionOfPack):
        raise ValueError("write it in quotes, so that YAML doesn't take it for a number; or {from: PACK}")  # noqa: TRY004
    return value


VersionSource = Annotated[
    # pydantic puts the tags into its errors' locations; messages.py leaves out what begins with function-
    Annotated[str, Tag("function-text")] | Annotated[VersionOfPack, Tag("function-from")],
    Discriminator(lambda value: "function-text" if isinstance(value, str) else "function-from"),
    BeforeValidator(_version),
]


class ProfileSettings(KeepingSettings):
    """A cluster profile of this name in Palette, with all its versions (docs/profiles.md). Needs packinfra:palette."""

    project: str | None = Field(
        None, min_length=1, description="project that it belongs to; absent: the tenant", examples=["Default"]
    )
    type: Literal["add-on", "infra", "full"] = Field("add-on", description="fixed once it is created")
    cloud: str = Field(
        "all", description="cloud of its clusters; all: only for add-on. Fixed once it is created", examples=["aws"]
    )
    version: VersionSource = Field(
        description="version of the profile, SemVer; {from: PACK}: that pack's version", examples=["1.1.0"]
    )
    description: str = Field("", description="shown in Palette's console")
    tags: Mapping[str, Text | None] = Field(
        {}, description="null: a tag without a value", examples=[{"team": "platform"}]
    )
    variables: Mapping[str, VariableSettings] = Field({}, description="its variables, by name")
    packs: tuple[ProfilePackSettings, ...] = Field(
        description="its layers, in this order", examples=[[{"name": "hello-universe"}]]
    )
    keep_versions: KeepVersions = Field(
        "all", description="how many versions stay in Palette; one that a cluster uses always stays", examples=[3]
    )
    immutable: bool = Field(False, description="refuse changed content under a version that is in Palette")

    @field_validator("packs")
    @classmethod
    def _packs(cls, value: tuple[ProfilePackSettings, ...]) -> tuple[ProfilePackSettings, ...]:
        if not value:
            raise ValueError("name at least one pack")
        return value
