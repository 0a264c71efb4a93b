"""Cluster profiles: their requests. Rows PAL-66 to PAL-102 are those of ``behaviour.md``."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.asgi import Response
from sandbox.palette import profile_rules as rules
from sandbox.palette.errors import ApiError, invalid, not_found
from sandbox.palette.overrides import Overrides
from sandbox.palette.profile_state import Profile, texts
from sandbox.palette.projects import Projects
from sandbox.palette.routes import Call, route
from sandbox.palette.spec import Json, name_of
from sandbox.palette.state import Registry

_PATH = "/v1/clusterprofiles"
_TYPES = ("cluster", "infra", "add-on", "system")


@dataclass
class Profiles:
    projects: Projects
    overrides: Overrides
    registries: Callable[[str], list[Registry]]  # of a tenant, the public one included
    _all: dict[str, Profile] = field(default_factory=dict)

    def set_clusters(self, uid: str, clusters: Any) -> None:
        """PAL-103. Raises ValueError or TypeError."""
        if uid not in self._all:
            raise ValueError(f"there is no profile {uid}")
        if not isinstance(clusters, list):
            raise TypeError("clusters are a list of objects with uid, name and projectUid")
        self._all[uid].clusters = [
            {name: str(each.get(name) or "") for name in ("uid", "name", "projectUid")} for each in clusters
        ]

    # ---- profiles ---------------------------------------------------------------------------------------------------

    async def create(self, call: Call) -> Response:
        spec = call.data.get("spec")
        template = spec.get("template") if isinstance(spec, dict) else None
        if not isinstance(spec, dict) or not isinstance(template, dict):
            raise invalid("spec.template is required")
        about = texts(template, "spec.template", "type", "cloudType")
        type_, cloud = about.get("type") or "cluster", about.get("cloudType") or ""
        if type_ not in _TYPES or not cloud:
            raise invalid(f"spec.template.type must be one of {', '.join(_TYPES)}, cloudType is required")
        profile = self._new(call, texts(spec, "spec", "version").get("version") or "1.0.0", type_, cloud)
        packs = rules.checked_packs(template.get("packs"))
        self._check(call, packs, type_, cloud)
        profile.variables = [] if self.overrides.ignores_variables else rules.checked_variables(spec.get("variables"))
        if not self.overrides.ignores_variables:
            rules.undefined(packs, profile.variables)
        profile.write(packs)
        if call.request.query.get("publish") == "true":
            profile.publish()
        self._all[profile.uid] = profile
        return Response.json(201, {"uid": profile.uid})

    def _new(self, call: Call, version: str, type_: str, cloud: str) -> Profile:
        metadata, project = call.data.get("metadata"), self._scope(call)
        name = name_of(metadata)
        profile = Profile(call.tenant, project, name, version, type_, cloud, _notes(metadata))
        self._check_name(profile)
        return profile

    def _check_name(self, profile: Profile) -> None:
        """PAL-73 to 75."""
        if not rules.SEMVER.fullmatch(profile.version):
            raise ApiError(400, "InvalidProfileVersion", f"version {profile.version} is not a semantic version")
        for other in self._siblings(profile):
            if other.uid != profile.uid and other.version == profile.version:
                text = f"cluster profile {profile.name} with version {profile.version} already exists"
                raise ApiError(409, "ClusterProfileAlreadyExists", text)
            if (other.type, other.cloud) != (profile.type, profile.cloud):
                text = f"cluster profile {profile.name} is of type {other.type} for {other.cloud}"
                raise ApiError(409, "ClusterProfileTypeMismatch", text)

    def _siblings(self, profile: Profile) -> list[Profile]:
        where = profile.tenant, profile.project, profile.name
        return [each for each in self._all.values() if (each.tenant, each.project, each.name) == where]

    async def read(self, call: Call) -> Response:
        profile = self._profile(call)
        shown = profile.shown(self._siblings(profile), lambda pack: self._invalid(call, pack), self.overrides)
        return Response.json(200, shown)

    async def update(self, call: Call) -> Response:
        profile, spec = self._profile(call, writes=True), call.data.get("spec")
        template = spec.get("template") if isinstance(spec, dict) else None
        if not isinstance(spec, dict) or not isinstance(template, dict):
            raise invalid("spec.template is required")
        if (template.get("type") or profile.type) != profile.type:
            raise invalid("spec.template.type cannot be changed")
        packs = rules.checked_packs(template.get("packs"))
        self._check(call, packs, profile.type, profile.cloud)
        rules.undefined(packs, profile.variables)
        self._rename(profile, call)
        profile.write(packs)
        return Response(204)

    async def metadata(self, call: Call) -> Response:
        profile = self._profile(call, writes=True)
        self._rename(profile, call)
        profile.notes = {**profile.notes, **_notes(call.data.get("metadata"))}
        return Response(204)

    def _rename(self, profile: Profile, call: Call) -> None:
        """PAL-83."""
        before = profile.name, profile.version
        metadata, spec = call.data.get("metadata") or {}, call.data.get("spec") or {}
        profile.name = texts(metadata, "metadata", "name").get("name") or profile.name
        profile.version = texts(spec, "spec", "version").get("version") or profile.version
        try:
            self._check_name(profile)
        except ApiError:
            profile.name, profile.version = before
            raise

    async def publish(self, call: Call) -> Response:
        profile = self._profile(call, writes=True)
        if profile.draft is not None:
            rules.undefined(profile.draft, profile.variables)
            self._check(call, profile.draft, profile.type, profile.cloud)
            profile.publish()
        elif self.overrides.strict_publish:
            raise ApiError(400, "NoDraftToPublish", f"cluster profile {profile.name} has no draft")
        return Response(204)

    async def clone(self, call: Call) -> Response:
        profile = self._profile(call)
        metadata = call.data.get("metadata")
        name, version = name_of(metadata), texts(metadata, "metadata", "version").get("version") or profile.version
        twin = profile.copy_as(name, version, self._scope(call))
        self._check_name(twin)
        self._all[twin.uid] = twin
        return Response.json(201, {"uid": twin.uid})

    async def delete(self, call: Call) -> Response:
        profile = self._profile(call, writes=True)
        if profile.clusters and not self.overrides.deletes_in_use:
            names = ", ".join(cluster["name"] for cluster in profile.clusters)
            raise ApiError(409, "ClusterProfileInUse", f"cluster profile {profile.name} is in use by {names}")
        del self._all[profile.uid]
        return Response(204)

    async def listed(self, call: Call) -> Response:
        """PAL-90."""
        project = self._scope(call, writes=False)
        items = [
            {
                "metadata": {"name": each.name, "uid": each.uid},
                "spec": {"version": each.version, "cloudType": each.cloud},
            }
            for each in self._all.values() if each.tenant == call.tenant and each.project in ("", project)
        ]  # fmt: skip
        return Response.json(200, {"items": items})

    async def manifests(self, call: Call) -> Response:
        manifests = self._profile(call).manifests(call.name)
        if manifests is None:
            raise not_found(f"pack {call.name} in cluster profile {call.uid}")
        return Response.json(200, manifests)

    async def validate(self, call: Call) -> Response:
        """PAL-92."""
        about = texts(call.data, "the template", "type", "cloudType")
        packs = rules.checked_packs(call.data.get("packs"))
        found = self._problems(call, packs, about.get("type") or "cluster", about.get("cloudType") or "")
        names = [*dict.fromkeys(pack["name"] for pack in packs), *([""] if any(not each[0] for each in found) else [])]
        results = [
            {"name": name, "errors": [{"code": c, "message": m} for pack, c, m in found if pack == name]}
            for name in names
        ]
        return Response.json(200, {"packs": {"results": results}})

    # ---- variables --------------------------------------------------------------------------------------------------

    async def variables(self, call: Call) -> Response:
        return Response.json(200, self._profile(call).shown_variables())

    async def put_variables(self, call: Call) -> Response:
        return self._set_variables(call, rules.checked_variables(call.data.get("variables")))

    async def patch_variables(self, call: Call) -> Response:
        changed = {each["name"]: each for each in rules.checked_variables(call.data.get("variables"))}
        old = {each["name"]: each for each in self._profile(call).variables}
        return self._set_variables(call, list({**old, **changed}.values()))

    async def delete_variables(self, call: Call) -> Response:
        names = call.data.get("variables")
        if not isinstance(names, list):
            raise invalid("variables must be a list of names")
        return self._set_variables(call, [each for each in self._profile(call).variables if each["name"] not in names])

    def _set_variables(self, call: Call, variables: list[Json]) -> Response:
        profile = self._profile(call, writes=True)
        rules.undefined(profile.published, rules.checked_variables(variables))
        profile.variables = variables
        return Response(204)

    # ---- common -----------------------------------------------------------------------------------------------------

    def _scope(self, call: Call, *, writes: bool = True) -> str:
        return self.projects.scope(call.key, call.request.headers, writes=writes)

    def _profile(self, call: Call, *, writes: bool = False) -> Profile:
        """PAL-91."""
        project = self._scope(call, writes=writes)
        profile = self._all.get(call.uid)
        if profile is None or profile.tenant != call.tenant or profile.project not in ("", project):
            raise not_found(f"cluster profile {call.uid}")
        if writes and profile.project != project:
            raise ApiError(403, "Forbidden", "the cluster profile belongs to the tenant")
        return profile

    def _invalid(self, call: Call, pack: Json) -> str:
        """PAL-80."""
        if pack.get("type") == "manifest":
            return ""
        registry = next((each for each in self.registries(call.tenant) if each.uid == pack.get("registryUid")), None)
        versions = {(each.name, each.version) for each in registry.packs} if registry else set()
        known = (pack["name"].partition("--")[2] or pack["name"], pack.get("tag")) in versions
        return "" if known or rules.find_pack([registry] if registry else [], pack) else "pack is not in its registry"

    def _problems(self, call: Call, packs: list[Json], type_: str, cloud: str) -> list[rules.Problem]:
        registries = self.registries(call.tenant)
        return rules.problems(packs, type_, cloud, registries, partial_values=self.overrides.partial_values)

    def _check(self, call: Call, packs: list[Json], type_: str, cloud: str) -> None:
        for _, code, message in self._problems(call, packs, type_, cloud):
            raise ApiError(400, code, message)


def _notes(metadata: Any) -> Json:
    notes: Json = {}
    for key in ("annotations", "labels"):
        if isinstance(values := (metadata or {}).get(key), dict):
            notes[key] = {name: str(value) for name, value in values.items()}
    return notes


def _routes() -> list[Any]:
    def to(method: Callable[[Profiles, Call], Any]) -> Callable[[Any, Call], Any]:
        return lambda palette, call: method(palette.profiles, call)

    table = [
        ("GET", "/v1/dashboard/clusterprofiles/metadata", Profiles.listed),
        ("POST", _PATH, Profiles.create),
        ("POST", f"{_PATH}/validate/packs", Profiles.validate),
        ("GET", f"{_PATH}/{{uid}}", Profiles.read),
        ("PUT", f"{_PATH}/{{uid}}", Profiles.update),
        ("DELETE", f"{_PATH}/{{uid}}", Profiles.delete),
        ("PATCH", f"{_PATH}/{{uid}}/metadata", Profiles.metadata),
        ("PATCH", f"{_PATH}/{{uid}}/publish", Profiles.publish),
        ("POST", f"{_PATH}/{{uid}}/clone", Profiles.clone),
        ("GET", f"{_PATH}/{{uid}}/packs/{{name}}/manifests", Profiles.manifests),
        ("GET", f"{_PATH}/{{uid}}/variables", Profiles.variables),
        ("PUT", f"{_PATH}/{{uid}}/variables", Profiles.put_variables),
        ("PATCH", f"{_PATH}/{{uid}}/variables", Profiles.patch_variables),
        ("DELETE", f"{_PATH}/{{uid}}/variables", Profiles.delete_variables),
    ]
    return [route(method, path, to(handler), is_open=True) for method, path, handler in table]


ROUTES = _routes()
