"""Requests to one registry: where credentials and requests may go, and what a rejection means.

One Transport, and in it one connection pool, serves all threads of a process. Rules that look odd:

- Credentials go with every request to the registry's own origin and nowhere else: no redirect is followed by itself,
  and a foreign upload Location gets none (oras-go before 2.6.1 leaked them there).
- The response to a HEAD has no body, so the reason of a rejection is read with a GET.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from urllib.parse import urlencode, urlsplit

from packinfra.http.budget import RetryBudget
from packinfra.http.client import Body, HttpClient, Response, Timeouts
from packinfra.http.errors import AuthRejected
from packinfra.http.failures import ConnectionFailure, unusable_ca
from packinfra.http.redact import clean, secrets_in
from packinfra.http.retry import TEMPORARY_STATUS, Failure, RetryPolicy
from packinfra.http.trust import Trust
from packinfra.oci.auth.bearer import Authorization, Scope, basic, origin
from packinfra.oci.auth.credentials import Anonymous, CredentialProvider, Credentials
from packinfra.oci.errors import CertificateUntrusted, RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.responses import absolute, error_for, error_without_response, rejects_credentials
from packinfra.oci.traits import SPEC_CONFORMING, RegistryTraits

ERROR_LIMIT = 64 << 10
_TOKEN_LIMIT = 1 << 20


class Transport:
    """One registry, and how to reach it.

    Args:
        host: With port, without scheme.
        ca_file: A PEM file with CA certificates to trust besides the system's.
        plain_http: Send requests without TLS.
        on_warning: Takes each distinct `Warning: 299` of the registry once.
        sleep: None = pauses that end when a push is cancelled.

    Raises:
        CertificateUntrusted: `ca_file` can't be used.
    """

    def __init__(
        self,
        host: str,
        credentials: CredentialProvider | None = None,
        *,
        ca_file: str | None = None,
        plain_http: bool = False,
        traits: RegistryTraits = SPEC_CONFORMING,
        on_warning: Callable[[str], None] | None = None,
        policy: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        sleep: Callable[[float], None] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if ca_file and (problem := unusable_ca(ca_file)):
            remedy = "name a PEM file with the certificate of the CA that signed the registry's"
            raise CertificateUntrusted(Step.TRUST, host, text=problem, remedy=remedy)
        self.host, self.traits, self.clock, self.sleep = host, traits, clock, sleep
        self.base = f"{'http' if plain_http else 'https'}://{host}"
        self.http = HttpClient(Trust(ca_file), timeouts)
        self.authorization = Authorization(credentials or Anonymous(), self._fetch_token, clock)
        self._policy = policy or RetryPolicy()
        self._on_warning = on_warning
        self._warned: set[str] = set()
        self._lock = threading.Lock()

    def call(self, reference: Reference) -> Call:
        refresh = partial(self.authorization.refresh, reference.repository)
        budget = RetryBudget(self._policy, refresh, clock=self.clock, sleep=self.sleep)
        return Call(self, reference, budget)

    def close(self) -> None:
        self.http.close()

    def is_own(self, url: str) -> bool:
        return _origin(url) == _origin(self.base)

    def checked(self, url: str, step: Step, reference: object) -> str:
        """The absolute URL, unless the registry names one where no request should go."""
        url = absolute(self.base, url, step, reference)
        reason = ""
        if _origin(url)[0] not in ("https", urlsplit(self.base).scheme):
            reason = "a URL without TLS"
        elif _is_private(urlsplit(url).hostname) and not _is_private(urlsplit(self.base).hostname):
            reason = "an address of this network"  # go-containerregistry refuses it too
        if reason:
            raise RegistryError(
                step, reference, text=f"the registry redirects to {reason}: {clean(url.split('?')[0])}",
                remedy="correct the registry's external URL (X-Forwarded-Proto and Host of the proxy before it)",
            )  # fmt: skip
        return url

    @contextlib.contextmanager
    def failures(self, url: str, step: Step, reference: object) -> Iterator[None]:
        """Turns a ConnectionFailure into a RegistryError."""
        try:
            yield
        except ConnectionFailure as failure:
            host = urlsplit(url).netloc.rpartition("@")[2]
            elsewhere = "" if host == self.host else host  # a storage that the registry named
            raise error_without_response(failure, step, reference, elsewhere) from failure

    def warn(self, response: Response) -> None:
        for text in re.findall(r'299 \S+ "((?:[^"\\]|\\.)*)"', response.headers.get("Warning", "")):
            with self._lock:
                new = self._on_warning and text not in self._warned
                self._warned.add(text)
            if new and self._on_warning:
                self._on_warning(f"{self.host} says: {clean(text, limit=300)}")

    def _fetch_token(self, realm: str, parameters: Mapping[str, str], credentials: Credentials | None) -> bytes:
        """From the registry's token service (distribution's token specification; OAuth 2 for identity tokens)."""
        url, shown = self.checked(realm, Step.TOKEN, self.host), realm.partition("?")[0]
        own = self.is_own(url)
        credentials = credentials if own else None
        if credentials and credentials.identity_token:
            token = credentials.identity_token
            form = {"grant_type": "refresh_token", "client_id": "packinfra", "refresh_token": token}
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            method, body = "POST", urlencode({**parameters, **form}).encode()
        else:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
            sent = basic(credentials)
            headers = {"Authorization": sent} if sent else {}
            method, body = "GET", None
        with self.failures(url, Step.TOKEN, shown):
            response = self.http.request(method, url, headers, body=body, limit=_TOKEN_LIMIT)
        if response.status != 200:
            secrets = (*secrets_in(headers.get("Authorization")), *(credentials.secrets if credentials else ()))
            by = origin(credentials) if own else ""
            raise error_for(response, Step.TOKEN, shown, SPEC_CONFORMING, secrets=secrets, origin=by)
        return response.body


class Call:
    """One call of the client ("push", "resolve") on one repository: its requests share a retry budget."""

    def __init__(self, transport: Transport, reference: Reference, budget: RetryBudget) -> None:
        self._transport, self.reference, self.budget = transport, reference, budget
        self.traits = transport.traits
        self.repository = f"/v2/{reference.repository}"
        self.manifest = f"{self.repository}/manifests/{reference.reference}"

    def send(
        self,
        method: str,
        url: str,
        step: Step,
        expect: tuple[int, ...],
        *,
        retry: bool = False,
        actions: str = "pull",
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        sink: Callable[[bytes], object] | None = None,
        limit: int = ERROR_LIMIT,
    ) -> Response:
        """One request. Raises a RegistryError unless the response's status is an expected one.

        url: a path, or the absolute URL of a Location. retry: send it again while it fails in a way that may pass.
        actions: what a token must allow. sink: see HttpClient.request.
        """

        if retry:  # of requests without a body
            return self.budget.attempt(
                lambda: self.send(method, url, step, expect, actions=actions, headers=headers, limit=limit)
            )
        transport, reference = self._transport, self.reference
        url = transport.checked(url, step, reference)
        own = transport.is_own(url)
        sent = transport.authorization.header(Scope(reference.repository, actions)) if own else None
        headers = {**(headers or {}), **({"Authorization": sent} if sent else {})}
        with transport.failures(url, step, reference):
            response = transport.http.request(
                method, url, headers, body=body, upload=step is Step.UPLOAD, sink=sink, limit=limit
            )
        if own:
            transport.warn(response)
        if response.status in expect:
            return response
        challenge = response.headers.get("WWW-Authenticate", "") if response.status == 401 else ""
        wants_token = "bearer" in challenge.lower() and not (sent or "").startswith("Bearer ")
        if (
            method == "HEAD"
            and 400 <= response.status < 500
            and response.status not in TEMPORARY_STATUS
            and not wants_token
            # Where HEAD and GET of a blob need different permissions, the reason would name the wrong one.
            and not (step is Step.FIND and self.traits.permissions)
        ):
            with transport.failures(url, step, reference):
                explained = transport.http.request("GET", url, headers, limit=limit)
            response = explained if explained.status == response.status else response
        traits = self.traits if own else SPEC_CONFORMING
        by = transport.authorization.sent(reference.repository) if own else None
        error = error_for(
            response, step, reference, traits, secrets=(*secrets_in(sent), *(by.secrets if by else ())),
            origin=origin(by) if own else "",
        )  # fmt: skip
        if own and rejects_credentials(response):
            error.auth_rejected = AuthRejected(sent, challenge if wants_token else "")
        elif not own and response.status in (401, 403):  # an expired presigned URL: the next one is new
            error.failure = Failure(response.status, temporary=True)
        raise error


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def _is_private(host: str | None) -> bool:
    try:
        address = ipaddress.ip_address(host or "")
    except ValueError:
        return host == "localhost"
    return address.is_private or address.is_loopback or address.is_link_local
