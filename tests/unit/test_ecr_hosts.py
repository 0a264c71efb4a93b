"""The names of one ECR registry, and which of them a push goes to."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from packinfra.aws.ecr import EcrHost
from packinfra.lifecycle.clients import RegistryClients, repository_identity
from packinfra.lifecycle.registry_access import EcrAccess, access_to_props
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


@pytest.mark.parametrize(
    ("stack", "provider", "endpoint"),
    [
        ({}, None, IPV4),
        ({"aws:useDualstackEndpoint": "true", "aws:useFipsEndpoint": "true"}, None, DUAL_FIPS),
        ({"aws:useDualstackEndpoint": "true"}, {"useFipsEndpoint": "true"}, FIPS),
    ],
)
def test_a_push_goes_there(stack: dict[str, str], provider: dict[str, str] | None, endpoint: str) -> None:
    """From the configuration of the stack, or of an explicit provider instead, as state has it."""
    access = provider and access_to_props(EcrAccess(provider=json.dumps(provider)))
    with RegistryClients(stack.get, lambda _: None).get(f"{IPV4}/a", access) as client:
        assert client._transport.base == f"https://{endpoint}"


def test_another_registry_needs_no_boto3() -> None:
    """It takes a good part of a second to import."""
    program = (
        "import sys\nfrom packinfra.lifecycle.clients import RegistryClients\n"
        "with RegistryClients(lambda _: None, print, foreign=True).get('ghcr.io/acme/app', None):\n"
        "    sys.exit('boto3' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
