"""The AWS API of ECR: operations on registries, repositories and images.

``accounts.py`` has checked signature and policies before a request gets here. Each operation is a method of the same
name; the input of all operations is validated against the API model in one place.
"""

import base64
import binascii
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sandbox.ecr import images, model, policies
from sandbox.ecr.access import Authorize, Caller, DeniedError, Tokens
from sandbox.ecr.downloads import Downloads
from sandbox.ecr.errors import ApiError, invalid
from sandbox.ecr.rate_limit import ManifestRateLimit
from sandbox.ecr.state import Json, Registry, Repository, Store
from sandbox.tags import KEY, TAGS, VALUE, has_only_allowed, has_twice, is_reserved

_WORDS = re.compile(r"(?<!^)(?=[A-Z])")


def resource_arns(data: Json, registry: Registry) -> list[str]:
    """The ARNs of a request's resources, as IAM uses them (behaviour.md IAM-12, IAM-13)."""
    names = data.get("repositoryNames")
    if isinstance(names, list) and names:
        return [registry.arn(str(name)) for name in names]
    if isinstance(data.get("resourceArn"), str):
        return [data["resourceArn"]]
    return [registry.arn(str(data.get("repositoryName") or "*"))]


@dataclass
class Request:
    """One call: caller, registry, input."""

    caller: Caller
    registry: Registry
    data: Json

    @property
    def repository(self) -> Repository:
        return self.registry.repository(self.data["repositoryName"])

    @property
    def scope(self) -> Json:
        return {"registryId": self.registry.account, "repositoryName": self.data["repositoryName"]}


