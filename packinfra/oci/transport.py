"""HTTP to one registry: authorisation, timeouts, limits, and errors that say what happened.

One Transport, and in it one connection pool, serves all threads of a process. Rules that look odd:

- Credentials go with every request to the registry's own origin, the first included: sending a body without them
  and repeating it after the challenge breaks large uploads over TLS (oras-py#226). They go nowhere else: no
  redirect is followed, and a foreign upload Location gets none (oras-go before 2.6.1 leaked them there).
- `verify` is passed with each request, since a session's own is ignored when REQUESTS_CA_BUNDLE is set; `auth` too,
  since otherwise ~/.netrc is read.
- The reply to a large PUT waits for the registry's own work, hence the long read timeout (moby/buildkit#3995).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.cookiejar import DefaultCookiePolicy
from typing import Protocol, TypeVar
from urllib.parse import urljoin, urlsplit

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase

from packinfra.oci.errors import (
    CertificateUntrusted,
    NotAuthorized,
    RegistryError,
    RepositoryMissing,
    TagImmutable,
    Throttled,
    TimedOut,
    Unreachable,
)
from packinfra.retry import Failure, RetryPolicy, decide

TIMEOUT = (10.0, 300.0)
"""Seconds to connect, and between two bytes of an answer."""
_ERROR_LIMIT = 64 << 10
_POOL = 16

T = TypeVar("T")


@dataclass(frozen=True)
class Login:
    """A user name and password; neither shows in a repr."""

    username: str
    password: str

    def __repr__(self) -> str:
        return "Login(...)"


class Credentials(Protocol):
    """Where a login comes from. Called for each request, from several threads."""

    def login(self, *, renew: bool = False) -> Login | None:
        """The login, or None for anonymous. renew: the registry said that the last one has expired or is wrong."""


class Body(Protocol):
    """What is sent: read in pieces, closed afterwards. With a length, unless it is a real file."""

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


class Anonymous:
    def login(self, *, renew: bool = False) -> Login | None:  # noqa: ARG002 - the protocol's
        return None


@dataclass(frozen=True)
class Answer:
    """A registry's answer: status, headers (case-insensitive), where it came from, and the body up to a limit."""

    status: int
    headers: Mapping[str, str]
    url: str
    body: bytes

    def error(self) -> tuple[str, str]:
        """(code, text) of the error the body tells of; ECR sends text/plain and empty bodies too."""
        try:
            first = json.loads(self.body)["errors"][0]
            return str(first.get("code") or ""), str(first.get("message") or "")
        except (ValueError, LookupError, TypeError, AttributeError):
            kind = self.headers.get("Content-Type", "")
            text = self.body.decode("utf-8", "replace").strip()
            return "", "" if "html" in kind else text[:300]


@dataclass(frozen=True)
class _Request:
    method: str
    url: str
    operation: str
    reference: object
    headers: Mapping[str, str]
    body: Callable[[], Body] | None
    limit: int


class _Basic(AuthBase):
    def __init__(self, login: Login | None) -> None:
        self._login = login

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._login is None:
            request.headers.pop("Authorization", None)
            return request
        basic = requests.auth.HTTPBasicAuth(self._login.username.encode(), self._login.password.encode())
        prepared: requests.PreparedRequest = basic(request)
        return prepared


