"""A stack's whole config -> Settings, or every problem in it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from packinfra.aws.config import read as read_aws
from packinfra.palette.host import KEY_VARIABLE, host_elsewhere
from packinfra.settings.cross_checks import StackConfig, cross_check
from packinfra.settings.messages import explain
from packinfra.settings.model import NAMESPACE, SettingsError
from packinfra.settings.palette import PaletteSettings
from packinfra.settings.profiles import ProfileSettings
from packinfra.settings.registry import kind_of
from packinfra.settings.stack import PartialSettings, Settings
from packinfra.text import no_such_key

SECRETS = ("registryPassword", "paletteApiKey", "paletteLogin", "paletteSecretKey", "palettePassword")
"""Keys of secrets. Only their presence is checked."""


def load(
    config: Mapping[str, Any],
    *,
    environ: Mapping[str, str] | None = None,
    encrypted: Callable[[str], bool] | None = None,
) -> Settings:
    """Validates a stack's whole config.

    An empty object counts as absent, except for packinfra:palette: without it, `up` would delete the registration.

    Args:
        config: All keys with their namespace, such as "packinfra:registry". Objects may be JSON text: the engine
            passes them so.
        environ: The environment, which may have Palette's API key; None = don't check it, nor files of this machine.
        encrypted: Says whether the value of a key is encrypted; None = don't check.

    Raises:
        SettingsError: With every problem.
    """
    values, problems = _parse(config)
    settings, errors, invalid = _validate(values)
    secrets = {key for key in SECRETS if config.get(f"{NAMESPACE}:{key}")}
    kind, region = kind_of(values.get("registry")), config.get("aws:region")
    problems += errors
    aws, aws_problems = read_aws(config)
    if kind == "ecr":
        problems += aws_problems + (aws.missing_files() if environ is not None else [])
    present = values.keys() - invalid
    problems += cross_check(StackConfig(settings, kind, present, invalid, secrets, region, aws.default_tags))
    if settings.palette and environ is not None:
        problems += _check_environment(
            settings.palette, environ, has_key=bool({"paletteApiKey", "paletteLogin"} & secrets)
        )
    problems += [
        f"{NAMESPACE}:{key}: in plain text, in the stack file and then in state; replace it by a new one, and set that "
        f"with: pulumi config set --secret {NAMESPACE}:{key}"
        for key in sorted(secrets)
        if encrypted and not encrypted(f"{NAMESPACE}:{key}")
    ]
    if encrypted and not encrypted(f"{NAMESPACE}:profiles"):
        problems += _plain_defaults(settings.profiles)
    if problems:
        raise SettingsError("the stack's config has problems:\n" + "\n".join(f"  {problem}" for problem in problems))
    return Settings.model_validate(values)


def load_packs(packs: Sequence[Any], removed: Sequence[str] = ()) -> PartialSettings:
    """Validates a program's packs: paths, mappings as in a stack file, or PackSettings; and the names of those that it
    removes. Raises SettingsError."""
    return _load({"packs": packs, "removedPacks": removed})


def load_artifacts(
    charts: Sequence[Any], policies: Sequence[Any], artifacts: Sequence[Any], removed: Sequence[str] = ()
) -> PartialSettings:
    """Likewise for charts, policies and other artifacts. Raises SettingsError."""
    return _load({"charts": charts, "policies": policies, "artifacts": artifacts, "removedArtifacts": removed})


def load_copies(copies: Sequence[Any], removed: Sequence[str] = ()) -> PartialSettings:
    """Likewise for copies. Raises SettingsError."""
    return _load({"copies": copies, "removedCopies": removed})


def load_profiles(profiles: Mapping[str, Any]) -> Mapping[str, ProfileSettings]:
    """Validates a program's profiles: mappings as in a stack file, or ProfileSettings. Raises SettingsError."""
    return _load({"profiles": profiles}).profiles


def _load(values: Mapping[str, Any]) -> PartialSettings:
    try:
        return PartialSettings.model_validate(values)
    except ValidationError as error:
        problems = (text.removeprefix(f"{NAMESPACE}:") for text in explain(error, PartialSettings))
        raise SettingsError("\n".join(problems)) from None


def _parse(config: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """(the values of our keys but secrets and empty objects, parsed; the unknown keys, as problems)"""
    values: dict[str, Any] = {}
    problems = []
    known = [to_camel(name) for name in Settings.model_fields]
    for full, value in config.items():
        namespace, _, key = full.partition(":")
        if namespace != NAMESPACE or key in SECRETS:
            continue
        if key not in known:
            problems.append(f"{full}: {no_such_key(key, [*known, *SECRETS])}")
            continue
        parsed = value
        with suppress(ValueError, TypeError):  # neither JSON nor text
            parsed = json.loads(value)
        if key in ("packs", "charts") and isinstance(parsed, str):  # a single path needs no brackets
            parsed = [parsed]
        if key == "palette":
            values[key] = {} if parsed is None else parsed
        elif parsed not in ({}, None):
            values[key] = parsed
    return values, problems


def _validate(values: Mapping[str, Any]) -> tuple[PartialSettings, list[str], set[str]]:
    """(the valid settings; the problems of the others, and their keys)"""
    try:
        return Settings.model_validate(values), [], set()
    except ValidationError as error:
        invalid = {str(details["loc"][0]) for details in error.errors() if details["loc"]}
        valid = {key: value for key, value in values.items() if key not in invalid}
        return PartialSettings.model_validate(valid), explain(error, Settings), invalid


def _plain_defaults(profiles: Mapping[str, ProfileSettings]) -> Iterator[str]:
    for name, profile in profiles.items():
        for variable, of in profile.variables.items():
            if of.sensitive and of.default:
                path = f"{NAMESPACE}:profiles.{name}.variables.{variable}.default"
                yield (
                    f"{path}: in plain text, in the stack file and then in state, though it is sensitive; replace it by a new "
                    f"one, and set that with: pulumi config set --secret --path '{path}'"
                )


def _check_environment(palette: PaletteSettings, environ: Mapping[str, str], *, has_key: bool) -> Iterator[str]:
    if not has_key and not environ.get(KEY_VARIABLE):
        yield (
            f"{NAMESPACE}:paletteApiKey: missing for {NAMESPACE}:palette; set {KEY_VARIABLE} in the environment, or: "
            f"pulumi config set --secret {NAMESPACE}:paletteApiKey"
        )
    if palette.host is None and (problem := host_elsewhere(environ)):
        yield f"{NAMESPACE}:palette: host: {problem}"
