"""A stack's config as typed settings; every mistake is reported at once, with key, value, reason and an example.

    >>> settings = load({"packinfra:registry": '{"kind": "ecr", "basePath": "packs"}', "aws:region": "eu-west-1"})
    >>> settings.registry.base_path, settings.packs[0].path, settings.repositories.immutable
    ('packs', 'packs/*', True)

Keys are written in camelCase in stack files and snake_case in Python. The engine accepts keys that nobody knows, so
the whole mapping is judged here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic.alias_generators import to_camel

from packinfra.errors import PackinfraError
from packinfra.packs.rules import REPOSITORY_COMPONENT, check_settings

NAMESPACE = "packinfra"
PACKS_PATH = "spectro-packs/archive"
"""What Palette appends to a base path (Palette documentation, Add a Pack to an ECR Registry)."""


class SettingsError(PackinfraError):
    """The stack's config is wrong. `str()` lists every mistake."""


class _Model(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, alias_generator=to_camel, populate_by_name=True, str_strip_whitespace=True
    )


class RegistrySettings(_Model):
    """Where packs are published."""

    kind: Literal["ecr"] = Field(description="the registry's kind", examples=["ecr"])
    base_path: str = Field(
        description="first part of the repository names, without spectro-packs, which Palette appends",
        examples=["spectro-oci-registry"],
    )

    @field_validator("base_path")
    @classmethod
    def _base_path(cls, value: str) -> str:
        return valid_base_path(value)


def valid_base_path(value: str) -> str:
    """Raises ValueError with the reason if `value` cannot begin the name of an ECR repository for packs."""
    parts = value.split("/")
    if "spectro-packs" in parts:
        raise ValueError(f"leave {PACKS_PATH} out: it is appended for you, and Palette appends it too")
    if not all(REPOSITORY_COMPONENT.fullmatch(part) for part in parts):
        raise ValueError("use lower-case letters and digits, with single . _ - or / between them")
    if len(value) > 128:
        raise ValueError("at most 128 characters, so that pack names fit into ECR's 256")
    return value


def _off(value: Any) -> Any:
    return "off" if value is False else value  # some YAML readers take a bare off for false


RuleSeverity = Annotated[Literal["error", "warning", "off"], BeforeValidator(_off)]


class PackSettings(_Model):
    """Which folders are packs, and how they are published."""

    path: str = Field(min_length=1, description="folder or glob, relative to the project", examples=["packs/*"])
    overwrite: bool = Field(False, description="publish changed content under a version that is published already")
    unpublish: tuple[str, ...] = Field((), description="versions to withdraw", examples=[["1.0.0"]])
    keep_versions: int | Literal["all"] = Field(
        "all", description="how many versions stay published, those with a folder included", examples=[10]
    )
    rules: Mapping[str, RuleSeverity] = Field(
        {}, description="rules judged otherwise than docs/rules.md says", examples=[{"readme-missing": "error"}]
    )

    @field_validator("rules")
    @classmethod
    def _rules(cls, value: Mapping[str, RuleSeverity]) -> Mapping[str, RuleSeverity]:
        check_settings(value)
        return value

    @field_validator("keep_versions")
    @classmethod
    def _keep_versions(cls, value: int | str) -> int | str:
        if isinstance(value, int) and value < 1:
            raise ValueError('at least 1, or "all"')
        return value


def _pack(value: Any) -> Any:
    return {"path": value} if isinstance(value, str) else value


PackEntry = Annotated[PackSettings, BeforeValidator(_pack)]


class RepositorySettings(_Model):
    """How the ECR repositories are made."""

    immutable: bool = Field(True, description="a tag, once pushed, is never moved")
    scan_on_push: bool = Field(True, description="ECR scans each image when it is pushed")
    force_delete: bool = Field(False, description="destroy also deletes repositories that hold foreign images")
    kms_key: str | None = Field(None, description="ARN of a KMS key; absent: AES256", examples=["arn:aws:kms:..."])
    protect: bool = Field(False, description="Pulumi refuses to delete repositories and packs")
    tags: Mapping[str, str] = Field({}, description="AWS tags of all resources", examples=[{"team": "platform"}])


class PublisherSettings(_Model):
    """Who gets the publisher policy."""

    roles: tuple[str, ...] = Field((), description="names of IAM roles")
    users: tuple[str, ...] = Field((), description="names of IAM users")


