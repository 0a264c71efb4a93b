"""Mistakes that show only when two settings are compared."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from collections.abc import Set as AbstractSet
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_snake

from packinfra.settings.model import NAMESPACE
from packinfra.settings.palette import PaletteSettings

if TYPE_CHECKING:
    from packinfra.settings.loading import Settings

_OF_KIND = {
    "ecr": ("paletteSecretKey", ("accessKeyId", "roleArn")),
    "basic": ("palettePassword", ("username", "registryCaFile")),
}
"""What packinfra:palette says only for this kind of registry: the secret, and the keys, first the one it belongs to."""


def across(
    settings: Settings, given: Collection[str], unsure: AbstractSet[str], secrets: Collection[str], region: str | None
) -> list[str]:
    """
    given:   which settings the stack has and are right by themselves
    unsure:  which are missing or wrong, so that nothing can be said by comparing with them
    secrets: which secrets the stack has
    """
    kind = settings.registry.kind
    mistakes = [*(_basic(given) if kind == "basic" else _ecr(settings, region))]
    if kind == "basic" and "registry" not in unsure:
        mistakes += _password(settings, secrets)
    if kind == "ecr" and "registry" not in unsure and "registryPassword" in secrets:
        mistakes.append(f"{NAMESPACE}:registryPassword: only for kind: basic; ECR's login comes from AWS: remove it")
    if not unsure & {"registry", "palette"}:
        mistakes += _palette(settings.palette, kind, secrets)
    return mistakes


def _basic(given: Collection[str]) -> Iterator[str]:
    for key in ("repositories", "access"):
        if key in given:
            yield f"{NAMESPACE}:{key}: only for kind: ecr; a basic registry keeps its own rules: remove it"


def _password(settings: Settings, secrets: Collection[str]) -> Iterator[str]:
    if settings.registry.username and "registryPassword" not in secrets:
        yield (
            f"{_missing('registryPassword', 'registry.username')}. Or remove username and use the environment or docker "
            "login"
        )
    if "registryPassword" in secrets and not settings.registry.username:
        yield f"{NAMESPACE}:registry.username: missing; registryPassword is the password of nobody"


def _ecr(settings: Settings, region: str | None) -> Iterator[str]:
    repositories = settings.repositories
    if not region:
        yield "aws:region: missing; say in which region the registry is, for example: aws:region: eu-west-1"
    overwritten = [pack.path for pack in settings.packs if pack.overwrite]
    if overwritten and repositories.immutable and not repositories.except_tags:
        yield (
            f"{NAMESPACE}:packs: {', '.join(overwritten)} has overwrite: true, but repositories.immutable is true and "
            "ECR never moves an immutable tag: set one of the two to false"
        )
    if region and repositories.kms_key and repositories.kms_key.split(":")[3] != region:
        yield (
            f"{NAMESPACE}:repositories.kmsKey: the key is in {repositories.kms_key.split(':')[3]}, but aws:region is "
            f"{region}: ECR takes a key of its own region"
        )


def _palette(palette: PaletteSettings | None, kind: str, secrets: Collection[str]) -> Iterator[str]:
    if not palette:
        # The API key may stay: without it, `up` could not take the registration out of Palette.
        for secret in sorted({secret for secret, _ in _OF_KIND.values()} & {*secrets}):
            yield f"{NAMESPACE}:{secret}: of no use without {NAMESPACE}:palette: add that, or remove it"
        return
    for of_kind, (secret, keys) in _OF_KIND.items():
        login, given = keys[0], [key for key in keys if getattr(palette, to_snake(key))]
        if of_kind != kind:
            for key in (*(f"palette.{key}" for key in given), *({secret} & {*secrets})):
                yield f"{NAMESPACE}:{key}: not for kind: {kind}: remove it"
        elif login in given and secret not in secrets:
            yield _missing(secret, f"palette.{login}")
        elif login not in given and secret in secrets:
            yield f"{NAMESPACE}:palette.{login}: missing; {secret} belongs to nobody"
        elif login not in given and kind == "basic":
            yield f"{NAMESPACE}:palette.{login}: missing; Palette reads no pack registry without authentication"


def _missing(secret: str, key: str) -> str:
    return f"{NAMESPACE}:{secret}: missing for {key}; set it: pulumi config set --secret {NAMESPACE}:{secret}"
