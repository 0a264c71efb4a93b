"""ECR hosts, the stack's AWS identity, IAM documents."""

from __future__ import annotations

import json

import pytest

from packinfra.aws.ecr import EcrHost, ecr_client
from packinfra.aws.identity import AwsConfig, CredentialsError, session
from packinfra.aws.policies import DOCUMENTED, publisher

ACCOUNT = "123456789012"


@pytest.mark.parametrize(
    ("host", "region", "fips"),
    [
        (f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", "eu-west-1", False),
        (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", True),
        (f"{ACCOUNT}.dkr.ecr-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1", True),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", False),
        (f"{ACCOUNT}.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", False),
        (f"{ACCOUNT}.dkr-ecr.us-west-2.on.aws", "us-west-2", False),
        (f"{ACCOUNT}.dkr-ecr-fips.us-west-2.on.aws", "us-west-2", True),
    ],
)
def test_ecr_hosts(host: str, region: str, fips: bool) -> None:
    assert EcrHost.of(host) == EcrHost(host, ACCOUNT, region, fips)


@pytest.mark.parametrize(
    "host",
    ["harbor.example.com", "public.ecr.aws", "12345.dkr.ecr.eu-west-1.amazonaws.com",
     f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com.evil.example", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com:443"],
)  # fmt: skip
def test_other_hosts(host: str) -> None:
    assert EcrHost.of(host) is None


def test_account_guard() -> None:
    host = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"
    with pytest.raises(CredentialsError, match=r"may only touch 210987654321 \(aws:allowedAccountIds\)"):
        ecr_client(host, AwsConfig.of({"aws:allowedAccountIds": '["210987654321"]'}))
    with pytest.raises(CredentialsError, match="forbiddenAccountIds excludes"):
        ecr_client(host, AwsConfig.of({"aws:forbiddenAccountIds": json.dumps([ACCOUNT])}))
    ecr_client(host, AwsConfig.of({"aws:allowedAccountIds": json.dumps([ACCOUNT])}))


def test_identity_of_the_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "from-environment")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    config = AwsConfig.of({"aws:accessKey": "from-stack", "aws:secretKey": "hush", "aws:token": "hush-too"})
    credentials = session(config, "eu-west-1").get_credentials()
    assert credentials
    assert credentials.access_key == "from-stack"
    plain = session(AwsConfig.of({}), "eu-west-1").get_credentials()
    assert plain
    assert plain.access_key == "from-environment"
    assert "hush" not in repr(config)


def test_a_profile_that_is_not_there(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", f"{tmp_path}/none")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    with pytest.raises(CredentialsError, match=r"ghost[\s\S]*-> set AWS_PROFILE"):
        session(AwsConfig.of({"aws:profile": "ghost"}), "eu-west-1")


def test_publisher_document() -> None:
    token, packs = publisher("arn:aws:ecr:eu-west-1:123456789012:repository/packs/*")["Statement"]
    assert (token["Action"], token["Resource"]) == ("ecr:GetAuthorizationToken", "*")
    assert packs["Resource"].endswith(":repository/packs/*")
    assert len(DOCUMENTED) == 10
    assert set(DOCUMENTED) < set(packs["Action"])
    assert len(packs["Action"]) == 13
