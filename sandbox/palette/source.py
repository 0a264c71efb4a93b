"""How Palette reads a registry: from outside, over HTTP, with the registration's credentials.

Blocking, so it runs in a thread. It reaches ECR through the sandbox's own proxy, so roles, keys, policies and tokens
are checked like those of any caller. It reaches other registries directly, and only on a loopback address.
"""

import base64
import contextlib
import functools
import json
import os
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from sandbox.ecr.data_plane import HOST
from sandbox.palette.errors import AccessError
from sandbox.palette.overrides import Overrides
from sandbox.palette.spec import Json

_ACCEPT = "application/vnd.oci.image.manifest.v1+json, application/vnd.docker.distribution.manifest.v2+json"
_NEXT = re.compile(r'<([^>]*)>\s*;\s*rel="?next"?')


@dataclass
class Source:
    """One registry that Palette can access."""

    pool: Any  # of urllib3
    address: str  # the part before /v2/
    credentials: tuple[str, str] | None
    redirects: bool  # are followed, as ECR's to the bucket of its layers
    names: Callable[[], list[str]] | None = None  # lists repositories where /v2/_catalog doesn't

    def repositories(self) -> list[str]:
        return self.names() if self.names else list(self._pages("/v2/_catalog?n=1000", "repositories"))

    def tags(self, name: str) -> list[str]:
        try:
            return list(self._pages(f"/v2/{name}/tags/list", "tags"))
        except AccessError as error:
            if error.status == 404:  # the catalogue may still have a deleted repository
                return []
            raise

    def manifest(self, name: str, tag: str) -> bytes:
        with self.get(f"/v2/{name}/manifests/{tag}") as response:
            return bytes(response.read())

    @contextlib.contextmanager
    def get(self, path: str) -> Iterator[Any]:
        """The response, whose body is not read yet. Raises AccessError."""
        import urllib3  # noqa: PLC0415  (so that the sandbox starts faster)

        headers = {"Accept": _ACCEPT}
        if self.credentials:
            headers["Authorization"] = "Basic " + base64.b64encode(":".join(self.credentials).encode()).decode()
        url = self.address + path
        try:
            response = self.pool.request("GET", url, headers=headers, preload_content=False, redirect=self.redirects)
            try:
                if response.status != 200:
                    text = response.read(500).decode("utf-8", "replace").strip()
                    raise AccessError(f"GET {url}: {response.status} {text}".strip(), response.status)
                yield response
            finally:
                response.close()
        except urllib3.exceptions.HTTPError as error:
            raise AccessError(f"GET {url}: {error}") from None

    def _pages(self, path: str, key: str) -> Iterator[str]:
        next_page = path
        while next_page:
            with self.get(next_page) as response:
                content, link = response.read(), _NEXT.search(response.headers.get("Link", ""))
            try:
                yield from json.loads(content)[key] or []
            except (ValueError, KeyError, TypeError):
                raise AccessError(f"GET {self.address}{next_page}: no list of {key}") from None
            # Only path and query: Palette asks no other host.
            next_page = urlsplit(link[1])._replace(scheme="", netloc="").geturl() if link else ""


@dataclass
class RegistryProbe:
    """Opens registries for Palette."""

    proxy: str
    ca: str  # file with the sandbox's CA
    access_key: str  # of Palette's own AWS account
    secret_key: str
    overrides: Overrides
    _first_attempts: dict[str, float] = field(default_factory=dict)  # role -> time
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def open(self, kind: str, spec: Json) -> Source:
        """Logs in; raises AccessError."""
        return self._open_ecr(spec) if kind == "ecr" else self._open_basic(spec)

    def _open_basic(self, spec: Json) -> Source:
        import urllib3  # noqa: PLC0415

        auth, tls = spec["auth"], spec["auth"]["tls"]
        if auth["type"] == "token":
            raise AccessError("auth type token is not offered by the sandbox")
        try:
            context = ssl.create_default_context(cadata=tls["certificate"] or None)
        except (ssl.SSLError, ValueError):
            raise AccessError("tls.certificate is not a PEM certificate") from None
        if tls["insecureSkipVerify"]:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        pool = urllib3.PoolManager(ssl_context=context, retries=False, timeout=urllib3.Timeout(5, read=20))
        path = spec.get("basePath", "").strip("/")
        address = spec["endpoint"].rstrip("/").removesuffix("/v2") + (f"/{path}" if path else "")
        credentials = (auth.get("username", ""), auth.get("password", "")) if auth["type"] == "basic" else None
        source = Source(pool, address, credentials, redirects=False)
        with source.get("/v2/"):
            return source

    def _open_ecr(self, spec: Json) -> Source:
        import urllib3  # noqa: PLC0415
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        host = HOST.fullmatch(spec["endpoint"])
        if host is None:
            raise AccessError(f"{spec['endpoint']} is not an ECR registry")
        try:
            ecr = self._client("ecr", host["region"], *self._keys(spec, host["region"]))
            token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        except (BotoCoreError, ClientError) as error:
            raise AccessError(str(error)) from None
        user, _, password = base64.b64decode(token).decode().partition(":")
        pool = urllib3.ProxyManager(
            self.proxy,
            ca_certs=self.ca,
            retries=urllib3.Retry(None, connect=0, read=0, status=0, other=0, redirect=3),
            timeout=urllib3.Timeout(5, read=60),
        )

        def names() -> list[str]:
            try:
                pages = list(ecr.get_paginator("describe_repositories").paginate(registryId=host["account"]))
            except (BotoCoreError, ClientError) as error:
                raise AccessError(str(error)) from None
            return [repository["repositoryName"] for page in pages for repository in page["repositories"]]

        return Source(pool, f"https://{spec['endpoint']}", (user, password), redirects=True, names=names)

    def _keys(self, spec: Json, region: str) -> tuple[str, ...]:
        """The registered access key and secret, or those of the registered role with its session token."""
        credentials = spec["credentials"]
        if credentials["credentialType"] == "secret":
            return credentials.get("accessKey", ""), credentials.get("secretKey", "")
        if credentials["credentialType"] != "sts":
            raise AccessError(f"credentialType {credentials['credentialType']} is not offered by the sandbox")
        role = credentials.get("sts", {})
        arn, external_id = role.get("arn", ""), role.get("externalId", "")
        first_attempt = self._first_attempts.setdefault(arn, time.monotonic())
        if time.monotonic() < first_attempt + self.overrides.role_seconds:  # PAL-50
            raise AccessError(
                "An error occurred (AccessDenied) when calling the AssumeRole operation: User: Palette is not "
                f"authorized to perform: sts:AssumeRole on resource: {arn}"
            )
        more = {"ExternalId": external_id} if external_id else {}
        sts = self._client("sts", region, self.access_key, self.secret_key)
        keys = sts.assume_role(RoleArn=arn, RoleSessionName="palette", **more)["Credentials"]
        return keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]

    @functools.cached_property
    def _session(self) -> Any:
        """Shared: it keeps the service models, which take long to load."""
        from botocore.session import Session  # noqa: PLC0415

        session = Session()
        for name in ("config_file", "credentials_file"):  # not the user's
            session.set_config_variable(name, os.devnull)
        return session

    def _client(self, service: str, region: str, key: str, secret: str, token: str | None = None) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            proxies={"https": self.proxy}, retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=20
        )
        with self._lock:  # a session is not thread-safe
            return self._session.create_client(
                service, region, aws_access_key_id=key, aws_secret_access_key=secret, aws_session_token=token,
                verify=self.ca, config=config,
            )  # fmt: skip
