"""Requests to one registry: where credentials and requests may go, and what a rejection means.

One Transport, and in it one connection pool, serves all threads of a process. Redirects are followed here, by hand, so
that each URL is checked and credentials stay where they may be (destinations.py). The response to a HEAD has no body, so
the reason of a rejection is read with a GET.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Container, Iterator, Mapping
from functools import partial
from urllib.parse import urlencode

from packinfra.http.budget import RetryBudget
from packinfra.http.client import Body, HttpClient, Response, Timeouts
from packinfra.http.errors import AuthRejected
from packinfra.http.failures import ConnectionFailure, unusable_ca
from packinfra.http.redact import clean
from packinfra.http.retry import TEMPORARY_STATUS, Failure, RetryPolicy
from packinfra.http.trust import Trust
from packinfra.oci.auth.bearer import Authorization, Scope, basic, origin
from packinfra.oci.auth.credentials import Anonymous, CredentialProvider, Credentials
from packinfra.oci.bodies import warnings_in
from packinfra.oci.destinations import REDIRECTS, Destinations, shown, yaml_host
from packinfra.oci.errors import CertificateUntrusted, NotAuthorized, RegistryError, Step
from packinfra.oci.reference import Reference
from packinfra.oci.responses import confirm_missing, error_for, error_without_response, rejects_credentials
from packinfra.oci.traits import SPEC_CONFORMING, RegistryTraits

ERROR_LIMIT = 64 << 10
_TOKEN_LIMIT = 1 << 20
_HOPS = 5
_WARNINGS = 20
"""Distinct warnings that are passed on."""


class Transport:
    """One registry, and how to reach it.

    Args:
        host: With port, without scheme.
        ca_file: A PEM file with CA certificates to trust besides the system's.
        plain_http: Send requests without TLS.
        token_host: The host of the registry's token service, if that is another one and may get the login.
        blob_hosts: Hosts inside this network to which the registry may redirect, as to a storage of its blobs.
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
        token_host: str | None = None,
        blob_hosts: Collection[str] = (),
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
        self.destinations = Destinations(self.base, token_host=token_host, blob_hosts=blob_hosts)
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

    def exchange(
        self,
        method: str,
        url: str,
        step: Step,
        reference: object,
        authorization: Callable[[str], str | None],
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        sink: Callable[[bytes], object] | None = None,
        limit: int = ERROR_LIMIT,
        follow: bool = True,
    ) -> tuple[Response, str | None]:
        """A request, and those to which it is redirected: the last response, and the Authorization that it was sent.

        url: a path, or the absolute URL of a Location or realm. authorization: what a URL gets. sink: see HttpClient.
        """
        url, repeatable = self.destinations.checked(url, step, reference), body is None or isinstance(body, bytes)
        for _ in range(_HOPS + 1):
            sent = authorization(url)
            all_headers = {**(headers or {}), **({"Authorization": sent} if sent else {})}
            with self._failures(url, step, reference):
                response = self.http.request(
                    method, url, all_headers, body=body, upload=step is Step.UPLOAD, sink=sink, limit=limit
                )
            if response.status not in REDIRECTS or not follow:
                return response, sent
            url = self.destinations.after(response, method, step, reference, repeatable=repeatable)
        raise RegistryError(step, reference, text=f"more than {_HOPS} redirects, the last to {shown(url)}")

    @contextlib.contextmanager
    def _failures(self, url: str, step: Step, reference: object) -> Iterator[None]:
        """Turns a ConnectionFailure into a RegistryError."""
        try:
            yield
        except ConnectionFailure as failure:
            raise error_without_response(
                failure, step, reference, secrets=self.authorization.secrets,
                elsewhere="" if self.destinations.is_own(url) else self.destinations.host(url),
            ) from failure  # fmt: skip

    def warn(self, response: Response) -> None:
        for text in warnings_in(response):
            with self._lock:
                new = self._on_warning and text not in self._warned and len(self._warned) < _WARNINGS
                if new:
                    self._warned.add(text)
            if new and self._on_warning:
                self._on_warning(f"{self.host} says: {clean(text, self.authorization.secrets, limit=300)}")

    def _fetch_token(self, realm: str, parameters: Mapping[str, str], credentials: Credentials | None) -> bytes:
        """From the registry's token service (distribution's token specification; OAuth 2 for identity tokens)."""
        url = self.destinations.checked(realm, Step.TOKEN, self.host)
        if credentials and credentials.identity_token:
            login = None
            form = {
                "grant_type": "refresh_token", "client_id": "packinfra", "refresh_token": credentials.identity_token,
            }  # fmt: skip
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            method, body = "POST", urlencode({**parameters, **form}).encode()
            self._check_token_host(url)
        else:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
            login = basic(credentials)
            headers, method, body = {}, "GET", None

        def authorization(url: str) -> str | None:
            if login:
                self._check_token_host(url)
            return login

        response, _ = self.exchange(
            method, url, Step.TOKEN, shown(url), authorization, headers=headers, body=body, limit=_TOKEN_LIMIT
        )
        if response.status != 200:
            raise error_for(
                response, Step.TOKEN, shown(response.url), SPEC_CONFORMING, secrets=self.authorization.secrets,
                origin=origin(credentials),
            )  # fmt: skip
        return response.body

    def _check_token_host(self, url: str) -> None:
        if not self.destinations.may_get_login(url):
            host = self.destinations.host(url)
            raise NotAuthorized(
                Step.TOKEN, shown(url),
                text=f"the login was not sent, since the token service is on another host than the registry: {host}",
                remedy=f"if that host may get the login, name it: registry: {{tokenHost: {yaml_host(host)}}} in the stack's settings",
            )  # fmt: skip


