"""The cost of the engine itself: the same resources under the same parent, and dynamic ones that do nothing.

Declared by a Pulumi program from the stack's config: `bench:packs` (how many), `bench:base` (repositories of ECR below
it; "" = none, as in a Basic registry), `bench:empty` (false: repositories only). benchmarks/engine.py sees to it that
the kinds and numbers of resources are those of packinfra's own components.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
from pulumi.dynamic import CheckResult, CreateResult, DiffResult, Resource, ResourceProvider

NAME = "packs"
TEXT = Path("changed.txt")
"""In the project: the file with the input of the first empty resource."""


class EmptyProvider(ResourceProvider):
    serialize_as_secret_always = False

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        return CheckResult(news, [])

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        return DiffResult(changes=_olds.get("text") != _news.get("text"))

    def create(self, props: dict[str, Any]) -> CreateResult:
        return CreateResult("empty", props)


class Empty(Resource, module="bench", name="Empty"):
    def __init__(self, name: str, props: dict[str, Any], opts: pulumi.ResourceOptions) -> None:
        super().__init__(EmptyProvider(), name, props, opts)


def declare() -> None:
    config = pulumi.Config("bench")
    count, base, empty = config.require_int("packs"), config.get("base") or "", config.require_bool("empty")
    parent = pulumi.ComponentResource("bench:index:Registry", NAME)
    child = pulumi.ResourceOptions(parent=parent)
    names = [f"pack-{number:04}" for number in range(count)]
    if base:
        repositories: dict[str, pulumi.Input[str]] = {n: _repository(n, base, child) for n in names}
        _repository("", base, child)
        _policy(base, child)
        opts = child
    else:
        repositories = {n: f"127.0.0.1:5000/{n}" for n in names}
        opts = pulumi.ResourceOptions(parent=parent, depends_on=[Empty(NAME, {"repository": "", "text": ""}, child)])
    if not empty:
        return
    text = TEXT.read_text()
    for number, name in enumerate(names):
        props = {"repository": repositories[name], "text": "" if number else text}
        Empty(f"{NAME}-{name}", props, opts)


def _repository(name: str, base: str, opts: pulumi.ResourceOptions) -> pulumi.Output[str]:
    from pulumi_aws import ecr  # noqa: PLC0415 - where there is no AWS, it need not be loaded

    path = f"{base}/spectro-packs/archive"
    made = ecr.Repository(
        f"{NAME}-{name}" if name else NAME,
        name=f"{path}/{name}" if name else path,
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration=ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
        encryption_configurations=[ecr.RepositoryEncryptionConfigurationArgs(encryption_type="AES256")],
        opts=opts,
    )
    url: pulumi.Output[str] = made.repository_url
    return url


def _policy(base: str, opts: pulumi.ResourceOptions) -> None:
    from pulumi_aws import iam  # noqa: PLC0415

    statement = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.Policy(f"{NAME}-publisher", name=f"{base}-publisher", policy=document, opts=opts)
