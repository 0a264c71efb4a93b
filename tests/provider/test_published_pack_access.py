"""The identity of PublishedPack's provider on ECR: roles, refusals, rotated credentials."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support.ecr import Ecr
from tests.support.provider_host import ProviderError, ProviderHost
from tests.support.published_pack import CONFIG, Pack, digests
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox


def test_the_roles_of_the_stack_are_assumed(pack: Pack, ecr: Ecr, sandbox: Sandbox, base_path: str) -> None:
    """aws:assumeRoles of the stack, which boto3 alone knows nothing of: the push runs as that role."""
    iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=base_path, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    roles = {"aws:assumeRoles": json.dumps([{"roleArn": role, "sessionName": "ci", "duration": "1h"}])}
    inputs = pack.checked()
    with (
        ProviderHost(pack.environment(), pack.folder.parent, {**CONFIG, **roles}) as host,
        pytest.raises(ProviderError, match="GetAuthorizationToken"),
    ):
        host.create(inputs)  # the user could, the role may not
    token = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
    push = {"Effect": "Allow", "Action": "ecr:*", "Resource": f"arn:aws:ecr:*:*:repository/{base_path}/*"}
    iam.put_role_policy(RoleName=base_path, PolicyName="p", PolicyDocument=_document(token, push))
    with ProviderHost(pack.environment(), pack.folder.parent, {**CONFIG, **roles}) as host:
        host.create(inputs)
        missing = {"aws:assumeRoles": json.dumps([{"roleArn": role + "-none"}])}
    assert ecr.tags(pack.name) == digests(inputs)
    # and for a program with an explicit AWS provider, whose configuration is an input
    id_, outs = pack.repository, {**inputs, "registryAccess": {"kind": "ecr", "publisherRoleArn": role}}
    provider = json.dumps({**roles_of_provider(role), "allowedAccountIds": '["123456789012"]'})
    foreign = json.dumps({**roles_of_provider(role), "allowedAccountIds": '["210987654321"]'})
    with ProviderHost(pack.environment(), pack.folder.parent, CONFIG | missing) as host:
        assert host.read(id_, {**outs, "registryAccess": {"kind": "ecr", "provider": provider}})[0] == id_
        with pytest.raises(ProviderError, match=r"may only touch 210987654321 \(aws:allowedAccountIds\)"):
            host.read(id_, {**outs, "registryAccess": {"kind": "ecr", "provider": foreign}})
    with ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as host:
        host.delete(id_, outs)
        with pytest.raises(ProviderError, match=r"profile \(ghost\)"):
            host.read(id_, {**outs, "registryAccess": {"kind": "ecr", "profile": "ghost"}})
    assert ecr.tags(pack.name) == {}
    with (
        ProviderHost(pack.environment(), pack.folder.parent, {**CONFIG, **missing}) as host,
        pytest.raises(ProviderError, match=r"no usable AWS credentials: .*AssumeRole"),
    ):
        host.create(inputs)


def roles_of_provider(role: str) -> dict[str, str]:
    return {"assumeRoles": json.dumps([{"roleArn": role, "duration": "15m"}])}


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


@pytest.mark.parametrize("response", ["unauthorized", "forbidden", "expired", "error"])
def test_a_refusal_is_not_gone(pack: Pack, sandbox: Sandbox, response: str) -> None:
    """Refresh fails with the reason; the engine then leaves state as it was. (Every status: tests/unit/test_client.)"""
    id_, _, outs = pack.created()
    with (
        ProviderHost(pack.environment(), pack.folder.parent, CONFIG) as host,
        sandbox.faults.add(f"* /v2/{pack.name}/manifests/*", times=0, action="respond", response=response),
    ):
        for operation in (host.read, host.delete):
            with pytest.raises(ProviderError, match=r"could not .*hello:1\.0\.0") as caught:
                operation(id_, outs)
            assert "\n  -> " in str(caught.value)
    assert pack.host.read(id_, outs)[0] == id_


def test_rotated_credentials(pack: Pack, ecr: Ecr, sandbox: Sandbox, tmp_path: Path) -> None:
    id_, _, outs = pack.created()
    iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
    user = sandbox.session().client("sts", config=sandbox.config, verify=sandbox.ca).get_caller_identity()["Arn"]
    key = iam.create_access_key(UserName=user.rpartition("/")[2])["AccessKey"]
    rotated = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    with ProviderHost({**sandbox.environment(), **rotated}, tmp_path, CONFIG) as host:
        host.delete(id_, outs)
    assert ecr.tags(pack.name) == {}
