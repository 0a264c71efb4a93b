"""The Authorization header: credentials as Basic, or the token that a registry's token service issues for them.

Basic goes with the first request already: sending a body without it and repeating it after the challenge breaks
large uploads over TLS (oras-py#226), and Harbor takes it directly, robots included. Only a registry that sends a
Bearer challenge gets tokens from then on: one per repository and set of actions, kept until it expires.

A token service that rejects the credentials has them looked up again, once, as the registry itself does. Where they may
go is the sender's business (packinfra/oci/destinations.py).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from packinfra.http.errors import AuthRejected
from packinfra.http.proxies import basic_authorization
from packinfra.oci.auth.credentials import USERNAME, CredentialProvider, Credentials
from packinfra.oci.bodies import Token, token_in
from packinfra.oci.destinations import shown
from packinfra.oci.errors import NotAuthorized, RegistryError, Step

_REJECTED = (400, 401, 403)
"""400: OAuth 2's invalid_grant, for an identity token that has expired (RFC 6749, 5.2)."""
_SHORTEST_SECRET = 4
"""Characters; removing shorter ones would only make holes in words."""
_EARLY = 10.0
"""Seconds before its end from which on a token isn't used any more."""

FetchToken = Callable[[str, Mapping[str, str], Credentials | None], bytes]
"""Sends (realm, parameters, credentials) to the token service and returns the response's body, or raises a
RegistryError."""


@dataclass(frozen=True)
class Scope:
    """The actions ("pull", "pull,push") that a request needs in a repository."""

    repository: str
    actions: str = "pull"

    def __str__(self) -> str:
        return f"repository:{self.repository}:{self.actions}"


@dataclass(frozen=True)
class Challenge:
    """A Bearer challenge: where tokens come from."""

    realm: str
    service: str


class Authorization:
    """The headers for one registry. Thread-safe; tokens are cached per realm, service and scope."""

    def __init__(self, provider: CredentialProvider, fetch: FetchToken, clock: Callable[[], float]) -> None:
        self._provider, self._fetch, self._clock = provider, fetch, clock
        self._lock = threading.Lock()
        self._challenge: Challenge | None = None
        self._known = set[Credentials]()
        self._tokens: dict[tuple[Challenge, str], tuple[str, float]] = {}
        self._fetching: dict[tuple[Challenge, str], threading.Lock] = {}

    def header(self, scope: Scope) -> str | None:
        """For the next request; None = anonymous. May call the credential provider, and the token service."""
        if self._challenge:
            token = self._token(self._challenge, scope)
            return f"Bearer {token}" if token else None
        return basic(self._credentials(scope.repository))

    @property
    def secrets(self) -> list[str]:
        """What was sent: some registries repeat it in their errors, decoded or not."""
        with self._lock:
            found = [token for token, _ in self._tokens.values()]
            for known in self._known:  # a registry may have a login for each path
                found += [(basic(known) or "").partition(" ")[2], *known.secrets]
        return [secret for secret in found if len(secret) >= _SHORTEST_SECRET]

    def sent(self, repository: str) -> Credentials | None:
        """The credentials that requests about a repository carry, for the error of a rejection."""
        return self._provider.get(repository)

    def refresh(self, repository: str, rejected: AuthRejected) -> bool:
        """Whether there is something else to send in place of the rejected header."""
        if rejected.challenge:
            challenge = parse_challenge(rejected.challenge)
            self._challenge = challenge
            return challenge is not None
        sent = rejected.sent
        if sent and sent.startswith("Bearer "):
            with self._lock:
                self._tokens = {key: value for key, value in self._tokens.items() if f"Bearer {value[0]}" != sent}
            return True
        credentials = self._credentials(repository)
        if credentials and basic(credentials) == sent:  # else another thread has refreshed them meanwhile
            credentials = self._credentials(repository, rejected=credentials)
        return bool(sent) and basic(credentials) != sent

    def _credentials(self, repository: str, *, rejected: Credentials | None = None) -> Credentials | None:
        credentials = self._provider.get(repository, rejected=rejected)
        if credentials:
            with self._lock:
                self._known.add(credentials)
        return credentials

    def _token(self, challenge: Challenge, scope: Scope) -> str:
        key = challenge, str(scope)
        with self._lock:
            fetching = self._fetching.setdefault(key, threading.Lock())
        with fetching:  # one thread fetches, the others find the token; those of other scopes don't wait
            token, end = self._tokens.get(key, ("", 0.0))
            if not token or self._clock() > end:
                begun = self._clock()
                new = self._new_token(challenge, scope)
                token = new.value
                with self._lock:
                    self._tokens[key] = token, begun + new.lifetime - _EARLY
            return token

    def _new_token(self, challenge: Challenge, scope: Scope) -> Token:
        parameters = {"service": challenge.service, "scope": str(scope)}
        credentials = self._credentials(scope.repository)
        try:
            body = self._fetch(challenge.realm, parameters, credentials)
        except RegistryError as error:
            if not credentials or error.status not in _REJECTED:
                raise
            others = self._credentials(scope.repository, rejected=credentials)
            if others is None or others == credentials:
                raise
            body = self._fetch(challenge.realm, parameters, others)
        if token := token_in(body):
            return token
        raise NotAuthorized(
            Step.TOKEN, shown(challenge.realm), text="the token service's response holds no usable token",
            remedy="check what responds at that URL: a proxy, a gateway, a login page",
        )  # fmt: skip


def basic(credentials: Credentials | None) -> str | None:
    """The header for a user name and password; None for none."""
    if credentials is None or not credentials.username:
        return None
    return basic_authorization(credentials.username, credentials.password)


def origin(credentials: Credentials | None, *, exchanged: bool = True) -> str:
    """Where credentials come from, as a sentence for the error of a rejection; "" if their provider doesn't say.

    exchanged: an identity token was, at a token service
    """
    if credentials is None:
        return f"no credentials were sent: neither the stack's config nor {USERNAME} nor a Docker config has any for it"
    if credentials.identity_token and not exchanged:
        return f"the identity token from {credentials.source} was not sent, since the registry names no token service for it"
    return f"the credentials came from {credentials.source}" if credentials.source else ""


def parse_challenge(header: str) -> Challenge | None:
    """The Bearer part of a WWW-Authenticate header, which may name several schemes."""
    bearer = re.search(r"\bBearer\s+(.*)", header, re.IGNORECASE | re.DOTALL)
    # reversed: the first wins, since another scheme with a realm of its own may follow
    fields = dict(reversed(re.findall(r'\b(\w+)="([^"]*)"', bearer[1]))) if bearer else {}
    return Challenge(fields["realm"], fields.get("service", "")) if fields.get("realm") else None
