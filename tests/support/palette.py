"""A plain client of Palette's API, and layers with packs. Nothing here comes from the product."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import time
import uuid
from collections.abc import Mapping
from typing import Any

import requests

from tests.support.sandbox import Sandbox

Json = dict[str, Any]
ADDRESS = "https://api.spectrocloud.com"
OCI = "/v1/registries/oci"
ECR_HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class Palette:
    """A user with an API key: one method a request."""

    def __init__(self, sandbox: Sandbox, key: str | None = None) -> None:
        self.key = sandbox.palette.api_key if key is None else key
        self._proxies = {"https": sandbox.variables["HTTPS_PROXY"]}
        self._ca = sandbox.ca

    def send(self, method: str, path: str, body: Any = None, **options: Any) -> requests.Response:
        headers = {"ApiKey": self.key, **options.pop("headers", {})}
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method, ADDRESS + path, json=body, headers=headers, proxies=self._proxies, verify=self._ca, timeout=30,
                **options,
            )  # fmt: skip

    def get(self, path: str, **options: Any) -> Any:
        response = self.send("GET", path, **options)
        assert response.status_code == 200, response.text
        return response.json()

    def principal(self) -> Json:
        principal: Json = self.get("/v1/clouds/aws/account/sts")
        return principal

    def create(self, kind: str, name: str, spec: Json, *, sync: bool = False) -> str:
        """The uid."""
        query = "" if sync else "?skipPackSync=true"
        body = {"metadata": {"name": name}, "spec": spec}
        response = self.send("POST", f"/v1/registries/oci/{kind}{query}", body)
        assert response.status_code == 201, response.text
        return str(response.json()["uid"])

    def status(self, kind: str, uid: str) -> Json:
        status: Json = self.get(f"/v1/registries/oci/{uid}/{kind}/sync/status")
        return status

    def wait(self, kind: str, uid: str, after: str = "", timeout: float = 15) -> Json:
        """The status at the end of the run that begins later than ``after``, a lastRunTime."""
        deadline = time.monotonic() + timeout
        while (now := self.status(kind, uid))["status"] not in ("Success", "Failed") or now["lastRunTime"] <= after:
            assert time.monotonic() < deadline, now
            time.sleep(0.02)
        return now

    def trigger(self, kind: str, uid: str, query: str = "") -> None:
        """Requests a run."""
        response = self.send("POST", f"{OCI}/{uid}/{kind}/sync{query}")
        assert (response.status_code, response.content) == (202, b"")

    def until(self, kind: str, uid: str, status: str, timeout: float = 15) -> Json:
        """Waits for a status, whichever run it is of."""
        deadline = time.monotonic() + timeout
        while (now := self.status(kind, uid))["status"] != status:
            assert time.monotonic() < deadline, now
            time.sleep(0.01)
        return now

    def sync(self, kind: str, uid: str) -> Json:
        """Requests a run and waits for its end; returns the status."""
        before = self.status(kind, uid)["lastRunTime"]
        self.trigger(kind, uid)
        return self.wait(kind, uid, before)

    def versions(self, uid: str, name: str = "hello") -> list[str]:
        """The versions of a pack in a registry; none if Palette does not list it."""
        response = self.send("GET", f"/v1/packs/{name}/registries/{uid}?cloudType=all")
        assert response.status_code in (200, 404), response.text
        return [tag["version"] for tag in response.json().get("tags", [])]


def role_spec(base: str, arn: str, external_id: str, **changes: Any) -> Json:
    """The correct spec of an ECR registry with a role."""
    return _ecr_spec(base, {"credentialType": "sts", "sts": {"arn": arn, "externalId": external_id}}, changes)


def key_spec(base: str, access_key: str, secret_key: str, **changes: Any) -> Json:
    credentials = {"credentialType": "secret", "accessKey": access_key, "secretKey": secret_key}
    return _ecr_spec(base, credentials, changes)


def _ecr_spec(base: str, credentials: Json, changes: Json) -> Json:
    return {
        "endpoint": ECR_HOST, "isPrivate": True, "providerType": "pack", "isSyncSupported": True,
        "baseContentPath": base, "credentials": credentials, **changes,
    }  # fmt: skip


def basic_spec(endpoint: str, base: str, user: str, password: str, **tls: Any) -> Json:
    auth = {"type": "basic", "username": user, "password": password, "tls": tls}
    return {
        "endpoint": endpoint, "providerType": "pack", "isSyncSupported": True, "baseContentPath": base, "auth": auth,
    }  # fmt: skip


def pack_layer(
    name: str = "hello", version: str = "1.0.0", files: Mapping[str, bytes] | None = None, **more: Any
) -> bytes:
    """The layer of a pack: a .tar.gz with one top folder."""
    about = {
        "name": name, "version": version, "displayName": "Hello", "layer": "addon", "addonType": "app services",
        "cloudTypes": ["all"], **more,
    }  # fmt: skip
    content = {"pack.json": json.dumps(about).encode(), "README.md": b"# Hello\n", "values.yaml": b"a: 1\n"}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in {**content, **(files or {})}.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), compresslevel=1, mtime=0)


def error_code(response: requests.Response) -> tuple[int, str]:
    """Status and code of an error, which always has this form (PAL-4)."""
    body = response.json()
    assert set(body) == {"code", "message", "ref", "details"}
    assert body["message"]
    assert body["ref"]
    return response.status_code, body["code"]


def registry_body(spec: Json, name: str = "") -> Json:
    return {"metadata": {"name": name or f"r-{uuid.uuid4().hex[:8]}"}, "spec": spec}