@dataclass
class ControlPlane:
    store: Store
    tokens: Tokens
    downloads: Downloads
    rate_limit: ManifestRateLimit
    authorize: Authorize
    has_principal: Callable[[str], bool]
    find_key: Callable[[str, str, str], str | None]  # name, account, region

    def call(self, operation: str, caller: Caller, account: str, region: str, body: bytes) -> tuple[int, Json]:
        """Status and JSON body of the response to one operation."""
        try:
            method = self._method(operation)
            data = self._input(operation, body)
            registry = self.store.registry(data.get("registryId", account), region)
            # The first resource was checked with the signature; the others are checked here.
            for arn in resource_arns(data, registry)[1:]:
                self.authorize(caller, f"ecr:{operation}", arn)
            return 200, method(Request(caller, registry, data))
        except ApiError as error:
            return 400, {"__type": error.code, "message": error.message}
        except DeniedError as error:
            return 400, {"__type": "AccessDeniedException", "message": str(error)}

    def _method(self, operation: str) -> Callable[[Request], Json]:
        method: Callable[[Request], Json] | None = None
        if operation in model.operations():
            method = getattr(self, _WORDS.sub("_", operation).lower(), None)
        if method is None:
            raise ApiError("UnknownOperationException", f"the sandbox does not have ecr:{operation}")
        return method

    @staticmethod
    def _input(operation: str, body: bytes) -> Json:
        try:
            data = json.loads(body or b"{}")
        except (ValueError, RecursionError):
            raise ApiError("SerializationException", "the request is not JSON") from None
        if not isinstance(data, dict):
            raise ApiError("SerializationException", "the request is not a JSON object")
        model.check(operation, data)
        return data

    # ---- token ----------------------------------------------------------------------------------------------------

    def get_authorization_token(self, r: Request) -> Json:
        data = []
        for account in r.data.get("registryIds") or [r.registry.account]:
            token, expires = self.tokens.issue(r.caller, r.registry.region)
            host = self.store.registry(account, r.registry.region).host
            text = base64.b64encode(f"AWS:{token}".encode()).decode()
            data.append({"authorizationToken": text, "expiresAt": expires, "proxyEndpoint": f"https://{host}"})
        return {"authorizationData": data}

    # ---- repositories ---------------------------------------------------------------------------------------------

    def create_repository(self, r: Request) -> Json:
        tags = _tags(r.data.get("tags", []))
        mutability, exclusions = _mutability({"imageTagMutability": "MUTABLE", **r.data})
        if tags:
            self.authorize(r.caller, "ecr:TagResource", r.registry.arn(r.data["repositoryName"]))
        repository = r.registry.create(
            r.data["repositoryName"],
            mutability=mutability,
            exclusions=exclusions,
            scanning={"scanOnPush": False, **r.data.get("imageScanningConfiguration", {})},
            encryption=self._encryption(r),
            resource_tags=tags,
        )
        return {"repository": repository.describe()}

    def _encryption(self, r: Request) -> Json:
        """behaviour.md REP-13: the caller grants ECR the use of the key."""
        config: Json = r.data.get("encryptionConfiguration", {"encryptionType": "AES256"})
        name = config.get("kmsKey")
        if name is None:
            return config
        if not config["encryptionType"].startswith("KMS"):
            raise invalid("encryptionConfiguration", "a kmsKey needs encryptionType KMS or KMS_DSSE")
        arn = self.find_key(name, r.registry.account, r.registry.region)
        if arn is None:
            raise ApiError("KmsException", f"The KMS key '{name}' does not exist or is not enabled")
        for action in ("kms:DescribeKey", "kms:CreateGrant"):
            self.authorize(r.caller, action, arn)
        return {**config, "kmsKey": arn}

    def describe_repositories(self, r: Request) -> Json:
        names = r.data.get("repositoryNames")
        if names and ("nextToken" in r.data or "maxResults" in r.data):
            raise invalid("maxResults", "cannot be used together with repositoryNames")
        rows = [r.registry.repository(name).describe() for name in names or sorted(r.registry.repositories)]
        return {"repositories": rows} if names else _page(r.data, "repositories", rows)

    def delete_repository(self, r: Request) -> Json:
        repository = r.repository
        if repository.manifests and not r.data.get("force"):
            raise ApiError(
                "RepositoryNotEmptyException",
                f"The repository with name '{repository.name}' in registry with id '{r.registry.account}' cannot be "
                "deleted because it still contains images",
            )
        return {"repository": r.registry.delete(repository.name).describe()}

    def put_image_tag_mutability(self, r: Request) -> Json:
        repository = r.repository
        repository.mutability, repository.exclusions = _mutability(r.data)
        exclusions = {"imageTagMutabilityExclusionFilters": repository.exclusions} if repository.exclusions else {}
        return {**r.scope, "imageTagMutability": repository.mutability, **exclusions}

    def put_image_scanning_configuration(self, r: Request) -> Json:
        r.repository.scanning = {"scanOnPush": False, **r.data["imageScanningConfiguration"]}
        return {**r.scope, "imageScanningConfiguration": r.repository.scanning}

    # ---- the two documents ----------------------------------------------------------------------------------------

    def set_repository_policy(self, r: Request) -> Json:
        r.repository.policy = policies.repository_policy(r.data["policyText"], self._is_known)
        return self.get_repository_policy(r)

    def _is_known(self, account: str, arn: str) -> bool:
        """Whether a principal exists; every principal of another account passes, because the sandbox knows none."""
        return account not in self.store.accounts or self.has_principal(arn)

    def get_repository_policy(self, r: Request) -> Json:
        text = r.repository.policy
        if text is None:
            raise _missing(r, "RepositoryPolicyNotFoundException", "Repository policy does not exist")
        return {**r.scope, "policyText": text}

    def delete_repository_policy(self, r: Request) -> Json:
        response = self.get_repository_policy(r)
        r.repository.policy = None
        return response

    def put_lifecycle_policy(self, r: Request) -> Json:
        r.repository.lifecycle = policies.lifecycle_policy(r.data["lifecyclePolicyText"])
        return self.get_lifecycle_policy(r)

    def get_lifecycle_policy(self, r: Request) -> Json:
        text = r.repository.lifecycle
        if text is None:
            raise _missing(r, "LifecyclePolicyNotFoundException", "Lifecycle policy does not exist")
        return {**r.scope, "lifecyclePolicyText": text}

    def delete_lifecycle_policy(self, r: Request) -> Json:
        response = self.get_lifecycle_policy(r)
        r.repository.lifecycle = None
        return response

    # ---- tags of the repository -----------------------------------------------------------------------------------

    def _by_arn(self, r: Request) -> Repository:
        arn = r.data["resourceArn"]
        name = arn.removeprefix(r.registry.arn(""))
        if name == arn or not name:
            raise invalid("resourceArn", f"must be the ARN of a repository in {r.registry.region}")
        return r.registry.repository(name)

    def list_tags_for_resource(self, r: Request) -> Json:
        return {"tags": [{"Key": key, "Value": value} for key, value in self._by_arn(r).resource_tags.items()]}

    def tag_resource(self, r: Request) -> Json:
        repository = self._by_arn(r)
        tags = [{"Key": key, "Value": value} for key, value in repository.resource_tags.items()]
        _tags(r.data["tags"])
        new = {tag["Key"]: tag for tag in [*tags, *r.data["tags"]]}
        repository.resource_tags = _tags(list(new.values()))
        return {}

    def untag_resource(self, r: Request) -> Json:
        for key in r.data["tagKeys"]:
            self._by_arn(r).resource_tags.pop(key, None)
        return {}

    # ---- images ---------------------------------------------------------------------------------------------------

    def put_image(self, r: Request) -> Json:
        repository = r.repository
        self.rate_limit.check(r.registry)
        content, tag = r.data["imageManifest"].encode(), r.data.get("imageTag")
        digest, known = images.put(
            repository, content, r.data.get("imageManifestMediaType"), tag, r.data.get("imageDigest")
        )
        if known:
            raise ApiError(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}' and tag '{tag}' already exists in the repository with name "
                f"'{repository.name}' in registry with id '{r.registry.account}'",
            )
        return {"image": _image(repository, {"imageDigest": digest, **({"imageTag": tag} if tag else {})})}

    def batch_get_image(self, r: Request) -> Json:
        repository, rows, failures = r.repository, [], []
        for image_id in r.data["imageIds"]:
            digest, failure = images.find(repository, image_id)
            if digest:
                rows.append(_image(repository, {**image_id, "imageDigest": digest}))
            else:
                failures.append(_failure(image_id, failure))
        return {"images": rows, "failures": failures}

    def batch_delete_image(self, r: Request) -> Json:
        repository, gone, failures = r.repository, [], []
        for image_id in r.data["imageIds"]:
            deleted, failure = images.delete(repository, image_id)
            gone += deleted
            if failure:
                failures.append(_failure(image_id, failure))
        return {"imageIds": gone, "failures": failures}

    def list_images(self, r: Request) -> Json:
        repository = r.repository
        rows: list[Json] = []
        for digest in _filtered(repository, r.data):
            tags = [{"imageDigest": digest, "imageTag": tag} for tag in repository.tags_of(digest)]
            rows += tags or [{"imageDigest": digest}]
        return _page(r.data, "imageIds", rows)

    def describe_images(self, r: Request) -> Json:
        repository = r.repository
        digests = list(_filtered(repository, r.data))
        if image_ids := r.data.get("imageIds"):
            by_id = [(image_id, images.find(repository, image_id)[0]) for image_id in image_ids]
            for image_id, digest in by_id:
                if digest is None:
                    text = ", ".join(f"{key}:'{image_id.get(key, 'null')}'" for key in ("imageDigest", "imageTag"))
                    raise ApiError(
                        "ImageNotFoundException",
                        f"The image with imageId {{{text}}} does not exist within the repository with name "
                        f"'{repository.name}' in the registry with id '{r.registry.account}'",
                    )
            selected = {digest for _, digest in by_id}
            digests = [digest for digest in digests if digest in selected]
        return _page(r.data, "imageDetails", [_detail(repository, digest) for digest in digests])

    # ---- layers ---------------------------------------------------------------------------------------------------

    def batch_check_layer_availability(self, r: Request) -> Json:
        layers: list[Json] = []
        failures: list[Json] = []
        for digest in r.data["layerDigests"]:
            if not images.DIGEST.fullmatch(digest):
                failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest"})
                continue
            blob = r.repository.blob(digest)
            size = {"layerSize": blob.stat().st_size} if blob.is_file() else {}
            availability = "AVAILABLE" if size else "UNAVAILABLE"
            layers.append({"layerDigest": digest, "layerAvailability": availability, **size})
        return {"layers": layers, "failures": failures}

    def get_download_url_for_layer(self, r: Request) -> Json:
        digest = r.data["layerDigest"]
        blob = r.repository.blob(digest)
        if not images.DIGEST.fullmatch(digest) or not blob.is_file():
            raise ApiError("LayersNotFoundException", f"Layers with digests '[{digest}]' not found")
        return {"layerDigest": digest, "downloadUrl": self.downloads.link(blob, r.registry.region)}


