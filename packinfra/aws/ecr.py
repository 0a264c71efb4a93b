"""ECR where it differs from other registries: hosts that name account and region, tokens, deletes."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import botocore.exceptions

from packinfra.aws.config import AwsConfig
from packinfra.aws.identity import error_code, explained, identity, trusted_file
from packinfra.aws.network import shown
from packinfra.oci.auth.credentials import Credentials, CredentialsError
from packinfra.oci.client import Client
from packinfra.oci.errors import NotAuthorized, RegistryError, Step, Throttled
from packinfra.oci.reference import Reference
from packinfra.oci.traits import RegistryTraits
from packinfra.oci.transport import Transport

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient
    from mypy_boto3_ecr.type_defs import ImageIdentifierTypeDef

# The pattern of amazon-ecr-credential-helper: all partitions, FIPS and dual-stack names.
_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.\-]ecr(?P<fips>-fips)?\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9-_]*)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
_DUAL_STACK = {"amazonaws.com": "on.aws", "amazonaws.com.cn": "on.amazonwebservices.com.cn"}
"""Domain of the IPv4 names -> of the dual-stack names (ECR user guide, Making requests over IPv6)."""
_REFRESH_BEFORE = timedelta(minutes=15)
"""A token lives 12 hours; one that ends within a long upload is of no use."""
# permissions: ECR may reject without a text (aws-dotnet-deploy#474), so our errors name the missing one.
TRAITS = RegistryTraits(
    permissions={
        Step.RESOLVE: "ecr:BatchGetImage",
        Step.READ: "ecr:BatchGetImage",
        Step.LIST: "ecr:ListImages",
        Step.FIND: "ecr:BatchCheckLayerAvailability",
        Step.BEGIN: "ecr:InitiateLayerUpload",
        Step.UPLOAD: "ecr:UploadLayerPart or ecr:CompleteLayerUpload",
        Step.PUBLISH: "ecr:PutImage",
        Step.DOWNLOAD: "ecr:GetDownloadUrlForLayer",
        Step.DELETE: "ecr:BatchDeleteImage",
    },
    drops_uploads=True,
    eventually_consistent=True,  # CreateRepository returns before every call sees the repository (terraform-aws#3849)
    manifests_per_second=10.0,  # PutImage, per account and region (ECR service quotas)
)
_DONE = {"ImageNotFound", "ImageTagDoesNotMatchDigest"}
"""Failures of a delete that has nothing to do: no such image, or the tag carries another digest by now."""


@dataclass(frozen=True)
class EcrHost:
    """A private ECR registry's host name, which holds account and region."""

    host: str
    account: str
    region: str
    fips: bool

    @classmethod
    def of(cls, host: str) -> EcrHost | None:
        """None if `host` is no private ECR registry."""
        match = _HOST.fullmatch(host)
        return cls(host, match["account"], match["region"], bool(match["fips"])) if match else None

    def endpoint(self, *, dualstack: bool, fips: bool) -> str:
        """The registry's name for pushes, which has an IPv6 address too where `dualstack` asks for one.

        The AWS provider reports the IPv4 name whatever its own endpoints are, so state has that one. A name that is one
        of the two already stays one.

        Raises:
            CredentialsError: No such name is known in this partition.
        """
        _, _, domain = self.host.partition(f".{self.region}.")
        fips_label = "-fips" if fips or self.fips else ""
        if dualstack or domain in _DUAL_STACK.values():
            domain = _DUAL_STACK.get(domain, domain)
            if domain not in _DUAL_STACK.values():
                raise CredentialsError(
                    f"{self.host} has no dual-stack name that packinfra knows\n  -> take aws:useDualstackEndpoint out"
                )
            return f"{self.account}.dkr-ecr{fips_label}.{self.region}.{domain}"
        return f"{self.account}.dkr.ecr{fips_label}.{self.region}.{domain}"