class Call:
    """One call of the client ("push", "resolve") on one repository: its requests share a retry budget."""

    def __init__(self, transport: Transport, reference: Reference, budget: RetryBudget) -> None:
        self._transport, self.reference, self.budget = transport, reference, budget
        self.traits = transport.traits
        self.repository = f"/v2/{reference.repository}"
        self.manifest = f"{self.repository}/manifests/{reference.reference}"

    def confirm_missing(self, response: Response, step: Step) -> None:
        """Raises RegistryError unless a 404 is the registry's own, and not that of something in between."""
        confirm_missing(response, step, self.reference, self._transport.authorization.secrets)

    def send(
        self,
        method: str,
        url: str,
        step: Step,
        expect: Container[int],
        *,
        follow: bool = True,
        retry: bool = False,
        actions: str = "pull",
        headers: Mapping[str, str] | None = None,
        body: bytes | Body | None = None,
        sink: Callable[[bytes], object] | None = None,
        limit: int = ERROR_LIMIT,
    ) -> Response:
        """One request, and its redirects. Raises a RegistryError unless the last response's status is an expected one.

        Args:
            url: A path, or the absolute URL of a Location.
            follow: Follow redirects.
            retry: Send it again while it fails in a way that may pass; of requests without a body.
            actions: What a token must allow.
            sink: See HttpClient.request.
        """
        if retry:
            return self.budget.attempt(
                lambda: self.send(
                    method, url, step, expect,
                    actions=actions, headers=headers, limit=limit, follow=follow,
                )
            )  # fmt: skip
        transport, reference = self._transport, self.reference
        scope = Scope(reference.repository, actions)

        def authorization(url: str) -> str | None:
            return transport.authorization.header(scope) if transport.destinations.is_own(url) else None

        response, sent = transport.exchange(
            method, url, step, reference, authorization, headers=headers, body=body, sink=sink, limit=limit,
            follow=follow,
        )  # fmt: skip
        own = transport.destinations.is_own(response.url)
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
            explained, _ = transport.exchange("GET", url, step, reference, authorization, headers=headers, limit=limit)
            response = explained if explained.status == response.status else response
        error = error_for(
            response, step, reference, self.traits if own else SPEC_CONFORMING,
            secrets=transport.authorization.secrets, elsewhere="" if own else transport.destinations.host(response.url),
            origin=origin(transport.authorization.sent(reference.repository), exchanged=bool(sent)) if own else "",
        )  # fmt: skip
        if own and rejects_credentials(response):
            error.auth_rejected = AuthRejected(sent, challenge if wants_token else "")
        elif not own and response.status in (401, 403) and step in (Step.UPLOAD, Step.DOWNLOAD):
            error.failure = Failure(response.status, temporary=True)  # a presigned URL has expired: the next one is new
        raise error
