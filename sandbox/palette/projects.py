"""API keys, and the projects that their users see (palette/behaviour.md PAL-66 to 68, PAL-107)."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from sandbox.palette.errors import ApiError, not_found
from sandbox.palette.spec import Json


def uid_of(*names: str) -> str:
    """The same names have the same uid in every sandbox."""
    return hashlib.sha256("/".join(names).encode()).hexdigest()[:24]


class Key(NamedTuple):
    is_admin: bool  # its user is an admin of the tenant
    tenant: str
    projects: tuple[str, ...] | None = None  # the names of those that the user sees; None = all


@dataclass
class Projects:
    _made: dict[str, set[str]] = field(default_factory=dict)  # tenant -> names

    def make(self, name: str, tenant: str) -> str:
        self._made.setdefault(tenant, set()).add(name)
        return uid_of("project", tenant, name)

    def seen_by(self, key: Key) -> dict[str, str]:
        """Name -> uid."""
        names = {"Default", *self._made.get(key.tenant, ())}
        return {
            name: uid_of("project", key.tenant, name)
            for name in sorted(names)
            if key.projects is None or name in key.projects
        }

    def listed(self, key: Key, query: Mapping[str, str]) -> Json:
        seen = self.seen_by(key).items()
        items = [{"metadata": {"name": name, "uid": uid}} for name, uid in seen if query.get("name", "") in ("", name)]
        return {"items": items}

    def scope(self, key: Key, headers: Mapping[str, str], *, writes: bool) -> str:
        """The project of a request, "" for the tenant. Raises ApiError (PAL-67, PAL-68)."""
        project = headers.get("projectuid", "")
        if project and project not in self.seen_by(key).values():
            raise not_found(f"project {project}")
        if not project and writes and not key.is_admin:
            raise ApiError(403, "Forbidden", "the API key's user has no role in the tenant: set ProjectUid")
        return project
