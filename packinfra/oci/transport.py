"""Requests to one registry: who may see the login, where a request may go, and what a refusal means.

One Transport, and in it one connection pool, serves all threads of a process. Rules that look odd:

- A login goes with every request to the registry's own origin and nowhere else: no redirect is followed by itself,
  and a foreign upload Location gets none (oras-go before 2.6.1 leaked them there).
- A HEAD has no error body, so what it was refused for is asked again with GET.
"""

from __future__ import annotations

import io
import ipaddress
import re
import threading
import time
from collections.abc import Callable, Mapping
from urllib.parse import urlencode, urljoin, urlsplit

from packinfra.http.budget import RetryBudget
from packinfra.http.client import Body, Connection, Request, Timeouts
from packinfra.http.retry import TEMPORARY_STATUS, Failure, RetryPolicy
from packinfra.oci.auth.bearer import Authorization, Scope, basic
from packinfra.oci.auth.credentials import Anonymous, Credentials, Login
from packinfra.oci.errors import AuthRejected, RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.responses import Response, refusal
from packinfra.oci.traits import SPEC_CONFORMING, RegistryTraits

ERROR_LIMIT = 64 << 10
_TOKEN_LIMIT = 1 << 20
_CLIENT = "packinfra"


class Transport:
    """Requests to one registry.

    host:       with port, without scheme
    ca_file:    a PEM file with the only CA certificates to trust; None = the system's
    verify_tls: False trusts whoever answers; plain_http: True encrypts nothing. Both only because the user said so
    on_warning: takes each distinct `Warning: 299` of the registry once
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials | None = None,
        *,
        ca_file: str | None = None,
        verify_tls: bool = True,
        plain_http: bool = False,
        dialect: RegistryTraits = SPEC_CONFORMING,
        on_warning: Callable[[str], None] | None = None,
        policy: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.host, self.dialect, self.clock, self.sleep = host, dialect, clock, sleep
        self.base = f"{'http' if plain_http else 'https'}://{host}"
        self._connection = Connection(host, ca_file, verify_tls=verify_tls, timeouts=timeouts or Timeouts())
        self._authorization = Authorization(credentials or Anonymous(), self._token, clock)
        self._policy = policy or RetryPolicy()
        self._on_warning = on_warning
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def operation(self) -> RetryBudget:
        """The loop for everything that one call of the client does."""
        return RetryBudget(self._policy, self._authorization.renew, self.clock, self.sleep)

    def send(
        self,
        method: str,
        url: str,
        *,
        step: Step,
        reference: Reference,
        expect: tuple[int, ...],
        actions: str = "pull",
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] | None = None,
        sink: Callable[[bytes], object] | None = None,
        limit: int = ERROR_LIMIT,
    ) -> Response:
        """One request, no retries (`RetryBudget.attempt` does those).

        url: a path, or what a Location said. actions: what a token must allow. body: opened for this request.
        Raises a RegistryError unless the answer's status is among `expect`.
        """
        url = self._checked(url, step, reference)
        own = self._own(url)
        sent = self._authorization.header(Scope(reference.repository, actions)) if own else None
        request = Request(method, url, step, reference, headers or {}, sent, body, sink, limit)
        answer = self._connection.exchange(request)
        if own:
            self._warn(answer)
        if answer.status in expect:
            return answer
        challenge = answer.headers.get("WWW-Authenticate", "") if answer.status == 401 else ""
        wants_token = "bearer" in challenge.lower() and not (sent or "").startswith("Bearer ")
        if (
            method == "HEAD"
            and 400 <= answer.status < 500
            and answer.status not in TEMPORARY_STATUS
            and not wants_token
            # Where HEAD and GET of a blob need different permissions, the reason would name the wrong one.
            and not (step is Step.FIND and self.dialect.permissions)
        ):
            said = self._connection.exchange(
                Request("GET", url, step, reference, headers or {}, sent, None, None, limit)
            )
            answer = said if said.status == answer.status else answer
        error = refusal(answer, step, reference, self.dialect if own else SPEC_CONFORMING, secret=sent)
        if own and answer.asks_for_login:
            error.stale = AuthRejected(sent, challenge if wants_token else "")
        elif not own and answer.status in (401, 403):  # a presigned address that has expired: the next one is new
            error.failure = Failure(answer.status, temporary=True)
        raise error

    def _token(self, realm: str, parameters: Mapping[str, str], login: Login | None) -> bytes:
        """Asks the registry's token service (distribution's token specification; OAuth 2 for identity tokens)."""
        url, where = self._checked(realm, Step.TOKEN, self.host), realm.partition("?")[0]
        sent, body, method = None, None, "GET"
        login = login if self._own(url) else None
        if login and login.identity_token:
            form = {"grant_type": "refresh_token", "client_id": _CLIENT, "refresh_token": login.identity_token}
            content = urlencode({**parameters, **form}).encode()
            method, body = "POST", (lambda: io.BytesIO(content))
        else:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
            sent = basic(login)
        headers = {"Content-Type": "application/x-www-form-urlencoded"} if body else {}
        answer = self._connection.exchange(
            Request(method, url, Step.TOKEN, where, headers, sent, body, None, _TOKEN_LIMIT)
        )
        if answer.status != 200:
            raise refusal(answer, Step.TOKEN, where, SPEC_CONFORMING, secret=sent)
        return answer.body

    def _own(self, url: str) -> bool:
        return _origin(url) == _origin(self.base)

    def _checked(self, url: str, step: Step, reference: object) -> str:
        """The absolute address, unless the registry sends us where nobody should go."""
        url = urljoin(self.base, url)
        reason = ""
        if _origin(url)[0] not in ("https", urlsplit(self.base).scheme):
            reason = "an address without TLS"
        elif _inside(urlsplit(url).hostname) and not _inside(urlsplit(self.base).hostname):
            reason = "an address inside of this network"  # go-containerregistry refuses it too
        if reason:
            raise RegistryError(
                step, reference, text=f"the registry redirects to {reason}: {url.split('?')[0]}",
                remedy="correct the registry's external URL (X-Forwarded-Proto and Host of the proxy before it)",
            )  # fmt: skip
        return url

    def _warn(self, answer: Response) -> None:
        for text in re.findall(r'299 \S+ "((?:[^"\\]|\\.)*)"', answer.headers.get("Warning", "")):
            with self._lock:
                new = self._on_warning and text not in self._warned
                self._warned.add(text)
            if new and self._on_warning:
                self._on_warning(f"{self.host} says: {text[:300]}")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _inside(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address.is_private or address.is_loopback or address.is_link_local
