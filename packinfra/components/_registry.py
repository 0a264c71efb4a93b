"""The base of both registry components: outputs, exports, and the check of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from types import EllipsisType
from typing import Any, NamedTuple

import pulumi
from pydantic.alias_generators import to_camel

from packinfra.components._artifacts import PublishedArtifacts
from packinfra.components._copies import CopiedArtifacts
from packinfra.components._packs import PublishedPacks
from packinfra.settings.messages import show

_OUTPUTS = (
    "endpoint", "base_path", "repositories", "versions", "artifacts", "copies", "publisher_policy_arn", "pusher_policy_arn",
    "reader_policy_arn", "ci_role_arn", "reader_role_arn", "palette_registry_uid", "profiles",
    "palette_helm_registry_uid",
)  # fmt: skip


class Published(NamedTuple):
    """What a component publishes, of each family."""

    packs: PublishedPacks
    artifacts: PublishedArtifacts
    copies: CopiedArtifacts


class PackRegistry(pulumi.ComponentResource):
    """Base of EcrPackRegistry and BasicPackRegistry, which describe the outputs."""

    endpoint: pulumi.Output[str]
    base_path: pulumi.Output[str]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]
    artifacts: pulumi.Output[dict[str, dict[str, Any]]] | None = None
    copies: pulumi.Output[dict[str, dict[str, Any]]] | None = None
    palette_registry_uid: pulumi.Output[str] | None = None
    profiles: pulumi.Output[dict[str, dict[str, str]]] | None = None
    palette_helm_registry_uid: pulumi.Output[str] | None = None
    exports: dict[str, pulumi.Output[Any]]

    def __init__(self, kind: str, name: str, opts: pulumi.ResourceOptions | None) -> None:
        super().__init__(kind, name, {}, _with_aliases_for_children(kind, name, opts))

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _set_published(self, published: Published) -> None:
        packs, artifacts, copies = published
        self.repositories = copies.beside(packs.repositories, "repository")
        self.versions = copies.beside(packs.versions, "versions")
        self.artifacts = artifacts.output() if artifacts.resources else None
        self.copies = copies.output() if copies.resources else None

    def _register_outputs(self) -> None:
        values = {to_camel(name): getattr(self, name, None) for name in _OUTPUTS}
        self.exports = {name: value for name, value in values.items() if value is not None}
        self.register_outputs(self.exports)


def _with_aliases_for_children(
    kind: str, name: str, opts: pulumi.ResourceOptions | None
) -> pulumi.ResourceOptions | None:
    """Options that give each child an alias for each of the component's.

    Children inherit aliases by themselves, but only in the run in which the engine finds the component by its alias
    (generateAliases in its step_generator.go). After a run that failed halfway it would create the other children anew,
    and delete the old ones with the versions that no folder holds any more.
    """
    if not (opts and opts.aliases):
        return opts
    former = [
        _former(alias, name, kind, opts.parent) for alias in opts.aliases if isinstance(alias, str | pulumi.Alias)
    ]

    def add(args: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult | None:
        if args.type_ == kind and args.name == name:
            return None
        suffix = args.name.removeprefix(name)
        aliases = [pulumi.Alias(name=f"{old}{suffix}", parent=urn) for old, urn in former]
        args.opts.aliases = [*(args.opts.aliases or []), *aliases]
        return pulumi.ResourceTransformationResult(args.props, args.opts)

    return pulumi.ResourceOptions.merge(pulumi.ResourceOptions(transformations=[add]), opts)


def _former(
    alias: str | pulumi.Alias, name: str, kind: str, parent: pulumi.Resource | None
) -> tuple[str, pulumi.Input[str]]:
    """(the former name; the former URN). A part that an Alias leaves out is an Ellipsis: as it is now."""
    if isinstance(alias, str):
        return alias.rpartition("::")[2], alias
    old = alias.name if isinstance(alias.name, str) else name
    old_kind = alias.type_ if isinstance(alias.type_, str) else kind
    return old, pulumi.create_urn(old, old_kind, parent if isinstance(alias.parent, EllipsisType) else alias.parent)


def valid_or_error(argument: str, value: str, validate: Callable[[str], str]) -> str:
    """`validate(value)`, or a RunError, which the engine shows without a traceback."""
    try:
        return validate(value)
    except ValueError as error:
        raise pulumi.RunError(f"{argument}: {show(value)} is wrong: {error}") from None
