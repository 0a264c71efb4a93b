"""Palette's API: authentication, routes, responses. Rows PAL-... are those of ``behaviour.md``."""

import asyncio
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from sandbox.asgi import Receive, Request, Response, Scope, Send
from sandbox.palette import lookup, profiles, public
from sandbox.palette.errors import AccessError, ApiError, invalid, not_found
from sandbox.palette.logins import Logins
from sandbox.palette.overrides import Overrides
from sandbox.palette.profiles import Profiles
from sandbox.palette.projects import Key, Projects, uid_of
from sandbox.palette.routes import Call, route
from sandbox.palette.source import RegistryProbe
from sandbox.palette.spec import Json, checked, masked, name_of, region_of
from sandbox.palette.state import Registry
from sandbox.rate_limit import RateLimit
from sandbox.responses import palette_error

_LIMIT = 1024 * 1024


@dataclass
class Palette:
    account: str  # Palette's own, at AWS
    probe: RegistryProbe
    overrides: Overrides
    registries: dict[str, Registry] = field(default_factory=dict)
    external_id: str = field(default_factory=lambda: secrets.token_hex(16))
    projects: Projects = field(default_factory=Projects)
    profiles: Profiles = field(init=False)
    logins: Logins = field(init=False)
    _public: Registry = field(default_factory=public.registry)
    _rate_limits: dict[str, RateLimit] = field(init=False)

    def __post_init__(self) -> None:
        self.logins = Logins(self.overrides)
        self.profiles = Profiles(self.projects, self.overrides, self._with_packs)
        self.override({})

    def make_key(self, *, admin: bool, tenant: str = "main", projects: tuple[str, ...] | None = None) -> str:
        return self.logins.make_key(Key(admin, tenant, projects))

    def override(self, params: Any) -> None:
        self.overrides.update(params)
        rate, burst = self.overrides.rate, self.overrides.burst
        usual, profiles = RateLimit(rate, burst), RateLimit(5 * rate, 5 * burst)
        self._rate_limits = {
            "/v1/registries": usual, "/v1/packs": usual, "/v1/dashboard": usual, "/v1/clusterprofiles": profiles,
        }  # fmt: skip

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            response = await self._respond(request)
        except ApiError as error:
            response = palette_error(error.status, error.code, str(error))
        await request.drain()
        await response.send(request.method, send)

    async def _respond(self, request: Request) -> Response:
        group = "/".join(request.path.split("/")[:3])
        if group in self._rate_limits and not self._rate_limits[group].allows(group):
            raise ApiError(429, "TooManyRequests", "too many requests; try again later")
        if (request.method, request.path) == ("POST", "/v1/auth/authenticate"):
            return Response.json(200, self.logins.authenticate(await _body(request)))
        key = self.logins.caller(request.headers)
        matching = [(each, match) for each in ROUTES if (match := each.path.fullmatch(request.path))]
        for found, match in matching:
            if found.method == request.method:
                found.check_scope(request, key)
                data = None if request.method == "GET" else await _body(request)
                response: Response = await found.handler(self, Call(request, data, key, **match.groupdict()))
                return response
        if not matching:
            raise ApiError(404, "ResourceNotFound", f"path {request.path} was not found")
        response = palette_error(405, "MethodNotAllowed", f"method {request.method} is not allowed")
        response.headers["Allow"] = ",".join(sorted({each.method for each, _ in matching}))
        return response

    def _of_tenant(self, tenant: str) -> list[Registry]:
        return [registry for registry in self.registries.values() if registry.tenant == tenant]

    def _with_packs(self, tenant: str) -> list[Registry]:
        return [*self._of_tenant(tenant), self._public]

    def _registry(self, call: Call) -> Registry:
        registry = self.registries.get(call.uid)
        if registry is None or registry.tenant != call.tenant or call.kind not in ("", registry.kind):
            raise not_found(f"registry {call.uid}")
        return registry

    # ---- registries -----------------------------------------------------------------------------------------------

    async def validate(self, call: Call) -> Response:
        spec = checked(call.kind, call.data)
        try:
            await asyncio.to_thread(self.probe.open, call.kind, spec)
        except AccessError as error:
            raise ApiError(400, "InvalidCredentials", f"the registry cannot be accessed: {error}") from None
        return Response(204)

    async def create(self, call: Call) -> Response:
        registry = Registry(call.tenant, call.kind, *self._parsed(call))
        self.registries[registry.uid] = registry
        if call.request.query.get("skipPackSync") != "true" and registry.is_synced:
            registry.start(self.probe, self.overrides, force=False)
        return Response.json(201, {"uid": registry.uid})

    async def update(self, call: Call) -> Response:
        registry = self._registry(call)
        registry.name, registry.notes, registry.spec = self._parsed(call)
        registry.touch()
        return Response(204)

    def _parsed(self, call: Call) -> tuple[str, Json, Json]:
        """A body's name, its labels and annotations, and its spec."""
        metadata = call.data.get("metadata")
        name, spec = name_of(metadata), checked(call.kind, call.data.get("spec"))
        if any(registry.name == name and registry.uid != call.uid for registry in self._of_tenant(call.tenant)):
            raise ApiError(409, "RegistryAlreadyExists", f"a registry with the name {name} already exists")
        return name, {key: metadata[key] for key in ("labels", "annotations") if metadata.get(key)}, spec

    async def read(self, call: Call) -> Response:
        registry = self._registry(call)
        spec = {
            **masked(registry.spec), "registryUid": registry.uid, "scope": "tenant",
            "defaultRegion": region_of(registry.spec),
        }  # fmt: skip
        status = {"syncStatus": registry.status}
        return Response.json(
            200, {"kind": registry.kind, "metadata": registry.metadata, "spec": spec, "status": status}
        )

    async def delete(self, call: Call) -> Response:
        registry = self._registry(call)
        if self.overrides.in_use:
            text = f"registry {registry.name} is in use by the cluster profile {self.overrides.in_use}"
            raise ApiError(409, "RegistryInUse", text)
        registry.stop()
        del self.registries[registry.uid]
        return Response(204)

    async def sync(self, call: Call) -> Response:
        registry = self._registry(call)
        if registry.is_synced:
            registry.start(self.probe, self.overrides, force=call.request.query.get("forceSync") == "true")
        return Response(202)

    async def status(self, call: Call) -> Response:
        return Response.json(200, self._registry(call).status)

    async def summary(self, call: Call) -> Response:
        items = []
        for registry in self._of_tenant(call.tenant):
            spec = {
                "registryType": registry.kind.upper(), "scope": "tenant", "defaultRegion": region_of(registry.spec),
                "isPrivate": registry.is_private, "containsSpectroManifest": False,
                **{name: registry.spec[name] for name in ("endpoint", "providerType")},
            }  # fmt: skip
            items.append({"metadata": registry.metadata, "spec": spec, "status": {"sync": registry.status}})
        return Response.json(200, {"items": items})

    async def info(self, call: Call) -> Response:
        registry = self._registry(call)
        spec = masked(registry.spec)
        return Response.json(
            200,
            {
                "auth": spec.get("auth") or spec["credentials"], "defaultRegion": region_of(spec), "scope": "tenant",
                "endpoint": spec["endpoint"], "providerType": spec["providerType"], "type": registry.kind,
            },
        )  # fmt: skip

    async def all_kinds(self, call: Call) -> Response:
        scope = call.request.query.get("scope", "all")
        if scope not in ("system", "tenant", "all"):
            raise invalid("scope must be system, tenant or all")
        items = [
            {
                "kind": "oci", "name": registry.name, "uid": registry.uid, "isDefault": False,
                "isPrivate": registry.is_private, "scope": "tenant",
            }
            for registry in self._of_tenant(call.tenant) if scope != "system"
        ]  # fmt: skip
        if scope != "tenant":
            items.append({
                "kind": self._public.kind, "name": self._public.name, "uid": self._public.uid, "isDefault": True,
                "isPrivate": False, "scope": "system",
            })  # fmt: skip
        return Response.json(200, {"items": items})

    async def principal(self, call: Call) -> Response:
        partition = call.request.query.get("partition") or "aws"
        if partition not in ("aws", "aws-us-gov"):
            raise invalid("partition must be aws or aws-us-gov")
        body = {"accountId": self.account, "externalId": self.external_id, "partition": partition}
        return Response.json(200, body)

    async def me(self, call: Call) -> Response:
        tenant = {"orgName": call.tenant, "tenantUid": uid_of(call.tenant)}
        return Response.json(200, {"status": {"tenant": tenant}})

    async def list_projects(self, call: Call) -> Response:
        return Response.json(200, self.projects.listed(call.key, call.request.query))

    # ---- packs ----------------------------------------------------------------------------------------------------

    async def packs_of_registry(self, call: Call) -> Response:
        empty, query = self.overrides.empty_lookup, call.request.query
        registry = self._public if call.uid == self._public.uid else self._registry(call)
        return Response.json(200, lookup.of_registry(registry, call.name, query, empty=empty))

    async def packs(self, call: Call) -> Response:
        entries = lookup.filtered(
            lookup.all_packs(self._with_packs(call.tenant)), call.request.query.get("filters", "")
        )
        items = [lookup.whole(*entry) for entry in entries]
        return Response.json(200, lookup.page(items, call.request.query, self.overrides.page))

    async def search(self, call: Call) -> Response:
        condition = call.data.get("filter")
        items = lookup.searched(lookup.all_packs(self._with_packs(call.tenant)), {} if condition is None else condition)
        return Response.json(200, lookup.page(items, call.request.query, self.overrides.page))

    async def pack(self, call: Call) -> Response:
        return Response.json(200, lookup.whole(*self._pack(call)))

    async def readme(self, call: Call) -> Response:
        return Response.json(200, {"readme": self._pack(call)[1].readme})

    def _pack(self, call: Call) -> lookup.Entry:
        entries = lookup.filtered(lookup.all_packs(self._with_packs(call.tenant)), f"metadata.uid={call.uid}")
        if not entries:
            raise not_found(f"pack {call.uid}")
        return entries[0]


