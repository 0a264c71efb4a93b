"""Every key of the AWS provider's configuration, and what a push does with it.

The AWS provider creates the repositories, and packinfra pushes to them: both must be the same identity, and reach AWS
the same way. `tests/unit/test_aws_config.py` compares this table with the installed pulumi_aws, so that a new key fails
a test until somebody has decided about it. docs/aws-config.md is generated from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Use(StrEnum):
    HONOURED = "honoured"
    REFUSED = "refused"  # before anything is created
    IRRELEVANT = "irrelevant"


@dataclass(frozen=True)
class Key:
    """why: what it is honoured for, or the reason and the remedy"""

    name: str
    use: Use
    why: str
    secret: bool = False


_PROXY = (
    "it would be the AWS provider's alone; set HTTPS_PROXY, HTTP_PROXY and NO_PROXY in the environment, which the Pulumi "
    "engine, the AWS provider and packinfra all read"
)
_START = "it is only about how the AWS provider starts"
_S3 = "packinfra uses no S3 API"

# fmt: off
KEYS = (
    Key("accessKey", Use.HONOURED, "identity", secret=True),
    Key("allowedAccountIds", Use.HONOURED, "a registry of another account is an error"),
    Key("assumeRoles", Use.HONOURED, "identity: every field, one role after the other, renewed during a long run"),
    Key("assumeRoleWithWebIdentity", Use.HONOURED, "identity: every field; a token file is read again at each renewal"),
    Key("customCaBundle", Use.HONOURED, "trusted for AWS's API and for the registry"),
    Key("defaultTags", Use.HONOURED, "counted and judged together with `repositories.tags`"),
    Key("ec2MetadataServiceEndpoint", Use.HONOURED, "credentials of an EC2 instance"),
    Key("ec2MetadataServiceEndpointMode", Use.HONOURED, "credentials of an EC2 instance"),
    Key("endpoints", Use.HONOURED, "`ecr`, `iam` and `sts`; pushes go to the host that ECR names for the repository"),
    Key("forbiddenAccountIds", Use.HONOURED, "a registry of one of these accounts is an error"),
    Key("httpProxy", Use.REFUSED, _PROXY),
    Key("httpsProxy", Use.REFUSED, _PROXY),
    Key("ignoreTags", Use.IRRELEVANT, "it is about the AWS tags that the AWS provider reads"),
    Key("insecure", Use.REFUSED, "packs are only pushed over TLS that is verified; name the CA: aws:customCaBundle"),
    Key("maxRetries", Use.HONOURED, "attempts of each request to AWS's API; pushes have a time budget instead"),
    Key("noProxy", Use.REFUSED, _PROXY),
    Key("profile", Use.HONOURED, "identity, `aws login` and IAM Identity Center included"),
    Key("region", Use.HONOURED, "where the repositories are; the host of a repository names it"),
    Key("retryMode", Use.HONOURED, "of requests to AWS's API"),
    Key("s3UsEast1RegionalEndpoint", Use.IRRELEVANT, _S3),
    Key("s3UsePathStyle", Use.IRRELEVANT, _S3),
    Key("secretKey", Use.HONOURED, "identity", secret=True),
    Key("sharedConfigFiles", Use.HONOURED, "identity: one file; with several, which boto3 can't read, an error"),
    Key("sharedCredentialsFiles", Use.HONOURED, "identity: one file; with several, which boto3 can't read, an error"),
    Key("skipCredentialsValidation", Use.IRRELEVANT, _START),
    Key("skipMetadataApiCheck", Use.HONOURED, "true: no credentials of an EC2 instance"),
    Key("skipRegionValidation", Use.IRRELEVANT, _START),
    Key("skipRequestingAccountId", Use.IRRELEVANT, _START),
    Key("stsRegion", Use.HONOURED, "where roles are assumed; else the registry's region"),
    Key("tagPolicyCompliance", Use.IRRELEVANT, "the AWS provider compares the AWS tags with the organization's policy"),
    Key("token", Use.HONOURED, "identity", secret=True),
    Key("tokenBucketRateLimiterCapacity", Use.IRRELEVANT, "it limits the AWS provider's own retries"),
    Key("useDualstackEndpoint", Use.HONOURED, "of AWS's API and of the registry, which has an IPv6 address then"),
    Key("useFipsEndpoint", Use.HONOURED, "of AWS's API and of the registry"),
    Key("userAgents", Use.IRRELEVANT, "it is text in the AWS provider's requests"),
)
# fmt: on
READ = tuple(key.name for key in KEYS if key.use is not Use.IRRELEVANT)
SECRET = frozenset(key.name for key in KEYS if key.secret)
IDENTITY = SECRET | {
    "assumeRoleWithWebIdentity", "assumeRoles", "ec2MetadataServiceEndpoint", "ec2MetadataServiceEndpointMode", "profile",
    "sharedConfigFiles", "sharedCredentialsFiles", "skipMetadataApiCheck",
}  # fmt: skip
