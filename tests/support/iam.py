"""For the tests of policy documents: a caller with one policy, and the steps of publishing, one action each."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from packinfra.aws import policies
from tests.support.aws import ACCOUNT, REGION, Caller, Registry, digest_of, manifest

DocumentOf = Callable[[str], policies.Document]


Step = Callable[["Walk"], None]
Steps = tuple[Step, ...]


class DeniedError(Exception):
    """IAM said no; the text is what the caller gets to see."""


@dataclass
class Walk:
    """The steps of publishing and reading, each as an action of its own, by one caller in one repository."""

    caller: Caller
    repository: str
    layer: bytes = field(default_factory=lambda: secrets.token_bytes(64))
    _registry: Registry | None = None
    _upload: str = ""

    def get_authorization_token(self) -> None:
        self._registry = self._api(self.caller.registry)

    def create_repository(self) -> None:
        self._ecr("create_repository", "RepositoryAlreadyExistsException")

    def describe_repositories(self) -> None:
        self._api(lambda: self.caller.ecr.describe_repositories(repositoryNames=[self.repository]))

    def find_repositories(self) -> None:
        self._api(self.caller.ecr.describe_repositories)

    def batch_get_image(self) -> None:
        self._send("GET", "manifests/1.0.0")

    def batch_check_layer_availability(self) -> None:
        if self.registry.send("HEAD", f"/v2/{self.repository}/blobs/{digest_of(b'{}')}").status_code == 403:
            # A HEAD has no body to say why; the API call of the same name has.
            self._ecr("batch_check_layer_availability", layerDigests=[digest_of(b"{}")])

    def initiate_layer_upload(self) -> None:
        response = self._send("POST", "blobs/uploads/")
        self._upload = response.headers["Location"]

    def upload_layer_part(self) -> None:
        for blob in (self.layer, b"{}"):
            upload = self._upload or f"/v2/{self.repository}/blobs/uploads/none"
            self._refused(self.registry.send("PUT", f"{upload}?digest={digest_of(blob)}", data=blob))
            if self._upload:
                self.initiate_layer_upload()

    complete_layer_upload = upload_layer_part  # one request, two actions

    def put_image(self) -> None:
        self._refused(self.registry.put(self.repository, "1.0.0", manifest(self.layer)))

    def get_download_url_for_layer(self) -> None:
        self._send("GET", f"blobs/{digest_of(self.layer)}", allow_redirects=False)

    def list_images(self) -> None:
        self._send("GET", "tags/list")

    def describe_images(self) -> None:
        self._ecr("describe_images")

    def batch_delete_image(self) -> None:
        self._ecr("batch_delete_image", imageIds=[{"imageTag": "1.0.0"}])

    def delete_repository(self) -> None:
        self._ecr("delete_repository")

    def list_tags_for_resource(self) -> None:
        arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{self.repository}"
        self._api(lambda: self.caller.ecr.list_tags_for_resource(resourceArn=arn))

    def get_lifecycle_policy(self) -> None:
        self._ecr("get_lifecycle_policy", "LifecyclePolicyNotFoundException")

    def get_repository_policy(self) -> None:
        self._ecr("get_repository_policy", "RepositoryPolicyNotFoundException")

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            self.get_authorization_token()
        assert self._registry
        return self._registry

    def _send(self, method: str, path: str, **options: Any) -> Any:
        return self._refused(self.registry.send(method, f"/v2/{self.repository}/{path}", **options))

    def _refused(self, response: Any) -> Any:
        if response.status_code == 403:
            raise DeniedError(response.text)
        return response

    def _ecr(self, operation: str, *tolerated: str, **arguments: Any) -> None:
        call = getattr(self.caller.ecr, operation)
        self._api(lambda: call(repositoryName=self.repository, **arguments), *tolerated)

    @staticmethod
    def _api(call: Callable[[], Any], *tolerated: str) -> Any:
        try:
            return call()
        except ClientError as error:
            code = error.response["Error"]["Code"]
            if code == "AccessDeniedException":
                raise DeniedError(str(error)) from None
            if code not in tolerated:
                raise
            return None


@dataclass
class User:
    """Somebody with one policy, which can be changed."""

    owner: Caller
    name: str = field(default_factory=lambda: f"u{secrets.token_hex(5)}")

    def __post_init__(self) -> None:
        self.owner.iam.create_user(UserName=self.name)
        key = self.owner.iam.create_access_key(UserName=self.name)["AccessKey"]
        self.caller = Caller(self.owner.sandbox, key["AccessKeyId"], key["SecretAccessKey"])

    def may(self, document: policies.Document) -> Caller:
        self.owner.iam.put_user_policy(UserName=self.name, PolicyName="p", PolicyDocument=json.dumps(document))
        return self.caller


def only(document: policies.Document, actions: set[str]) -> policies.Document:
    """The document with no other actions than these; empty statements fall away."""
    statements = [{**s, "Action": sorted(actions.intersection(s["Action"]))} for s in document["Statement"]]
    filled = [s for s in statements if s["Action"]]
    return {**document, "Statement": filled or [{"Effect": "Deny", "Action": ["sns:Publish"], "Resource": "*"}]}


def actions_of(document: policies.Document) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


def unproven(document: policies.Document) -> set[str]:
    return {a.name for a in policies.ACTIONS if a.unproven}.intersection(actions_of(document))


def below(base_path: str) -> str:
    return f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{base_path}/*"
