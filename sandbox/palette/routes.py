"""What a route is, and a request on its way to it."""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

from sandbox.asgi import Request
from sandbox.palette.errors import ApiError
from sandbox.palette.projects import Key


class Call(NamedTuple):
    request: Request
    data: Any  # the parsed body of POST, PUT, PATCH, and of a DELETE that has one
    key: Key
    name: str = ""
    kind: str = ""
    uid: str = ""

    @property
    def tenant(self) -> str:
        return self.key.tenant


class Route(NamedTuple):
    method: str
    path: re.Pattern[str]
    handler: Callable[[Any, Call], Any]  # takes the Palette
    is_open: bool  # to users who are no tenant admins, and within a project

    def check_scope(self, request: Request, key: Key) -> None:
        if self.is_open:
            return
        if request.headers.get("projectuid"):
            raise ApiError(400, "ProjectUidIsNotEmpty", "ProjectUid must be empty: registries belong to the tenant")
        if not key.is_admin:
            raise ApiError(403, "Forbidden", "the API key's user is no tenant admin")


def route(method: str, path: str, handler: Callable[[Any, Call], Any], *, is_open: bool = False) -> Route:
    pattern = path.replace("{kind}", "(?P<kind>ecr|basic)")
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", pattern)
    return Route(method, re.compile(pattern), handler, is_open)
