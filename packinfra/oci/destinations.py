"""Where requests and credentials may go, of all that a registry names: upload URLs, redirects, token services.

Credentials go to the registry's own origin (scheme, host and port), and to the token service that the user named; to
nobody else. oras-go before 2.6.1 leaked them to the URLs of uploads.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urljoin, urlsplit

from packinfra.http.addresses import is_internal
from packinfra.http.client import Response
from packinfra.http.redact import clean
from packinfra.oci.errors import RegistryError, Step
from packinfra.oci.reference import normalize_host

REDIRECTS = (301, 302, 303, 307, 308)
_KEEP_METHOD = (307, 308)
_EXTERNAL_URL = "correct the registry's external URL (X-Forwarded-Proto and Host of the proxy before it)"
_DELIVER = (
    "have the registry deliver blobs itself (Harbor: storage_service.redirect.disable; distribution: "
    "storage.redirect.disable)"
)


class Destinations:
    """Of one registry.

    Args:
        base: The registry's URL.
        token_host: The host of its token service, if that is another one and may get the login.
        blob_hosts: Hosts inside this network on which the registry keeps its blobs.
    """

    def __init__(self, base: str, *, token_host: str | None = None, blob_hosts: Collection[str] = ()) -> None:
        self._base = urlsplit(base)
        self._token_host = token_host and normalize_host(token_host)
        self._blob_hosts = {normalize_host(host) for host in blob_hosts}

    def is_own(self, url: str) -> bool:
        return _origin(urlsplit(url)) == _origin(self._base)

    def may_get_login(self, url: str) -> bool:
        """As `checked` took it."""
        return self.is_own(url) or self.host(url) == self._token_host

    def checked(self, url: str, step: Step, reference: object) -> str:
        """The absolute URL. Raises RegistryError for one where no request should go, or that is none."""
        url = absolute(self._base.geturl(), url, step, reference)
        parts, host = urlsplit(url), self.host(url)
        if parts.scheme not in ("https", self._base.scheme):
            verb, remedy = "redirects to", f"{_EXTERNAL_URL}; or {_DELIVER}"
            if step is Step.TOKEN:
                verb, remedy = "has its token service at", _EXTERNAL_URL
            text = f"the registry {verb} a URL without TLS: {shown(url)}"
            raise RegistryError(step, reference, text=text, remedy=remedy)
        named = {self._token_host} if step is Step.TOKEN else self._blob_hosts
        if is_internal(parts.hostname or "") and not is_internal(self._base.hostname or "") and host not in named:
            what, key, remedy = (
                "keeps its blobs at",
                f"blobHosts: [{yaml_host(host)}]",
                f"{_DELIVER}; or {_EXTERNAL_URL}",
            )
            if step is Step.TOKEN:
                what, key, remedy = "has its token service at", f"tokenHost: {yaml_host(host)}", _EXTERNAL_URL
            raise RegistryError(
                step, reference,
                text=f"the registry {what} {host}, an address of this network, which a public registry must not name: "
                f"{shown(url)}",
                remedy=f"if that is right, allow it (registry: {{{key}}} in the stack's settings); otherwise {remedy}",
            )  # fmt: skip
        return url

    def after(self, redirect: Response, method: str, step: Step, reference: object, *, repeatable: bool) -> str:
        """The URL to which a redirect leads. Raises RegistryError where the request must not follow it.

        repeatable: the request can be sent again as it is
        """
        location = redirect.headers.get("Location", "")
        if not location:
            raise RegistryError(step, reference, status=redirect.status, text="the redirect has no Location")
        url = absolute(redirect.url, location, step, reference)
        here, there = urlsplit(redirect.url), urlsplit(url)
        remedy = ""
        if (here.scheme, there.scheme) == ("http", "https") and here.hostname == there.hostname:
            remedy = "leave plainHttp out: the registry speaks TLS"
        elif method not in ("GET", "HEAD") and not (
            repeatable and redirect.status in _KEEP_METHOD and self.is_own(url)
        ):
            remedy = f"if {self.host(url)} is the registry's name, set it as host; otherwise {_EXTERNAL_URL}"
        if remedy:
            text = f"the registry redirects to {shown(url)}"
            raise RegistryError(step, reference, status=redirect.status, text=text, remedy=remedy)
        return self.checked(url, step, reference)

    def host(self, url: str) -> str:
        """With a port that isn't the default one, fit for a message."""
        parts = urlsplit(url)
        return clean(normalize_host(parts.netloc.rpartition("@")[2], plain_http=parts.scheme == "http"), limit=300)


def absolute(base: str, link: str, step: Step, reference: object) -> str:
    """The absolute URL for a Location, Link or realm, which may be relative. Raises RegistryError if it is none."""
    try:
        url = urljoin(base, link)
        parts = urlsplit(url)
        valid = (parts.port is None or parts.port) and parts.hostname  # raises what parsing puts off
    except ValueError:
        valid = None
    if not valid:
        raise RegistryError(step, reference, text="the registry names an invalid URL", remedy=_EXTERNAL_URL)
    return url


def shown(url: str) -> str:
    """A URL in a message: without a login or a query, which may be a key to it."""
    parts = urlsplit(url)
    return clean(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl(), limit=300)


def _origin(parts: SplitResult) -> tuple[str, str | None, int | None]:
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)


def yaml_host(host: str) -> str:
    """As a YAML list or map takes it: brackets would begin a list."""
    return f'"{host}"' if host.startswith("[") else host
