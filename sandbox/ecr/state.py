"""The state of an ECR: registries (one for each account and region), repositories, images, blobs on disk."""

import json
import re
import secrets
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sandbox.ecr.errors import ApiError

Json = dict[str, Any]


@dataclass(frozen=True)
class Manifest:
    """A manifest exactly as pushed, with properties that are used in many places."""

    content: bytes
    media_type: str
    pushed_at: float

    @property
    def document(self) -> Json:
        document: Json = json.loads(self.content)
        return document

    @property
    def children(self) -> list[str]:
        """The manifests an index refers to."""
        return [child["digest"] for child in self.document.get("manifests", [])]

    @property
    def size(self) -> int:
        """behaviour.md IMG-9."""
        return sum(layer["size"] for layer in self.document.get("layers", []))

    @property
    def artifact_type(self) -> str:
        document = self.document
        return str(document.get("artifactType") or document.get("config", {}).get("mediaType") or self.media_type)


@dataclass
class Repository:
    """One repository; its blobs are files named by their hex digest in ``folder``."""

    registry: "Registry"
    name: str
    folder: Path
    mutability: str
    exclusions: list[Json]
    scanning: Json
    encryption: Json
    resource_tags: dict[str, str]
    created_at: float = field(default_factory=time.time)
    policy: str | None = None
    lifecycle: str | None = None
    manifests: dict[str, Manifest] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return self.registry.arn(self.name)

    def blob(self, digest: str) -> Path:
        return self.folder / digest.removeprefix("sha256:")

    def tags_of(self, digest: str) -> list[str]:
        return sorted(tag for tag, target in self.tags.items() if target == digest)

    def is_immutable(self, tag: str) -> bool:
        """behaviour.md MAN-15: for tags that match a filter, the opposite of the repository's setting holds."""
        excluded = any(_wildcard(item["filter"]).fullmatch(tag) for item in self.exclusions)
        return self.mutability.startswith("IMMUTABLE") != excluded

    def describe(self) -> Json:
        return {
            "repositoryArn": self.arn,
            "registryId": self.registry.account,
            "repositoryName": self.name,
            "repositoryUri": f"{self.registry.host}/{self.name}",
            "createdAt": self.created_at,
            "imageTagMutability": self.mutability,
            **({"imageTagMutabilityExclusionFilters": self.exclusions} if self.exclusions else {}),
            "imageScanningConfiguration": self.scanning,
            "encryptionConfiguration": self.encryption,
        }


def _wildcard(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))))


@dataclass
class Registry:
    """The registry of one account in one region."""

    account: str
    region: str
    blobs: Path
    repositories: dict[str, Repository] = field(default_factory=dict)

    @property
    def host(self) -> str:
        return f"{self.account}.dkr.ecr.{self.region}.amazonaws.com"

    def arn(self, name: str) -> str:
        return f"arn:aws:ecr:{self.region}:{self.account}:repository/{name}"

    def repository(self, name: str) -> Repository:
        try:
            return self.repositories[name]
        except KeyError:
            raise ApiError(
                "RepositoryNotFoundException",
                f"The repository with name '{name}' does not exist in the registry with id '{self.account}'",
            ) from None

    def create(self, name: str, **settings: Any) -> Repository:
        if name in self.repositories:
            raise ApiError(
                "RepositoryAlreadyExistsException",
                f"The repository with name '{name}' already exists in the registry with id '{self.account}'",
            )
        # A new folder each time: a repository that is created again starts empty (behaviour.md REP-9).
        folder = self.blobs / secrets.token_hex(8)
        folder.mkdir(parents=True)
        self.repositories[name] = Repository(self, name, folder, **settings)
        return self.repositories[name]

    def delete(self, name: str) -> Repository:
        repository = self.repositories.pop(name)
        shutil.rmtree(repository.folder, ignore_errors=True)
        return repository


@dataclass
class Store:
    """All registries of the sandbox."""

    blobs: Path
    accounts: frozenset[str]  # those that have an IAM here
    registries: dict[tuple[str, str], Registry] = field(default_factory=dict)

    def registry(self, account: str, region: str) -> Registry:
        return self.registries.setdefault((account, region), Registry(account, region, self.blobs))

    def __iter__(self) -> Iterator[Repository]:
        for registry in self.registries.values():
            yield from registry.repositories.values()

    def policy_for(self, arn: str) -> tuple[str, str] | None:
        """The repository policy behind an ARN and the account that owns it, in the form that ministack's IAM uses."""
        parts = arn.split(":", 5)
        if len(parts) < 6 or not parts[5].startswith("repository/"):
            return None
        _, _, _, region, account, resource = parts
        repository = self.registry(account, region).repositories.get(resource.removeprefix("repository/"))
        return (repository.policy or "", account) if repository else None