class EcrCredentials:
    """GetAuthorizationToken's credentials, kept in memory only, refreshed early, once for all threads.

    Source: ECR API reference (base64 of "AWS:password", valid 12 hours). It is the caller's, not a repository's.
    """

    def __init__(self, client: Callable[[], ECRClient], host: EcrHost, config: AwsConfig) -> None:
        self._client, self._host, self._config = client, host, config
        self._lock = threading.Lock()
        self._credentials: Credentials | None = None
        self._expires = datetime.min.replace(tzinfo=UTC)

    def get(self, repository: str = "", *, rejected: Credentials | None = None) -> Credentials:  # noqa: ARG002 - one for all
        """Raises CredentialsError if AWS gives none."""
        with self._lock:
            if (
                self._credentials is None
                or self._credentials == rejected
                or datetime.now(UTC) > self._expires - _REFRESH_BEFORE
            ):
                self._credentials, self._expires = self._fetch()
            return self._credentials

    def _fetch(self) -> tuple[Credentials, datetime]:
        step = f"get an authorization token for {self._host.host} (ecr:GetAuthorizationToken)"
        with explained(f"could not {step}", self._config):
            data = self._client().get_authorization_token()["authorizationData"][0]
            user, _, password = base64.b64decode(data["authorizationToken"], validate=True).decode().partition(":")
            expires = data["expiresAt"].astimezone(UTC)
        return Credentials(user, password, source="ecr:GetAuthorizationToken for the AWS identity in use"), expires


def ecr_client(host: str, config: AwsConfig, on_warning: Callable[[str], None] | None = None) -> Client:
    """A client for the private ECR registry `host`, with the identity, and to the name of the host, that `config` asks for.

    No request goes to AWS before the first one to the registry. Raises CredentialsError if the stack may not touch the
    account.

    Args:
        on_warning: See Transport.
    """
    registry = EcrHost.of(host)
    if registry is None:
        raise CredentialsError(f"{host} is no private ECR registry (ACCOUNT.dkr.ecr.REGION.amazonaws.com)")
    config.check_account(registry.account, host)
    api = _lazily(lambda: _api(registry, config))
    endpoint = registry.endpoint(dualstack=config.use_dualstack, fips=config.use_fips)
    transport = Transport(
        endpoint, EcrCredentials(api, registry, config), ca_file=trusted_file(config), traits=TRAITS, on_warning=on_warning,
    )  # fmt: skip

    def remove(reference: Reference, digest: str) -> None:
        with explained(f"could not {Step.DELETE} {reference}", config):
            delete_image(api(), reference, digest)

    return Client(transport, remove=remove)


def delete_image(api: ECRClient, reference: Reference, digest: str) -> None:
    """Removes the tag if it carries `digest`, or by digest the image: BatchDeleteImage, whose failures come with HTTP 200.

    ECR deletes an image with its last tag. A missing tag, image or repository is success; a tag that carries another
    digest by now stays. Raises NotAuthorized or another RegistryError, and what else boto3 raises.
    """
    image: ImageIdentifierTypeDef = {"imageDigest": digest}
    if not reference.is_digest:
        image["imageTag"] = reference.reference
    try:
        response = api.batch_delete_image(repositoryName=reference.repository, imageIds=[image])
    except botocore.exceptions.ClientError as error:
        code, text = error_code(error), shown(error.response.get("Error", {}).get("Message", ""))
        if code == "RepositoryNotFoundException":
            return
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if "AccessDenied" in code or status == 403:
            remedy = f"allow {TRAITS.permissions[Step.DELETE]} on this repository for the identity that is used"
            raise NotAuthorized(Step.DELETE, reference, status=status, code=code, text=text, remedy=remedy) from error
        kind = Throttled if "Throttl" in code else RegistryError
        raise kind(Step.DELETE, reference, status=status, code=code, text=text) from error
    for failure in response.get("failures", []):
        if failure.get("failureCode") not in _DONE:
            raise RegistryError(
                Step.DELETE, reference, code=str(failure.get("failureCode")), text=str(failure.get("failureReason"))
            )


def _api(registry: EcrHost, config: AwsConfig) -> ECRClient:
    current = identity(config, registry.region)
    with explained(f"could not reach ECR in {registry.region}", config):
        client: ECRClient = current.client("ecr", fips=registry.fips)
    return client


def _lazily(make: Callable[[], ECRClient]) -> Callable[[], ECRClient]:
    lock = threading.Lock()
    made: list[ECRClient] = []

    def get() -> ECRClient:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get
