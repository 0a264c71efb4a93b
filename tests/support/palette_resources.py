"""Inputs and credentials for Palette's resources on the sandbox, made with the product's own documents."""

from __future__ import annotations

import json
import uuid
from typing import Any

from packinfra.aws import policies
from packinfra.settings import PACKS_PATH
from tests.support.ecr import HOST, Ecr
from tests.support.palette import Palette, pack_layer
from tests.support.sandbox import Sandbox

ACCOUNT = "123456789012"
URN = "urn:pulumi:test::packinfra::pulumi-python:dynamic/packinfra:Palette::palette"


class Reader:
    """Identities that may read below a base path; what they may is packinfra.aws.policies.reader's."""

    def __init__(self, sandbox: Sandbox, base: str) -> None:
        self.iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
        self.principal = Palette(sandbox).principal()
        self.policy = json.dumps(policies.reader(f"arn:aws:ecr:eu-west-1:{ACCOUNT}:repository/{base}/*"))

    def trust(self, external_id: str | None = None) -> str:
        account = f"arn:aws:iam::{self.principal['accountId']}:root"
        return json.dumps(policies.trust(account, external_id or self.principal["externalId"]))

    def role(self, external_id: str | None = None) -> str:
        """The ARN of a new role; another `external_id` than Palette's, and Palette cannot assume it."""
        name = f"reader-{uuid.uuid4().hex[:8]}"
        made = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=self.trust(external_id))
        self.iam.put_role_policy(RoleName=name, PolicyName="reader", PolicyDocument=self.policy)
        return str(made["Role"]["Arn"])

    def user(self) -> str:
        name = f"reader-{uuid.uuid4().hex[:8]}"
        self.iam.create_user(UserName=name)
        self.iam.put_user_policy(UserName=name, PolicyName="reader", PolicyDocument=self.policy)
        return name

    def key(self, user: str) -> dict[str, str]:
        """The inputs for another access key of the user."""
        key = self.iam.create_access_key(UserName=user)["AccessKey"]
        return {"accessKeyId": key["AccessKeyId"], "secretKey": key["SecretAccessKey"]}


class Shelf:
    """Packs below a base path in the sandbox's ECR, pushed by a bystander."""

    def __init__(self, ecr: Ecr, base: str) -> None:
        self.ecr, self.base = ecr, base

    def push(self, version: str, pack: str = "hello") -> str:
        """The manifest digest."""
        name = f"{self.base}/{PACKS_PATH}/{pack}"
        if not self.ecr.names(name):
            self.ecr.create(name)
        return self.ecr.push(name, version, pack_layer(pack, version))


def ecr_inputs(base: str, **more: Any) -> dict[str, Any]:
    """Of a PaletteRegistry; a key, or a role with its ExternalId, comes with `more`. Its name is the base path."""
    plain = {
        "registryName": base, "kind": "ecr", "endpoint": HOST, "basePath": base, "partition": "aws", "roleTimeoutSeconds": 20.0,
        "host": "api.spectrocloud.com", "ownUrn": URN,
    }  # fmt: skip
    return {key: value for key, value in {**plain, **more}.items() if value is not None}
