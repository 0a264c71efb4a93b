"""The RemovalCheck of EcrPackRegistry."""

from __future__ import annotations

import asyncio

import pulumi

from packinfra.components._existing import existing
from packinfra.components._futures import item, value
from packinfra.components._iam import Iam
from packinfra.components._packs import PublishedPacks, SelectedPacks
from packinfra.components._registry import Published
from packinfra.components._repositories import EcrRepositories
from packinfra.lifecycle.artifacts.selection import SelectedArtifacts
from packinfra.lifecycle.publishing.state import FOREIGN
from packinfra.lifecycle.registry_access import EcrAccess
from packinfra.resources.removal_check import RemovalCheck

_Adopted = dict[str, list[str]]
"""Pack name -> versions."""


def declare_removal_check(
    component: pulumi.Resource,
    base_repository_url: pulumi.Input[str],
    *,
    ecr: EcrRepositories,
    iam: Iam,
    packs: SelectedPacks,
    artifacts: SelectedArtifacts,
    published: Published,
    registry_access: EcrAccess | None,
) -> None:
    """Call it after everything whose deletion AWS may refuse is declared: its dependencies are deleted after it."""
    both = asyncio.ensure_future(_adopted(packs, published.packs))
    stays, goes = asyncio.ensure_future(item(both, 0)), asyncio.ensure_future(item(both, 1))
    RemovalCheck(
        ecr.name,
        repository=base_repository_url,
        owns_base=ecr.settings.base_repository == "create",
        packs=list(packs.packs),
        policies=list(iam.policies.values()),
        roles=[role.name for role in iam.roles],
        force_delete=ecr.settings.force_delete,
        adopted=stays,
        delete_adopted=goes,
        artifacts=asyncio.ensure_future(published.artifacts.digests(artifacts, ecr.base_path))
        if published.artifacts.resources
        else None,
        copies=asyncio.ensure_future(published.copies.digests(ecr.base_path)) if published.copies.resources else None,
        registry_access=registry_access,
        # The packs as dependencies of an Output, not as items: the SDK makes an Output of each item, see publish().
        opts=pulumi.ResourceOptions(
            parent=component,
            depends_on=pulumi.Output(
                published.packs.packs.resources(),
                _dependencies(published, [*ecr.policies, *iam.attachments]),
                value(True),
            ),
        ),
    )


async def _dependencies(published: Published, others: list[pulumi.Resource]) -> list[pulumi.Resource]:
    return [
        *others,
        *(await existing(published.artifacts.resources)).values(),
        *(await existing(published.copies.resources)).values(),
    ]


async def _adopted(selected: SelectedPacks, published: PublishedPacks) -> tuple[_Adopted, _Adopted]:
    """(the adopted versions that destroy leaves in place, those that it removes: deleteAdopted)"""
    stays, goes = _Adopted(), _Adopted()
    for pack in await published.packs.future() or ():
        name = str(await pack.repository.future()).rpartition("/")[2]
        records = await pack.versions.future() or {}
        # Adopted with our own digest (after a run that was killed): destroy removes it as any other.
        if adopted := sorted(version for version, record in records.items() if record.get("codec") == FOREIGN):
            (goes if selected.settings[name].delete_adopted else stays)[name] = adopted
    return stays, goes