async def _body(request: Request) -> Any:
    content = b""
    async for piece in request.body():
        content += piece
        if len(content) > _LIMIT:
            raise ApiError(413, "InvalidRequest", f"the body is larger than {_LIMIT} bytes")
    try:
        body = json.loads(content or b"{}")
    except (ValueError, RecursionError):
        body = None
    if not isinstance(body, dict):
        raise invalid("the body is not a JSON object")
    return body


_OCI = "/v1/registries/oci"
ROUTES = [
    route("GET", "/v1/clouds/aws/account/sts", Palette.principal, is_open=True),
    route("GET", "/v1/users/me", Palette.me, is_open=True),
    route("GET", f"{_OCI}/summary", Palette.summary, is_open=True),
    route("GET", "/v1/registries/metadata", Palette.all_kinds, is_open=True),
    route("POST", f"{_OCI}/{{kind}}/validate", Palette.validate),
    route("POST", f"{_OCI}/{{kind}}", Palette.create),
    route("GET", f"{_OCI}/{{uid}}", Palette.info),
    route("GET", f"{_OCI}/{{uid}}/{{kind}}", Palette.read),
    route("PUT", f"{_OCI}/{{uid}}/{{kind}}", Palette.update),
    route("DELETE", f"{_OCI}/{{uid}}/{{kind}}", Palette.delete),
    route("DELETE", "/v1/registries/{uid}", Palette.delete),
    route("POST", f"{_OCI}/{{uid}}/{{kind}}/sync", Palette.sync),
    route("GET", f"{_OCI}/{{uid}}/{{kind}}/sync/status", Palette.status),
    route("GET", "/v1/packs", Palette.packs, is_open=True),
    route("POST", "/v1/packs/search", Palette.search, is_open=True),
    route("GET", "/v1/packs/{name}/registries/{uid}", Palette.packs_of_registry, is_open=True),
    route("GET", "/v1/packs/{uid}", Palette.pack, is_open=True),
    route("GET", "/v1/packs/{uid}/readme", Palette.readme, is_open=True),
    route("GET", "/v1/dashboard/projects/metadata", Palette.list_projects, is_open=True),
    *profiles.ROUTES,
]
