"""The names of one ECR registry, and which of them a push goes to."""

from __future__ import annotations

import pytest

from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import EcrHost, ecr_client
from packinfra.lifecycle.clients import repository_identity
from packinfra.oci.auth.credentials import CredentialsError

ID = "123456789012"
IPV4, FIPS = f"{ID}.dkr.ecr.us-east-1.amazonaws.com", f"{ID}.dkr.ecr-fips.us-east-1.amazonaws.com"
DUAL, DUAL_FIPS = f"{ID}.dkr-ecr.us-east-1.on.aws", f"{ID}.dkr-ecr-fips.us-east-1.on.aws"
CHINA, CHINA_DUAL = f"{ID}.dkr.ecr.cn-north-1.amazonaws.com.cn", f"{ID}.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn"


@pytest.mark.parametrize(
    ("host", "dualstack", "fips", "endpoint"),
    [
        (IPV4, False, False, IPV4),
        (IPV4, True, False, DUAL),
        (IPV4, False, True, FIPS),
        (IPV4, True, True, DUAL_FIPS),
        (FIPS, False, False, FIPS),
        (FIPS, True, False, DUAL_FIPS),
        (DUAL, False, False, DUAL),
        (DUAL, True, True, DUAL_FIPS),
        (DUAL_FIPS, False, False, DUAL_FIPS),
        (CHINA, True, False, CHINA_DUAL),
    ],
)
def test_endpoints(host: str, dualstack: bool, fips: bool, endpoint: str) -> None:
    registry = EcrHost.of(host)
    assert registry
    assert registry.endpoint(dualstack=dualstack, fips=fips) == endpoint
    assert repository_identity(f"{host}/a", None) == repository_identity(f"{endpoint}/a", None), "one registry"


def test_a_partition_without_such_names() -> None:
    registry = EcrHost.of(f"{ID}.dkr.ecr.us-iso-east-1.c2s.ic.gov")
    assert registry
    assert registry.endpoint(dualstack=False, fips=False) == registry.host
    with pytest.raises(CredentialsError, match=r"no dual-stack name .*\n  -> take aws:useDualstackEndpoint out"):
        registry.endpoint(dualstack=True, fips=False)


def test_a_push_goes_there() -> None:
    with ecr_client(IPV4, AwsConfig(use_dualstack=True)) as client:
        assert client._transport.base == f"https://{DUAL}"