def _missing(r: Request, code: str, message: str) -> ApiError:
    return ApiError(
        code,
        f"{message} for the repository with name '{r.data['repositoryName']}' in the registry with id "
        f"'{r.registry.account}'",
    )


def _failure(image_id: Json, code: str) -> Json:
    return {"imageId": image_id, "failureCode": code, "failureReason": images.REASONS[code]}


def _mutability(data: Json) -> tuple[str, list[Json]]:
    """behaviour.md REP-5."""
    mutability, exclusions = data["imageTagMutability"], data.get("imageTagMutabilityExclusionFilters", [])
    if mutability.endswith("_WITH_EXCLUSION") != bool(exclusions):
        raise invalid("imageTagMutabilityExclusionFilters", "filters belong to *_WITH_EXCLUSION, and only to it")
    return mutability, exclusions


def _tags(tags: list[Json]) -> dict[str, str]:
    """behaviour.md REP-10."""
    for tag in tags:
        key, value = tag["Key"], tag["Value"]
        fits = 1 <= len(key) <= KEY and len(value) <= VALUE and has_only_allowed(key + value)
        if not fits or is_reserved(key):
            raise ApiError("InvalidTagParameterException", f"Invalid parameter at 'tags': the tag '{key}' is not valid")
    by_key = {tag["Key"]: tag["Value"] for tag in tags}
    if has_twice(tag["Key"] for tag in tags):
        raise ApiError("InvalidTagParameterException", "Invalid parameter at 'tags': duplicate keys")
    if len(by_key) > TAGS:
        raise ApiError("TooManyTagsException", f"The list of tags on the repository is over the limit of {TAGS}")
    return by_key


