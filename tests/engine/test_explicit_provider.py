"""A program with explicit AWS providers: packs are pushed with each one's identity, without being told again."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.ecr import Ecr
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine
PROGRAM = """
roles = [aws.ProviderAssumeRoleArgs(role_arn="{role}", external_id="agreed", duration="15m")]
# one base path in two regions: names of both components must differ, also those of hooks
for region in ("eu-west-1", "eu-north-1"):
    provider = aws.Provider(region, region=region, {arguments})
    options = ResourceOptions(providers=[provider])
    packinfra.EcrPackRegistry(region, base_path=BASE, packs=["packs/hello"], opts=options)
"""


def test_pushes_take_the_identity_of_the_providers(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    """The environment's identity may assume a role and nothing else, so whatever else is done, the role does."""
    iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
    name = project.base_path
    user = iam.create_user(UserName=name)["User"]["Arn"]
    trust = {"Effect": "Allow", "Principal": {"AWS": user}, "Action": "sts:AssumeRole"}
    trust["Condition"] = {"StringEquals": {"sts:ExternalId": "agreed"}}
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=_document(everything))
    assume = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role}
    iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=_document(assume))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    project.variables(AWS_ACCESS_KEY_ID=key["AccessKeyId"], AWS_SECRET_ACCESS_KEY=key["SecretAccessKey"])

    def program(arguments: str) -> None:
        project.program(PROGRAM.format(role=role, arguments=arguments))

    program('access_key="AKIA", secret_key="hush", skip_credentials_validation=True')
    text = project.run("preview", succeeds=False)
    assert "the component's AWS provider has accessKey, secretKey. Packs are pushed outside of that provider" in text
    assert "Traceback" not in text
    assert "hush" not in project.kept() + text

    program("assume_roles=roles")
    project.up()
    assert ecr.tags(project.repository).keys() == {"1.0.0"}
    provider = json.loads(project.resources()["PublishedPack eu-west-1-hello"]["inputs"]["registryAccess"]["provider"])
    assert provider.keys() == {"assumeRoles"}
    assert json.loads(provider["assumeRoles"]) == [{"roleArn": role, "externalId": "agreed", "duration": "15m"}]
    project.run("preview", "--expect-no-changes")
    project.destroy()
    assert ecr.names(project.base_path) == []


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
