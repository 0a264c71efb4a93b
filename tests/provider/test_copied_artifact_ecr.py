"""CopiedArtifact's provider on the sandbox's ECR: from one region to another, read with a role of its own."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from packinfra.oci.referrers import fallback_tag
from packinfra.providers import CopiedArtifactProvider
from tests.support.aws import Registry
from tests.support.ecr import HOST, Ecr
from tests.support.images import image, index, referrer
from tests.support.provider_host import URN, ProviderError, ProviderHost
from tests.support.published_pack import CONFIG
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.sandbox

ELSEWHERE = HOST.replace("eu-west-1", "us-east-1")
APP = index(image(b"amd64", b"shared"), image(b"arm64", b"shared"))
SIGNATURE = referrer(APP, b"a signature")


@pytest.fixture
def elsewhere(sandbox: Sandbox, base_path: str) -> str:
    """A repository of another region, with an index in it."""
    ecr: Any = sandbox.session().client("ecr", region_name="us-east-1", config=sandbox.config, verify=sandbox.ca)
    name = f"{base_path}/team/app"
    ecr.create_repository(repositoryName=name)
    data = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, password = base64.b64decode(data).decode().partition(":")
    registry = Registry(sandbox, (user, password), ELSEWHERE)
    for child in (*APP.children, APP, SIGNATURE, index(SIGNATURE)):
        for blob in child.blobs:
            registry.push_blob(name, blob)
        at = fallback_tag(APP.digest) if child == index(SIGNATURE) else child.digest
        assert registry.put(name, at, child.manifest, child.media_type).status_code == 201
    return f"{ELSEWHERE}/{name}"


def inputs(repository: str, source: str, **access: str) -> dict[str, Any]:
    entry = {"from": f"{source}@{APP.digest}", "tags": ["1.0.0", "stable"]}
    if access:
        entry["access"] = {"kind": "ecr", **access}  # type: ignore[assignment]
    return {"repository": repository, "copies": [entry], "ownUrn": URN}


def test_another_region(sandbox: Sandbox, ecr: Ecr, elsewhere: str, base_path: str, tmp_path: Path) -> None:
    """Into an immutable repository, and out of it again: index, children, signature, everything. (The sandbox has no Referrers
    API: CONF-23.)"""
    name = f"{base_path}/prod/app"
    repository = ecr.create(name, immutable=True)
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG, provider=CopiedArtifactProvider()) as host:
        signed = inputs(repository, elsewhere)
        signed["copies"][0]["referrers"] = True
        checked, failures = host.check({}, signed)
        assert failures == []
        id_, outs = host.create(checked)
        tags = ecr.tags(name)
        assert tags.pop(fallback_tag(APP.digest))
        assert tags == {"1.0.0": APP.digest, "stable": APP.digest}
        assert outs["versions"]["stable"]["referrerDigests"] == SIGNATURE.digest
        assert host.read(id_, outs) == (id_, outs, {})
        assert host.create(checked)[1]["versions"]["stable"]["adopted"] is True, "an immutable tag is never put again"
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG, provider=CopiedArtifactProvider()) as host:
        host.delete(id_, outs)
    ecr.api.delete_repository(repositoryName=name)  # it is empty: ECR would refuse otherwise


def test_the_source_is_read_as_its_role(
    sandbox: Sandbox, ecr: Ecr, elsewhere: str, base_path: str, tmp_path: Path
) -> None:
    """What a reader of the source needs, and no more (docs/copies.md)."""
    iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName=base_path, AssumeRolePolicyDocument=_document(trust))["Role"]["Arn"]
    repository = ecr.create(f"{base_path}/prod/app")
    source = inputs(repository, elsewhere, publisherRoleArn=role)
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG, provider=CopiedArtifactProvider()) as host:
        with pytest.raises(ProviderError, match="GetAuthorizationToken"):
            host.create(host.check({}, source)[0])  # the user could, the role may not
        token = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
        read = {
            "Effect": "Allow",
            "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
            "Resource": f"arn:aws:ecr:us-east-1:*:repository/{base_path}/team/*",
        }
        iam.put_role_policy(RoleName=base_path, PolicyName="p", PolicyDocument=_document(token, read))
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG, provider=CopiedArtifactProvider()) as host:
        host.create(host.check({}, source)[0])
    assert ecr.tags(f"{base_path}/prod/app") == {"1.0.0": APP.digest, "stable": APP.digest}


def test_another_account_may_be_read(sandbox: Sandbox, ecr: Ecr, base_path: str, tmp_path: Path) -> None:
    """aws:allowedAccountIds is about what the stack changes. So the source itself says no here, and in the target's place
    the setting does."""
    foreign = HOST.replace("123456789012", "999999999999")
    repository = ecr.create(f"{base_path}/prod/app")
    with ProviderHost(sandbox.environment(), tmp_path, CONFIG, provider=CopiedArtifactProvider()) as host:
        with pytest.raises(ProviderError, match=rf"source {foreign}/team/app.*403"):
            host.create(host.check({}, inputs(repository, f"{foreign}/team/app"))[0])
        with pytest.raises(ProviderError, match="this stack may only touch 123456789012"):
            host.create(host.check({}, inputs(f"{foreign}/prod/app", f"{HOST}/team/app"))[0])


def _document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})