class AccessSettings(_Model):
    """Who may do what with the repositories."""

    publishers: PublisherSettings = PublisherSettings()


class Settings(_Model):
    """Everything that a stack file can say."""

    registry: RegistrySettings = Field(examples=[{"kind": "ecr", "basePath": "spectro-oci-registry"}])
    packs: tuple[PackEntry, ...] = Field((PackSettings(path="packs/*"),), examples=[["packs/*"]])
    repositories: RepositorySettings = RepositorySettings()
    access: AccessSettings = AccessSettings()

    @field_validator("packs")
    @classmethod
    def _packs(cls, value: tuple[PackSettings, ...]) -> tuple[PackSettings, ...]:
        if not value:
            raise ValueError("name at least one pack; to remove all packs, use pulumi destroy")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Settings:
        if self.repositories.immutable and (wrong := [p.path for p in self.packs if p.overwrite]):
            raise ValueError(
                f"packs: {', '.join(wrong)} has overwrite: true, but repositories.immutable is true and ECR never moves "
                "an immutable tag: set one of the two to false"
            )
        return self


def load(config: Mapping[str, Any]) -> Settings:
    """Settings from a stack's whole config: "packinfra:registry" and so on; objects as JSON text or parsed.

    An empty object counts as absent. Raises SettingsError with all mistakes.
    """
    mistakes: list[str] = []
    ours: dict[str, Any] = {}
    known = [to_camel(name) for name in Settings.model_fields]
    for full, value in config.items():
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE:
            continue
        if key not in known:
            mistakes.append(_unknown(f"{NAMESPACE}:{key}", key, known))
            continue
        try:
            parsed = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            mistakes.append(f"{full}: {value!r} is not an object or list; indent its keys below it in the stack file")
            continue
        if parsed not in ({}, None):
            ours[key] = parsed
    if not config.get("aws:region"):
        mistakes.append("aws:region: missing; say in which region the registry is, for example: aws:region: eu-west-1")
    settings = None
    try:
        settings = Settings.model_validate(ours)
    except ValidationError as error:
        mistakes += [_explain(dict(problem)) for problem in error.errors()]
    if mistakes or settings is None:
        raise SettingsError("the stack's config has mistakes:\n" + "\n".join(f"  {m}" for m in mistakes))
    return settings


def _unknown(shown: str, key: str, known: list[str]) -> str:
    near = get_close_matches(key, known, n=1)
    return f"{shown}: no such key; " + (f"did you mean {near[0]}?" if near else f"known are {', '.join(known)}")


def _explain(problem: dict[str, Any]) -> str:
    path = [part for part in problem["loc"] if not str(part).startswith("function-")]
    model: Any = Settings
    field = None
    for part in path:
        fields = getattr(model, "model_fields", {})
        by_key = {to_camel(name): f for name, f in fields.items()}
        if part in by_key:
            field = by_key[part]
            model = _model_of(field.annotation)
    shown = f"{NAMESPACE}:" + ".".join(str(part) for part in path) if path else NAMESPACE
    if problem["type"] == "extra_forbidden":
        parent = _parent(path)
        return _unknown(shown, str(path[-1]), [to_camel(name) for name in parent.model_fields])
    example = f"; for example: {path[-1]}: {json.dumps(field.examples[0])}" if field and field.examples else ""
    if problem["type"] == "missing":
        return f"{shown}: missing{example}"
    reason = re.sub("^Value error, ", "", problem["msg"])
    if not path:
        return f"{shown}:{reason}"
    return f"{shown}: {json.dumps(problem['input'], default=str)} is wrong: {reason}{example}"


def _parent(path: list[Any]) -> type[BaseModel]:
    model: type[BaseModel] = Settings
    for part in path[:-1]:
        fields = {to_camel(name): f for name, f in model.model_fields.items()}
        if part in fields:
            model = _model_of(fields[part].annotation) or model
    return model


def _model_of(annotation: Any) -> Any:
    """The model inside an annotation such as tuple[PackEntry, ...]; None for plain values."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    inner = [m for a in getattr(annotation, "__args__", ()) if a is not Ellipsis and (m := _model_of(a))]
    return inner[0] if inner else None
