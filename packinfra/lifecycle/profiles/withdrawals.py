"""Which cluster profiles use pack versions that are about to be withdrawn: Palette is asked before a tag is deleted.

A version whose tag is gone is invalid in every profile that has it. The profiles of this stack refuse that in preview, from
state (refusals.py); those of others are known to Palette alone, which is asked at `up`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from packinfra.lifecycle.profiles.write import ProfileRefused
from packinfra.lifecycle.run import Reporter
from packinfra.palette import PaletteClient
from packinfra.palette.errors import Forbidden
from packinfra.text import listed

_MOST = 10


def require_unused(
    client: PaletteClient, registry: str, packs: Mapping[str, Collection[str]], reporter: Reporter, *, only_warn: bool
) -> None:
    """Raises ProfileRefused if a profile of the tenant, or of a project that the API key's user sees, has one of the packs;
    PaletteError if Palette can't be asked.

    Args:
        registry: The name of the packs' registry in Palette.
        packs: Name -> the versions to withdraw.
        only_warn: Say it, and let them go.
    """
    found = client.find(registry)
    if found is None:  # nothing can refer to it
        return
    used, unasked = list[str](), list[str]()
    known: set[str] = set()  # the lists of all projects show the tenant's profiles too
    try:
        projects = client.projects()
    except Forbidden:
        projects, unasked = {}, ["all projects"]
    for name, uid in [("the tenant", ""), *((f"project {name}", uid) for name, uid in projects.items())]:
        try:
            used += [f"  {user} in {name}" for user in client.profiles(uid).users_of(found.uid, packs, known)]
        except Forbidden:
            unasked.append(name)
    if unasked:
        reporter.warning(
            f"whether cluster profiles of {listed(unasked)} use {_names(packs)} is not known: the API key's user may not "
            "list them; a profile that does becomes invalid"
        )
    if not used:
        return
    text = f"{_names(packs)} is to be withdrawn, but cluster profiles use it, and would become invalid:\n" + "\n".join(
        [*used[:_MOST], *([f"  and {len(used) - _MOST} more"] if len(used) > _MOST else [])]
    )
    if only_warn:
        reporter.warning(text)
        return
    raise ProfileRefused(
        f"{text}\n  -> take it out of these profiles first, in an up of its own if they are of this stack; or keep it. To "
        "withdraw it all the same: packinfra:palette: {withdrawUsed: true}"
    )


def _names(packs: Mapping[str, Collection[str]]) -> str:
    return listed([f"{pack} {listed(list(versions), 5)}" for pack, versions in packs.items()], 5)
