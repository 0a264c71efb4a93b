"""Problems that only a comparison of several settings shows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from packinfra.aws.tags import tag_problems, tags_together_problems
from packinfra.palette.credentials import Kind
from packinfra.settings.artifacts import CHARTS
from packinfra.settings.model import NAMESPACE
from packinfra.settings.registry import BasicRegistry
from packinfra.settings.stack import PartialSettings

_SECRETS = {"secretKey": "paletteSecretKey", "password": "palettePassword"}


@dataclass(frozen=True)
class StackConfig:
    """A stack's config as far as it is valid."""

    settings: PartialSettings  # with defaults in place of invalid ones
    kind: Kind  # of the registry, even if it is invalid
    present: set[str]  # keys of valid settings in the stack file
    invalid: set[str]  # keys that nothing is compared with
    secrets: set[str]
    region: str | None
    default_tags: Mapping[str, str] = field(default_factory=dict)


def cross_check(stack: StackConfig) -> Iterator[str]:
    """Each problem, with the settings that don't fit together."""
    yield from _basic(stack) if stack.kind == "basic" else _ecr(stack)
    families = "packs", "charts", "policies", "artifacts", "copies"
    if not stack.invalid & {*families} and not any(getattr(stack.settings, family) for family in families):
        yield (
            f"{NAMESPACE}:packs: [] is wrong: name at least one pack, or something else to publish; to remove everything, use "
            "pulumi destroy"
        )
    if not stack.invalid & {"registry", "palette"}:
        yield from _palette(stack)
    if "profiles" in stack.present and not stack.settings.palette and "palette" not in stack.invalid:
        yield f"{NAMESPACE}:profiles: needs {NAMESPACE}:palette, which says where they are: add it: {{name: packs}}"


def _basic(stack: StackConfig) -> Iterator[str]:
    for key in ("repositories", "access"):
        if key in stack.present:
            yield f"{NAMESPACE}:{key}: only for kind: ecr; a basic registry has rules of its own: remove it"
    if isinstance(registry := stack.settings.registry, BasicRegistry):
        if registry.username and "registryPassword" not in stack.secrets:
            yield (
                f"{NAMESPACE}:registryPassword: missing for registry.username{_set_it('registryPassword')}. Or remove "
                "username and use the environment or docker login"
            )
        if "registryPassword" in stack.secrets and not registry.username:
            yield f"{NAMESPACE}:registry.username: missing for registryPassword"


def _ecr(stack: StackConfig) -> Iterator[str]:
    repositories, region = stack.settings.repositories, stack.region
    if "registryPassword" in stack.secrets and "registry" not in stack.invalid:
        yield f"{NAMESPACE}:registryPassword: only for kind: basic; AWS provides ECR's credentials: remove it"
    if not region:
        yield "aws:region: missing; set the registry's region, for example: aws:region: eu-west-1"
    if defaults := stack.default_tags:
        yield from (f"aws:defaultTags: {problem}" for problem in tag_problems(defaults))
        if "repositories" not in stack.invalid:
            together = tags_together_problems(repositories.tags, defaults)
            yield from (f"{NAMESPACE}:repositories.tags: {problem}" for problem in together)
    immutable = repositories.immutable and not repositories.except_tags and "repositories" not in stack.invalid
    for key, overwritten in _overwritten(stack.settings).items():
        if overwritten and immutable:
            yield (
                f"{NAMESPACE}:{key}: {', '.join(overwritten)} has overwrite: true, but repositories.immutable is true and "
                "ECR never moves an immutable tag: set one of the two to false"
            )
    if region and repositories.kms_key and (key_region := repositories.kms_key.split(":")[3]) != region:
        yield (
            f"{NAMESPACE}:repositories.kmsKey: the key is in {key_region}, but aws:region is {region}: ECR accepts "
            "only a key of its own region"
        )


def _overwritten(settings: PartialSettings) -> dict[str, list[str]]:
    """Key -> the entries with overwrite."""
    return {
        "packs": [pack.path for pack in settings.packs if pack.overwrite],
        "charts": [chart.path for chart in settings.charts if chart.overwrite],
        "policies": [policy.name for policy in settings.policies if policy.overwrite],
        "artifacts": [artifact.name for artifact in settings.artifacts if artifact.overwrite],
        "copies": [copy.to for copy in settings.copies if copy.overwrite],
    }


def _palette(stack: StackConfig) -> Iterator[str]:
    secrets = {key for key, secret in _SECRETS.items() if secret in stack.secrets}
    if palette := stack.settings.palette:
        charts = stack.settings.charts or [copy for copy in stack.settings.copies if copy.to.startswith(f"{CHARTS}/")]
        if palette.helm and not charts and not stack.invalid & {"charts", "copies"}:
            yield (
                f"{NAMESPACE}:palette.helm: there are no charts to register: add {NAMESPACE}:charts, or copies below "
                f"{CHARTS}/, or remove helm"
            )
        if palette.helm and palette.helm.name == palette.name:
            yield f"{NAMESPACE}:palette.helm.name: the registry of packs has this name: a name is unique in Palette"
        hints = {key: _set_it(secret) for key, secret in _SECRETS.items()}
        yield from palette.credential_problems(stack.kind, secrets, _name, hints)
    else:  # the API key may stay: `up` needs it to delete the registration
        for key in sorted(secrets):
            yield f"{_name(key)}: unused without {NAMESPACE}:palette: add that, or remove the secret"


def _name(key: str) -> str:
    return f"{NAMESPACE}:{_SECRETS.get(key) or f'palette.{key}'}"


def _set_it(secret: str) -> str:
    return f"; set it: pulumi config set --secret {NAMESPACE}:{secret}"
