"""What stands in the Authorization header: a login as Basic, or the token that a registry's own service gives for it.

Basic goes with the first request already: sending a body without it and repeating it after the challenge breaks
large uploads over TLS (oras-py#226), and Harbor takes it directly, robots included. Only a registry that answers
with a Bearer challenge is then spoken to with tokens: one per repository and set of actions, kept until it expires.

A login leaves for the registry's own origin only. A token service on another host is asked anonymously.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from packinfra.oci.auth.credentials import Credentials, Login
from packinfra.oci.errors import AuthRejected, NotAuthorized, Step

_LIFETIME = 60.0
"""Seconds that a token lives if its service doesn't say (distribution's token specification)."""
_EARLY = 10.0
"""Seconds before its end from which on a token isn't used any more."""

Ask = Callable[[str, Mapping[str, str], Login | None], bytes]
"""Sends (realm, parameters, login) to the token service and returns its answer's body, or raises a RegistryError."""


@dataclass(frozen=True)
class Scope:
    """What a request wants to do: actions ("pull", "pull,push") in a repository."""

    repository: str
    actions: str = "pull"

    def __str__(self) -> str:
        return f"repository:{self.repository}:{self.actions}"


@dataclass(frozen=True)
class _Bearer:
    realm: str
    service: str


class Authorization:
    """The headers for one registry. Thread-safe; tokens are cached per realm, service and scope."""

    def __init__(self, credentials: Credentials, ask: Ask, clock: Callable[[], float]) -> None:
        self._credentials, self._ask, self._clock = credentials, ask, clock
        self._lock = threading.Lock()
        self._bearer: _Bearer | None = None
        self._tokens: dict[tuple[_Bearer, str], tuple[str, float]] = {}
        self._asking: dict[tuple[_Bearer, str], threading.Lock] = {}

    def header(self, scope: Scope) -> str | None:
        """For the next request; None = anonymous. May ask the credentials' source, and the token service."""
        if self._bearer:
            token = self._token(self._bearer, str(scope))
            return f"Bearer {token}" if token else None
        return basic(self._credentials.login())

    def renew(self, stale: AuthRejected) -> bool:
        """Whether there is something else to send in place of what was refused."""
        if stale.challenge:
            bearer = parse_challenge(stale.challenge)
            self._bearer = bearer
            return bearer is not None
        if stale.sent and stale.sent.startswith("Bearer "):
            with self._lock:
                self._tokens = {key: value for key, value in self._tokens.items() if f"Bearer {value[0]}" != stale.sent}
            return True
        login = self._credentials.login()
        if login and basic(login) == stale.sent:  # else another thread has renewed it meanwhile
            login = self._credentials.login(refused=login)
        return bool(stale.sent) and basic(login) != stale.sent

    def _token(self, bearer: _Bearer, scope: str) -> str:
        key = bearer, scope
        with self._lock:
            asking = self._asking.setdefault(key, threading.Lock())
        with asking:  # one thread asks, the others find the answer; who wants another scope's doesn't wait
            token, end = self._tokens.get(key, ("", 0.0))
            if not token or self._clock() > end:
                login = self._credentials.login()
                parameters = {"service": bearer.service, "scope": scope}
                begun = self._clock()
                token, lifetime = _read(self._ask(bearer.realm, parameters, login), bearer.realm)
                with self._lock:
                    self._tokens[key] = token, begun + lifetime - _EARLY
            return token


def basic(login: Login | None) -> str | None:
    """The header for a user name and password; None for none."""
    if login is None or not login.username:
        return None
    return "Basic " + base64.b64encode(f"{login.username}:{login.password}".encode()).decode()


def parse_challenge(header: str) -> _Bearer | None:
    """The Bearer part of a WWW-Authenticate header, which may name several schemes."""
    found = re.search(r"\bBearer\s+(.*)", header, re.IGNORECASE | re.DOTALL)
    # reversed: the first wins, since another scheme with a realm of its own may follow
    fields = dict(reversed(re.findall(r'(\w+)="([^"]*)"', found[1]))) if found else {}
    return _Bearer(fields["realm"], fields.get("service", "")) if fields.get("realm") else None


def _read(body: bytes, realm: str) -> tuple[str, float]:
    try:
        document = json.loads(body)
        token = str(document.get("token") or document.get("access_token") or "")
        lifetime = float(document.get("expires_in") or _LIFETIME)
    except (ValueError, TypeError, AttributeError):
        token, lifetime = "", 0.0
    if not token:
        raise NotAuthorized(Step.TOKEN, realm.partition("?")[0], text="the token service's answer holds no token")
    return token, lifetime