def _page(data: Json, key: str, rows: list[Any]) -> Json:
    """behaviour.md REP-11: the token is opaque, so that no client computes with it."""
    start, size = 0, data.get("maxResults", 100)
    if token := data.get("nextToken"):
        try:
            listed, start = json.loads(base64.urlsafe_b64decode(token))
        except (ValueError, TypeError, binascii.Error):
            listed = None
        if listed != key:
            raise invalid("nextToken", "Invalid token")
    after = base64.urlsafe_b64encode(json.dumps([key, start + size]).encode()).decode()
    return {key: rows[start : start + size], **({"nextToken": after} if start + size < len(rows) else {})}


def _filtered(repository: Repository, data: Json) -> list[str]:
    status = data.get("filter", {}).get("tagStatus", "ANY")
    return [d for d in repository.manifests if status == "ANY" or (status == "TAGGED") == bool(repository.tags_of(d))]


def _image(repository: Repository, image_id: Json) -> Json:
    manifest = repository.manifests[image_id["imageDigest"]]
    return {
        "registryId": repository.registry.account,
        "repositoryName": repository.name,
        "imageId": image_id,
        "imageManifest": manifest.content.decode(),
        "imageManifestMediaType": manifest.media_type,
    }


def _detail(repository: Repository, digest: str) -> Json:
    manifest, tags = repository.manifests[digest], repository.tags_of(digest)
    return {
        "registryId": repository.registry.account,
        "repositoryName": repository.name,
        "imageDigest": digest,
        **({"imageTags": tags} if tags else {}),
        "imageSizeInBytes": manifest.size,
        "imagePushedAt": manifest.pushed_at,
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": manifest.artifact_type,
    }
