"""Finds out, before a delete, why AWS would refuse it: policies that are attached, roles that have policies, images."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import botocore.exceptions
from oras.defaults import default_manifest_accepted_media_types

from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import EcrHost
from packinfra.aws.identity import error_code, explained, identity

_BATCH = 100
"""Images of one BatchGetImage (ECR API reference)."""


class Attachment(NamedTuple):
    """A managed policy, by its ARN, at a "role", "user" or "group"."""

    policy: str
    kind: str
    name: str


class Image(NamedTuple):
    """tag: "" if it has none; manifest: "" if it is none that packinfra knows"""

    tag: str
    digest: str
    manifest: str


class RemovalInventory:
    """Asks with the identity that `config` names. Thread-safe.

    Each method raises CredentialsError if AWS doesn't respond, or denies this identity. A thing that is gone has
    nothing.
    """

    def __init__(self, host: EcrHost, config: AwsConfig) -> None:
        config.check_account(host.account, host.host)
        self._config, current = config, identity(config, host.region)
        with explained(f"could not reach AWS in {host.region}", config):
            self._iam: Any = current.client("iam")
            self._ecr: Any = current.client("ecr", fips=host.fips)

    def attachments(self, policy: str) -> set[Attachment]:
        """Where the policy is attached (iam:ListEntitiesForPolicy)."""
        with self._asking(f"find out where {policy} is attached"):
            pages = list(self._iam.get_paginator("list_entities_for_policy").paginate(PolicyArn=policy))
            return {
                Attachment(policy, kind.lower(), entity[f"{kind}Name"])
                for page in pages
                for kind in ("Role", "User", "Group")
                for entity in page[f"Policy{kind}s"]
            }
        return set()

    def policies_of_role(self, role: str) -> tuple[set[str], set[str]]:
        """(ARNs of attached policies, names of inline policies)"""
        with self._asking(f"find out which policies role {role} has"):
            attached = list(self._iam.get_paginator("list_attached_role_policies").paginate(RoleName=role))
            inline = list(self._iam.get_paginator("list_role_policies").paginate(RoleName=role))
            return (
                {policy["PolicyArn"] for page in attached for policy in page["AttachedPolicies"]},
                {name for page in inline for name in page["PolicyNames"]},
            )
        return set(), set()

    def images(self, repository: str) -> list[Image]:
        """Each tag of the repository, and each image without one (ecr:ListImages, ecr:BatchGetImage)."""
        with self._asking(f"list the images of {repository}"):
            pages = list(self._ecr.get_paginator("list_images").paginate(repositoryName=repository))
            ids = [image for page in pages for image in page["imageIds"]]
            manifests: dict[str, str] = {}
            for start in range(0, len(ids), _BATCH):
                response = self._ecr.batch_get_image(
                    repositoryName=repository,
                    imageIds=ids[start : start + _BATCH],
                    acceptedMediaTypes=default_manifest_accepted_media_types,
                )
                manifests |= {image["imageId"]["imageDigest"]: image["imageManifest"] for image in response["images"]}
            return [
                Image(image.get("imageTag", ""), image["imageDigest"], manifests.get(image["imageDigest"], ""))
                for image in ids
            ]
        return []

    @contextmanager
    def _asking(self, step: str) -> Iterator[None]:
        """Leaves the block if the thing is gone."""
        with explained(f"could not {step}", self._config):
            try:
                yield
            except botocore.exceptions.ClientError as error:
                if error_code(error) not in ("NoSuchEntity", "RepositoryNotFoundException"):
                    raise
