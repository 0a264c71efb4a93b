"""The sandbox's control interface, on the proxy's port: health, recorded requests, faults, Palette's overrides.

    GET    /health
    GET    /requests?since=N        the requests after number N, each a ``faults.Record``
    GET    /asked?caller=ARN        the actions that IAM was asked about for this caller, allowed or not
    GET    /faults                  those that are set
    POST   /faults                  sets one: a JSON object with any of ``faults.PARAMS``
    GET    /faults/ID               its parameters, and which requests it hit
    POST   /faults/ID/release       requests that it holds continue
    DELETE /faults/ID, /faults      removed; requests that it holds are cut
    GET    /palette                 the overrides of the Palette stand-in
    POST   /palette                 sets some: a JSON object with any of ``palette.overrides.Overrides``
    POST   /palette/keys            a new API key for it: {"admin": is its user a tenant admin, "tenant": absent: main,
                                    "projects": the names of those that the user sees, absent: all}
    POST   /palette/users           a new user: {"email", "password", "admin", "mfa": has a second factor, "tenant"}
    POST   /palette/projects        a new project: {"name", "tenant": absent: main}; its uid
    POST   /palette/clusters        sets the clusters that use a cluster profile: {"profile": its uid, "clusters":
                                    [{"uid", "name", "projectUid"}]}

It shows no secrets but the keys that it makes: neither headers nor bodies are recorded.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from sandbox.faults import Faults
from sandbox.palette.api import Palette
from sandbox.palette.projects import Key


@dataclass
class Control:
    health: dict[str, Any]  # process, account, region
    faults: Faults
    palette: Palette
    asked: dict[str, set[str]]  # the ARN of a caller -> actions

    def __call__(self, method: str, target: str, body: bytes) -> tuple[int, Any]:
        """Status and JSON body of the response."""
        address = urlsplit(target)
        head, *rest = address.path.strip("/").split("/")
        try:
            if (method, head, rest) == ("GET", "health", []):
                return 200, self.health
            if (method, head, rest) == ("GET", "requests", []):
                return 200, self.faults.listed(int(parse_qs(address.query).get("since", ["0"])[0]))
            if (method, head, rest) == ("GET", "asked", []):
                return 200, sorted(self.asked.get(parse_qs(address.query).get("caller", [""])[0], ()))
            if head == "palette":
                return self._palette(method, rest, body)
            if head == "faults":
                return self._faults(method, rest, body)
        except KeyError as error:
            return 404, {"error": f"there is no fault {error}"}
        except (ValueError, TypeError) as error:
            return 400, {"error": str(error)}
        return 404, {"error": f"there is no {method} {address.path} here"}

    def _palette(self, method: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        if method == "POST" and len(rest) == 1:
            return self._palette_post(rest[0], json.loads(body))
        if rest or method not in ("GET", "POST"):
            return 405, {"error": f"not for palette: {method}"}
        if method == "POST":
            self.palette.override(json.loads(body))
        return 200, asdict(self.palette.overrides)

    def _palette_post(self, what: str, params: Any) -> tuple[int, Any]:
        tenant = str(params.get("tenant") or "main")
        if what == "keys":
            projects = None if params.get("projects") is None else tuple(map(str, params["projects"]))
            return 200, {"key": self.palette.make_key(admin=bool(params["admin"]), tenant=tenant, projects=projects)}
        if what == "users":
            key = Key(bool(params.get("admin")), tenant)
            email, password = str(params["email"]), str(params["password"])
            self.palette.logins.make_user(email, password, key, mfa=bool(params.get("mfa")))
            return 200, {}
        if what == "projects":
            return 200, {"uid": self.palette.projects.make(str(params["name"]), tenant)}
        if what == "clusters":
            self.palette.profiles.set_clusters(str(params["profile"]), params["clusters"])
            return 200, {}
        return 404, {"error": f"there is no POST /palette/{what} here"}

    def _faults(self, method: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        faults = self.faults
        match method, rest:
            case "GET", []:
                return 200, [fault.describe() for fault in faults.faults.values()]
            case "POST", []:
                params = json.loads(body)
                if not isinstance(params, dict):
                    raise TypeError("a fault is a JSON object")
                return 200, faults.add(params).describe()
            case "DELETE", []:
                faults.clear()
                return 200, {}
            case "GET", [number]:
                return 200, faults.faults[int(number)].describe()
            case "DELETE", [number]:
                faults.remove(int(number))
                return 200, {}
            case "POST", [number, "release"]:
                faults.faults[int(number)].release()
                return 200, faults.faults[int(number)].describe()
        return 405, {"error": f"not for faults: {method}"}