class Transport:
    """Requests to one registry.

    host: with port, without scheme; verify: True (the system's trust) or the path of a PEM file with CA certificates;
    plain_http: only ever because the caller asked for it
    """

    def __init__(
        self,
        host: str,
        credentials: Credentials | None = None,
        *,
        verify: bool | str = True,
        plain_http: bool = False,
        policy: RetryPolicy | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.base = f"{'http' if plain_http else 'https'}://{host}"
        self._credentials: Credentials = credentials or Anonymous()
        self._verify = verify
        self._policy = policy or RetryPolicy()
        self._sleep, self._clock = sleep, clock
        self._session = requests.Session()
        # Harbor answers a session cookie with a CSRF check.
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(pool_connections=1, pool_maxsize=_POOL))

    def send(
        self,
        method: str,
        url: str,
        *,
        operation: str,
        reference: object,
        expect: tuple[int, ...],
        headers: Mapping[str, str] | None = None,
        body: Callable[[], Body] | None = None,
        limit: int = _ERROR_LIMIT,
    ) -> Answer:
        """One request, no retries, but a second one with a renewed login after 401 or 403-expired.

        url: a path, or what a Location said. body: called for each attempt, so that it starts from its beginning.
        Raises a RegistryError unless the answer's status is among `expect`.
        """
        url = self._checked(url, operation, reference)
        request = _Request(method, url, operation, reference, headers or {}, body, limit)
        login = self._credentials.login() if self._own(url) else None
        answer = self._once(request, login)
        if login and _stale(answer):
            renewed = self._credentials.login(renew=True)
            if renewed != login:
                answer = self._once(request, renewed)
        if answer.status not in expect:
            raise _refusal(answer, operation, reference)
        return answer

    def retrying(self, attempt: Callable[[], T]) -> T:
        """Runs `attempt` again while it fails in a way that may pass (packinfra/retry.py)."""
        begun, count = self._clock(), 0
        while True:
            count += 1
            try:
                return attempt()
            except RegistryError as error:
                pause = decide(self._policy, error.failure, attempt=count, elapsed=self._clock() - begun)
                if pause is None:
                    raise
                self._sleep(pause)

    def _own(self, url: str) -> bool:
        theirs, ours = urlsplit(url), urlsplit(self.base)
        return (theirs.scheme, theirs.hostname, theirs.port) == (ours.scheme, ours.hostname, ours.port)

    def _checked(self, url: str, operation: str, reference: object) -> str:
        url = urljoin(self.base, url)
        if self.base.startswith("https://") and not url.startswith("https://"):
            raise RegistryError(
                operation, reference,
                text=f"the registry redirects to an address without TLS: {url.split('?')[0]}",
                remedy="correct the registry's external URL (X-Forwarded-Proto of the proxy before it)",
            )  # fmt: skip
        return url

    def _once(self, request: _Request, login: Login | None) -> Answer:
        what, to = request.operation, request.reference
        data = request.body() if request.body else None
        try:
            with self._session.request(
                request.method,
                request.url,
                data=data,
                headers=dict(request.headers),
                auth=_Basic(login),
                verify=self._verify,
                timeout=TIMEOUT,
                allow_redirects=False,
                stream=True,
            ) as response:
                content = b"" if request.method == "HEAD" else response.raw.read(request.limit, decode_content=True)
                return Answer(response.status_code, response.headers, response.url, content)
        except requests.exceptions.SSLError as error:
            raise CertificateUntrusted(what, to, text=_reason(error)) from error
        except requests.exceptions.ConnectTimeout as error:
            raise TimedOut(what, to, text="no connection in time", failure=_AGAIN) from error
        except requests.exceptions.Timeout as error:
            raise TimedOut(what, to, text="no answer in time", failure=_AGAIN) from error
        except (requests.exceptions.RequestException, OSError) as error:
            raise Unreachable(what, to, text=_reason(error), failure=_AGAIN) from error
        finally:
            if data is not None:
                data.close()


def _refusal(answer: Answer, operation: str, reference: object) -> RegistryError:
    code, text = answer.error()
    kind: type[RegistryError] = RegistryError
    if answer.status in (401, 403):
        kind = NotAuthorized
    elif answer.status == 404 and code == "NAME_UNKNOWN":
        kind = RepositoryMissing
    elif answer.status == 412 or code == "TAG_INVALID":  # 412: Harbor's immutable tags
        kind = TagImmutable
    elif answer.status == 429:
        kind = Throttled
    failure = Failure(answer.status, _retry_after(answer))
    return kind(operation, reference, status=answer.status, code=code, text=text, failure=failure)


_AGAIN = Failure(None, temporary=True)


def _stale(answer: Answer) -> bool:
    """Did the registry refuse the login as such? ECR says that a token has expired with 401 or 403."""
    return answer.status == 401 or (answer.status == 403 and b"expired" in answer.body)


def _retry_after(answer: Answer) -> float | None:
    value = answer.headers.get("Retry-After", "")
    return float(value) if value.isdigit() else None


def _reason(error: BaseException) -> str:
    """The innermost reason; requests and urllib3 wrap it several times, with addresses of objects in between."""
    while error.__context__ is not None or error.__cause__ is not None:
        inner = error.__cause__ or error.__context__
        if inner is None or not str(inner):
            break
        error = inner
    return str(error).split("0x")[0] if "object at 0x" in str(error) else str(error)
