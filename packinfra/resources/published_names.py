"""PublishedNames: the names that a component has published, as a Pulumi resource."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Any, NamedTuple

import pulumi
from pulumi.dynamic import Resource

from packinfra.providers import PublishedNamesProvider
from packinfra.resources._inputs import given, own_urn


class VersionsOfName(NamedTuple):
    """The program's settings and versions of one name.

    versions: those that it holds now; unpublish: those to withdraw; keep: how many to keep in all, None = all
    """

    versions: Sequence[str]
    unpublish: Collection[str] = ()
    keep: int | None = None


class PublishedNames(Resource, module="packinfra", name="PublishedNames"):
    """The names of packs, and of other artifacts, that a component publishes, so that none leaves the program by accident.

    If the program no longer has a name that an earlier run published, `pulumi preview` and `up` fail, unless `removed`
    has it. The resources that publish must not be registered before this one: see `registered`.

    Args:
        name: logical name: the component's.
        family: "packs".
        names: name -> its versions.
        removed: names that the user removes.
        palette: where the registry is registered: its name there (`registry`), `host`, `caFile`, `withdrawUsed`. Before a
            version is withdrawn, Palette is then asked for cluster profiles that use it; None = it isn't.
        artifacts, removed_artifacts: the same for charts, policies and artifacts, by their repositories' paths.
        copies, removed_copies: the same for copies, by what `to` says.
    """

    def __init__(
        self,
        name: str,
        *,
        family: str,
        names: Mapping[str, VersionsOfName],
        removed: Sequence[str] = (),
        artifacts: Mapping[str, VersionsOfName] | None = None,
        removed_artifacts: Sequence[str] = (),
        palette: Mapping[str, Any] | None = None,
        copies: Mapping[str, VersionsOfName] | None = None,
        removed_copies: Sequence[str] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        props = {
            "family": family,
            "sources": _sources(names),
            "removed": list(removed),
            **given(
                artifacts=_sources(artifacts) if artifacts else None,
                removedArtifacts=list(removed_artifacts) or None,
                palette=dict(palette) if palette else None,
                copies=_sources(copies) if copies else None,
                removedCopies=list(removed_copies) or None,
            ),
            "ownUrn": own_urn(self, name, opts),
        }
        super().__init__(PublishedNamesProvider(), name, props, opts)

    def registered(self, depends_on: Sequence[pulumi.Resource] = ()) -> Awaitable[Sequence[pulumi.Resource]]:
        """`depends_on`, for the options of resources that must wait until this one's check has passed. The engine records
        no dependency on this one: with such a dependency, --target would have to name it too."""

        async def wait() -> Sequence[pulumi.Resource]:
            await self.urn.future()
            return depends_on

        return asyncio.ensure_future(wait())  # not the coroutine: the SDK awaits it several times


def _sources(names: Mapping[str, VersionsOfName]) -> dict[str, Any]:
    return {
        name: {
            "versions": list(of.versions),
            **given(unpublish=sorted(of.unpublish) or None, keepVersions=of.keep),
        }
        for name, of in names.items()
    }
