"""Plain clients of the sandbox's ECR: boto3 for the control plane, requests for the registry."""

from __future__ import annotations

import base64
import hashlib
from typing import Any
from urllib.parse import urljoin

import requests
from botocore.exceptions import ClientError

from packinfra.artifacts.pack import pack_manifest
from tests.support.sandbox import Sandbox

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
TYPE = "application/vnd.oci.image.manifest.v1+json"


class Ecr:
    def __init__(self, sandbox: Sandbox) -> None:
        self.api: Any = sandbox.session().client("ecr", config=sandbox.config, verify=sandbox.ca)
        self._kms: Any = sandbox.session().client("kms", config=sandbox.config, verify=sandbox.ca)
        self._proxies = {"https": sandbox.variables["HTTPS_PROXY"]}
        self._ca = sandbox.ca

    def create(self, name: str, *, immutable: bool = False) -> str:
        self.api.create_repository(repositoryName=name, imageTagMutability="IMMUTABLE" if immutable else "MUTABLE")
        return f"{HOST}/{name}"

    def kms_key(self) -> str:
        """The ARN of a new KMS key."""
        arn: str = self._kms.create_key()["KeyMetadata"]["Arn"]
        return arn

    def names(self, prefix: str) -> list[str]:
        pages = self.api.get_paginator("describe_repositories").paginate()
        names = [repository["repositoryName"] for page in pages for repository in page["repositories"]]
        return sorted(name for name in names if name.startswith(prefix))

    def tags(self, name: str) -> dict[str, str]:
        """tag -> digest; nothing for a repository that isn't there."""
        try:
            pages = list(self.api.get_paginator("list_images").paginate(repositoryName=name))
        except ClientError as error:
            assert error.response["Error"]["Code"] == "RepositoryNotFoundException"
            return {}
        return {i["imageTag"]: i["imageDigest"] for page in pages for i in page["imageIds"] if "imageTag" in i}

    def delete_tag(self, name: str, tag: str) -> None:
        response = self.api.batch_delete_image(repositoryName=name, imageIds=[{"imageTag": tag}])
        assert not response["failures"]

    def _session(self) -> requests.Session:
        token = self.api.get_authorization_token()["authorizationData"][0]["authorizationToken"]
        user, _, password = base64.b64decode(token).decode().partition(":")
        session = requests.Session()
        session.auth, session.proxies, session.verify = (user, password), self._proxies, self._ca
        session.trust_env = False
        return session

    def has_all(self, name: str, tag: str) -> bool:
        """Are the config and the layers of what the tag carries there?"""
        with self._session() as session:
            manifest = session.get(f"https://{HOST}/v2/{name}/manifests/{tag}").json()
            digests = [blob["digest"] for blob in (manifest["config"], *manifest["layers"])]
            return all(session.head(f"https://{HOST}/v2/{name}/blobs/{digest}").ok for digest in digests)

    def push(self, name: str, tag: str, layer: bytes, title: str = "") -> str:
        """Pushes by hand, as Palette's guide says; returns the digest."""
        with self._session() as session:
            for blob in (b"{}", layer):
                started = session.post(f"https://{HOST}/v2/{name}/blobs/uploads/")
                assert started.status_code == 202, started.text
                location = urljoin(started.url, started.headers["Location"])
                mark = "&" if "?" in location else "?"
                done = session.put(f"{location}{mark}digest={digest(blob)}", data=blob)
                assert done.status_code == 201, done.text
            manifest = pack_manifest(
                title or f"{name.rpartition('/')[2]}-{tag}.tar.gz", digest(layer), len(layer), "2020-01-01T00:00:00Z"
            )
            url = f"https://{HOST}/v2/{name}/manifests/{tag}"
            put = session.put(url, data=manifest.body, headers={"Content-Type": TYPE})
            assert put.status_code == 201, put.text
            return manifest.digest


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"
