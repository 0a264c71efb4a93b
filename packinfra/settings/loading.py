"""A stack's whole config -> Settings, or every mistake in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import Field, ValidationError, field_validator
from pydantic.alias_generators import to_camel

from packinfra.palette.host import KEY_VARIABLE, host_elsewhere
from packinfra.settings.access import AccessSettings
from packinfra.settings.cross_checks import across
from packinfra.settings.messages import explain, unknown
from packinfra.settings.model import NAMESPACE, Model, SettingsError
from packinfra.settings.packs import PackEntry, PackSettings
from packinfra.settings.palette import PaletteSettings
from packinfra.settings.registry import RegistrySettings
from packinfra.settings.repositories import RepositorySettings


class Settings(Model):
    """Everything that a stack file can say."""

    registry: RegistrySettings = Field(examples=[{"kind": "ecr", "basePath": "spectro-oci-registry"}])
    packs: tuple[PackEntry, ...] = Field((PackSettings(path="packs/*"),), examples=[["packs/*"]])
    repositories: RepositorySettings = RepositorySettings()
    access: AccessSettings = AccessSettings()
    palette: PaletteSettings | None = Field(None, examples=[{"name": "packs"}])

    @field_validator("packs")
    @classmethod
    def _packs(cls, value: tuple[PackSettings, ...]) -> tuple[PackSettings, ...]:
        if not value:
            raise ValueError("name at least one pack; to remove all packs, use pulumi destroy")
        return value


SECRETS = ("registryPassword", "paletteApiKey", "paletteSecretKey", "palettePassword")
"""Keys whose values are no settings: secrets, judged only by whether they are there."""


def load(
    config: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    encrypted: Callable[[str], bool] | None = None,
) -> Settings:
    """Settings from a stack's whole config: "packinfra:registry" and so on; objects as JSON text or parsed.

    environ:   where Palette's API key may be instead, and its host may be named; None: neither is judged
    encrypted: is a key's value kept as a secret? None: not judged

    An empty object counts as absent, but for packinfra:palette, whose absence deletes what was registered. Raises
    SettingsError with all mistakes.
    """
    mistakes: list[str] = []
    ours: dict[str, Any] = {}
    known = [to_camel(name) for name in Settings.model_fields]
    for full, value in config.items():
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE or key in SECRETS:
            continue
        if key not in known:
            mistakes.append(unknown(f"{NAMESPACE}:{key}", key, [*known, *SECRETS]))
            continue
        try:
            parsed = json.loads(value) if isinstance(value, str) else value
        except ValueError:
            if key == "packs":  # a single path needs no brackets
                ours[key] = [value]
                continue
            mistakes.append(f"{full}: {value!r} is not an object or list; indent its keys below it in the stack file")
            continue
        if key == "palette":
            ours[key] = {} if parsed is None else parsed
        elif parsed not in ({}, None):
            ours[key] = parsed
    wrong: set[str] = set()
    try:
        Settings.model_validate(ours)
    except ValidationError as error:
        mistakes += dict.fromkeys(explain(dict(problem), Settings) for problem in error.errors())
        wrong = {str(problem["loc"][0]) for problem in error.errors() if problem["loc"]}
    # What is right by itself is compared with the rest even if something else is wrong.
    sound = {key: value for key, value in ours.items() if key not in wrong}
    registry = {"registry": _any(ours.get("registry"))} if "registry" not in sound else {}
    settings = Settings.model_validate({**registry, **sound})
    secrets = {key for key in SECRETS if config.get(f"{NAMESPACE}:{key}")}
    mistakes += across(settings, sound, wrong | registry.keys(), secrets, config.get("aws:region"))
    if settings.palette and environ is not None:
        mistakes += _of_environment(settings.palette, environ, has_key="paletteApiKey" in secrets)
    mistakes += [
        f"{NAMESPACE}:{key}: in plain text, in the stack file and then in state; replace it by a new one, and set that "
        f"with: pulumi config set --secret {NAMESPACE}:{key}"
        for key in sorted(secrets)
        if encrypted and not encrypted(f"{NAMESPACE}:{key}")
    ]
    if mistakes:
        raise SettingsError("the stack's config has mistakes:\n" + "\n".join(f"  {m}" for m in mistakes))
    return settings


def _of_environment(palette: PaletteSettings, environ: Mapping[str, str], *, has_key: bool) -> list[str]:
    mistakes = []
    if not has_key and not environ.get(KEY_VARIABLE):
        mistakes.append(
            f"{NAMESPACE}:paletteApiKey: missing for {NAMESPACE}:palette; set {KEY_VARIABLE} in the environment, or: "
            f"pulumi config set --secret {NAMESPACE}:paletteApiKey"
        )
    if palette.host is None and (problem := host_elsewhere(environ)):
        mistakes.append(f"{NAMESPACE}:palette: host: {problem}")
    return mistakes


def _any(wrong: object) -> dict[str, str]:
    """In place of a registry that is missing or has mistakes: one of the same kind, so that the rest isn't measured by
    the other kind's rules."""
    basic = isinstance(wrong, Mapping) and wrong.get("kind") == "basic"
    return {"kind": "basic", "basePath": "any", "host": "any"} if basic else {"kind": "ecr", "basePath": "any"}


def load_packs(packs: Sequence[Any]) -> tuple[PackSettings, ...]:
    """What a program says of its packs: paths, mappings as in a stack file, or PackSettings.

    Raises SettingsError with all mistakes.
    """
    try:
        return Settings.model_validate({"registry": {"kind": "ecr", "basePath": "any"}, "packs": packs}).packs
    except ValidationError as error:
        said = dict.fromkeys(
            explain(dict(problem), Settings).removeprefix(f"{NAMESPACE}:") for problem in error.errors()
        )
        raise SettingsError("\n".join(said)) from None
