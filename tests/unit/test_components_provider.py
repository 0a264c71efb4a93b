"""What packs are told about an explicit AWS provider, and what the stack's own `aws:` config may say."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from pulumi.runtime import config as runtime_config

from packinfra import EcrPackRegistry, RepositorySettings
from packinfra.components._provider import checked_json
from tests.support.components import Recording, declares

ROLE = "arn:aws:iam::123456789012:role/deploy"


def declare(mocks: Recording, provider: Callable[[], aws.Provider], **settings: Any) -> dict[str, Any]:
    """The pack's registryAccess."""

    @declares
    def program() -> None:
        EcrPackRegistry("packs", base_path="b", opts=pulumi.ResourceOptions(providers=[provider()]), **settings)

    program()
    access: dict[str, Any] = mocks.declared["PublishedPack", "packs-hello"].get("registryAccess", {})
    return access


def test_what_is_passed_on(mocks: Recording) -> None:
    access = declare(
        mocks,
        lambda: aws.Provider(
            "p",
            region="eu-west-1",
            profile="ci",
            assume_roles=[aws.ProviderAssumeRoleArgs(role_arn=ROLE, policy_arns=["a"], tags={"team": "packs"})],
            allowed_account_ids=["123456789012"],
            use_fips_endpoint=True,
            skip_credentials_validation=True,
            default_tags=aws.ProviderDefaultTagsArgs(tags={"team": "packs"}),
        ),
    )
    assert access["kind"] == "ecr"
    told = json.loads(access["provider"])
    assert told.keys() == {"allowedAccountIds", "assumeRoles", "defaultTags", "profile", "useFipsEndpoint"}
    assert json.loads(told["assumeRoles"]) == [{"roleArn": ROLE, "policyArns": ["a"], "tags": {"team": "packs"}}]
    assert mocks.declared["RemovalCheck", "packs"]["registryAccess"] == access


def test_an_identity_of_the_components_own(mocks: Recording) -> None:
    access = declare(
        mocks,
        lambda: aws.Provider("p", access_key="AKIA", secret_key="hush", sts_region="us-east-1"),
        publisher_role_arn=ROLE,
    )
    assert access == {"kind": "ecr", "publisherRoleArn": ROLE, "provider": '{"stsRegion": "us-east-1"}'}


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        (
            {"accessKey": "hush", "secretKey": "hush", "token": "hush"},
            "has accessKey, secretKey, token. Packs are pushed",
        ),
        (
            {"assumeRoleWithWebIdentity": json.dumps({"roleArn": ROLE, "webIdentityToken": "hush"})},
            "has assumeRoleWithWebIdentity.webIdentityToken. Packs",
        ),
        ({"httpsProxy": "http://u:hush@proxy"}, "aws:httpsProxy: it would be the AWS provider's alone"),
        ({"assumeRoles": "[{}]"}, r"aws:assumeRoles\[0\].roleArn: missing"),
        ({"defaultTags": '{"tags": {"Team": "a"}}'}, '"Team", "team": an IAM role takes these for one key'),
        ({"sharedConfigFiles": '["gone"]'}, "aws:sharedConfigFiles: gone: no such file"),
    ],
)
def test_refused(values: dict[str, Any], problem: str) -> None:
    """That the engine shows it, without a traceback: tests/engine/test_explicit_provider.py."""
    with pytest.raises(pulumi.RunError, match=problem) as caught:
        checked_json(values, {"team": "packs"})
    assert "hush" not in str(caught.value)


@contextmanager
def stack_config(**values: str) -> Iterator[None]:
    token = runtime_config.CONFIG.set({f"aws:{key}": value for key, value in values.items()})
    try:
        yield
    finally:
        runtime_config.CONFIG.reset(token)


def test_the_stacks_own_config_is_judged_first(mocks: Recording) -> None:
    @declares
    def program() -> None:
        tags = RepositorySettings(tags={"team": "a"})
        EcrPackRegistry("packs", base_path="b", repositories=tags)

    with (
        stack_config(assumeRoles="[{}]", customCaBundle="gone.pem", defaultTags='{"tags": {"Team": "b!"}}'),
        pytest.raises(pulumi.RunError) as caught,
    ):
        program()
    assert [line.split(": ")[0].strip() for line in str(caught.value).splitlines()[1:]] == [
        "aws:assumeRoles[0].roleArn", "aws:customCaBundle", "aws:defaultTags", "tags",
    ]  # fmt: skip
    assert {kind for kind, _ in mocks.declared} <= {"EcrPackRegistry"}
