"""Plain clients of the sandbox: boto3 for the AWS API, requests for ``/v2``. Nothing here comes from the product."""

from __future__ import annotations

import base64
import contextlib
import functools
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.sandbox import Sandbox

ACCOUNT, REGION = "123456789012", "eu-west-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
Json = dict[str, Any]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(content: bytes, **more: Any) -> Json:
    return {"mediaType": "application/x", "digest": digest_of(content), "size": len(content), **more}


def manifest(*layers: bytes, **changes: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(b"{}", mediaType="application/vnd.unknown.config.v1+json"),
        "layers": [descriptor(layer) for layer in layers],
        **changes,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def no_upload_left(sandbox: Sandbox) -> bool:
    """Whether no part of an upload is left on the disk. Waits until the sandbox has noticed a closed connection."""
    for _ in range(100):
        if not list((sandbox.dir / "blobs").rglob("upload-*")):
            return True
        time.sleep(0.05)
    return False


@contextlib.contextmanager
def rejected(*codes: str) -> Iterator[list[str]]:
    """For an API call that must fail with one of the codes; afterwards the list has AWS's message."""
    messages: list[str] = []
    with pytest.raises(ClientError) as raised:
        yield messages
    assert raised.value.response["Error"]["Code"] in codes
    messages.append(raised.value.response["Error"]["Message"])


@dataclass
class Caller:
    """A user with an access key, and with the registry token that it gives."""

    sandbox: Sandbox
    access_key: str
    secret_key: str

    def client(self, service: str, region: str = REGION, **settings: Any) -> Any:
        session: Any = self.sandbox.session(self.access_key, self.secret_key)
        config = self.sandbox.config.merge(Config(**settings))
        return session.client(service, region_name=region, config=config, verify=self.sandbox.ca)

    @functools.cached_property
    def ecr(self) -> Any:
        return self.client("ecr")

    @functools.cached_property
    def unchecked(self) -> Any:
        """ECR, without boto3's own validation of parameters."""
        return self.client("ecr", parameter_validation=False)

    @functools.cached_property
    def iam(self) -> Any:
        return self.client("iam")

    @functools.cached_property
    def arn(self) -> str:
        return str(self.client("sts").get_caller_identity()["Arn"])

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def credentials(self) -> tuple[str, str]:
        """User name and password for ``/v2``."""
        data = self.ecr.get_authorization_token()["authorizationData"][0]
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return user, password

    def registry(self, credentials: tuple[str, str] | None = None) -> Registry:
        return Registry(self.sandbox, credentials or self.credentials(), HOST)


@dataclass
class Registry:
    """``/v2``: one method a request."""

    sandbox: Sandbox
    credentials: tuple[str, str] | None
    host: str = HOST

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                path if path.startswith("https:") else f"https://{self.host}{path}",
                auth=options.pop("auth", self.credentials),
                proxies={"https": self.sandbox.variables["HTTPS_PROXY"]},
                verify=self.sandbox.ca,
                timeout=60,
                **options,
            )

    def start(self, name: str) -> str:
        response = self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def push_blob(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        response = self.send("PUT", f"{self.start(name)}?digest={digest}", data=content)
        assert response.status_code == 201, response.text
        return digest

    def put(self, name: str, reference: str, content: bytes, media_type: str = MANIFEST) -> requests.Response:
        return self.send("PUT", f"/v2/{name}/manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def push(self, name: str, tag: str, *layers: bytes) -> str:
        """A complete image; returns its digest."""
        for blob in (b"{}", *layers):
            self.push_blob(name, blob)
        content = manifest(*layers)
        response = self.put(name, tag, content)
        assert response.status_code == 201, response.text
        return digest_of(content)


TOKEN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


def allow(actions: str | list[str], *names: str) -> Json:
    resources = [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}" for name in names]
    return {"Effect": "Allow", "Action": actions, "Resource": resources or "*"}


READER = [
    {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories"], "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": ["ecr:ListImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/s/*",
    },
]


@dataclass
class Shelf:
    """The packs of a test in the sandbox's ECR."""

    registry: Registry
    make_repository: MakeRepository
    base: str

    def push(self, name: str, tag: str, layer: bytes) -> str:
        """Pushes a pack; returns its repository."""
        repository = f"{self.base}/spectro-packs/archive/{name}"
        with contextlib.suppress(ClientError):  # it exists already
            self.make_repository(repository)
        self.registry.push(repository, tag, layer)
        return repository


# The types of fixtures that make something and remove it at the end.
MakeRepository = Callable[..., str]
MakeUser = Callable[..., Caller]
MakeRole = Callable[..., str]
MakeSpec = Callable[..., Json]
Register = Callable[..., str]
