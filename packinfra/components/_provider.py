"""What an explicit AWS provider says about identity, accounts and the way to AWS.

Pushes run outside of that provider, so they have to be told. The SDK's provider object shows its plain texts only, no
roles and no lists, but the engine has all of it: `ResourceOptions.urn` reads a resource that is registered already.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Any

import pulumi

from packinfra.aws.config import read
from packinfra.aws.config_keys import IDENTITY, READ, SECRET
from packinfra.aws.tags import tag_problems, tags_together_problems
from packinfra.components._futures import item, value

_REPOSITORY = "aws:ecr/repository:Repository"


def provider_config(
    component: pulumi.Resource, tags: Mapping[str, str], *, own_identity: bool
) -> pulumi.Output[str] | None:
    """The configuration of the component's explicit AWS provider as JSON, with what a push reads of it, without secrets;
    None with the stack's own provider.

    Awaiting it raises pulumi.RunError for keys that can't be used, or that are secret, since inputs hold no secrets.

    Args:
        tags: Those of the repositories, which are judged together with the provider's defaultTags.
        own_identity: The component was told another identity for pushes, so that of the provider is left out.
    """
    provider = component.get_provider(_REPOSITORY)
    if provider is None:
        return None
    keys = [key for key in READ if key != "region" and not (own_identity and key in IDENTITY)]
    found = asyncio.ensure_future(_read(provider, keys, tags))
    return pulumi.Output({provider}, item(found, 0), value(True), item(found, 1))


class _ProviderState(pulumi.CustomResource):
    """The provider as the engine has it, with the names of its schema. It registers nothing."""

    def __init__(self, urn: str, keys: Sequence[str]) -> None:
        super().__init__("pulumi:providers:aws", "state", dict.fromkeys(keys), pulumi.ResourceOptions(urn=urn))


async def _read(provider: pulumi.ProviderResource, keys: Sequence[str], tags: Mapping[str, str]) -> tuple[str, bool]:
    """(the JSON text, whether a part of it is secret)"""
    state = _ProviderState(str(await provider.urn.future()), keys)
    values, secret = {}, False
    for key in keys:
        output: pulumi.Output[Any] = getattr(state, key)
        # In a preview the SDK calls unknown what is absent. So a role that the same `up` creates is missing until then.
        if await output.is_known() and (plain := await output.future()) not in (None, ""):
            values[key] = plain
            secret = secret or await output.is_secret()
    return checked_json(values, tags), secret


def check_stack(tags: Mapping[str, str]) -> None:
    """Raises pulumi.RunError with every problem of the stack's own `aws:` config, and of `tags` beside its defaultTags."""
    _check("the stack's AWS configuration", pulumi.runtime.config.CONFIG.get(), tags)


def _check(whose: str, values: Mapping[str, Any], tags: Mapping[str, str]) -> None:
    config, problems = read(values)
    problems += config.missing_files()
    problems += [f"aws:defaultTags: {problem}" for problem in tag_problems(config.default_tags)]
    problems += [f"tags: {problem}" for problem in tags_together_problems(tags, config.default_tags)]
    if problems:
        raise pulumi.RunError(f"{whose} has problems:\n" + "\n".join(f"  {problem}" for problem in problems))


def checked_json(values: Mapping[str, Any], tags: Mapping[str, str]) -> str:
    """`values` of a provider as JSON text. Raises pulumi.RunError with every problem of them."""
    secrets = sorted(SECRET & values.keys())
    web_identity = values.get("assumeRoleWithWebIdentity")
    if web_identity and "webIdentityToken" in (json.loads(web_identity) or {}):
        secrets.append("assumeRoleWithWebIdentity.webIdentityToken")
    if secrets:
        raise pulumi.RunError(
            f"the component's AWS provider has {', '.join(secrets)}. Packs are pushed outside of that provider, and "
            "secrets never become inputs of a resource\n  -> give the component profile or publisher_role_arn, or "
            "configure the provider with a profile, roles or a token file"
        )
    _check("the component's AWS provider", {f"aws:{key}": value for key, value in values.items()}, tags)
    return json.dumps(values, sort_keys=True)
