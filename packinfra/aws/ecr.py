"""ECR where it differs from other registries: hosts that name account and region, tokens, deletes."""

from __future__ import annotations

import base64
import logging
import os
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import botocore.exceptions
from botocore.config import Config

from packinfra.aws.identity import AwsConfig, CredentialsError, explain, session
from packinfra.oci.auth.credentials import Login
from packinfra.oci.client import Client
from packinfra.oci.errors import NotAuthorized, RegistryError, Step, Throttled
from packinfra.oci.reference import Reference
from packinfra.oci.traits import RegistryTraits
from packinfra.oci.transport import Transport

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient

# The pattern of amazon-ecr-credential-helper: all partitions, FIPS and dual-stack names.
_HOST = re.compile(
    r"(?P<account>\d{12})\.dkr[.\-]ecr(?P<fips>-fips)?\.(?P<region>[a-zA-Z0-9][a-zA-Z0-9-_]*)\."
    r"(?:amazonaws\.(?:com(?:\.cn)?|eu)|on\.(?:aws|amazonwebservices\.com\.cn)|sc2s\.sgov\.gov|c2s\.ic\.gov"
    r"|cloud\.adc-e\.uk|csp\.hci\.ic\.gov)"
)
_RENEW_BEFORE = timedelta(minutes=15)
"""A token lives 12 hours; one that ends within a long upload is of no use."""
# What an identity needs for a step: ECR may refuse without a word (aws-dotnet-deploy#474), so our errors name it.
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
    manifests_per_second=10.0,  # PutImage, per account and region (ECR service quotas)
)
_GONE = {"ImageNotFound"}
_MOVED = {"ImageTagDoesNotMatchDigest"}


class _WithoutBodies(logging.Filter):
    """At DEBUG botocore logs every answer's body, tokens and temporary credentials included."""

    def filter(self, record: logging.LogRecord) -> bool:
        return not str(record.msg).startswith("Response body")


logging.getLogger("botocore.parsers").addFilter(_WithoutBodies())


@dataclass(frozen=True)
class EcrHost:
    """What a private ECR registry's host name says."""

    host: str
    account: str
    region: str
    fips: bool

    @classmethod
    def of(cls, host: str) -> EcrHost | None:
        """None if `host` is no private ECR registry."""
        found = _HOST.fullmatch(host)
        return cls(host, found["account"], found["region"], bool(found["fips"])) if found else None


class EcrToken:
    """GetAuthorizationToken's login, kept in memory only, renewed early, once for all threads.

    Source: ECR API reference (base64 of "AWS:password", valid 12 hours). It is the caller's, not a repository's.
    """

    def __init__(self, client: Callable[[], ECRClient], host: EcrHost) -> None:
        self._client, self._host = client, host
        self._lock = threading.Lock()
        self._login: Login | None = None
        self._expires = datetime.min.replace(tzinfo=UTC)

    def login(self, *, refused: Login | None = None) -> Login:
        """Raises CredentialsError if AWS gives none."""
        with self._lock:
            if self._login is None or self._login == refused or datetime.now(UTC) > self._expires - _RENEW_BEFORE:
                self._login, self._expires = self._ask()
            return self._login

    def _ask(self) -> tuple[Login, datetime]:
        what = f"get an authorization token for {self._host.host} (ecr:GetAuthorizationToken)"
        try:
            data = self._client().get_authorization_token()["authorizationData"][0]
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as error:
            raise explain(error, what) from error
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return Login(user, password), data["expiresAt"].astimezone(UTC)


def ecr_client(host: str, config: AwsConfig, on_warning: Callable[[str], None] | None = None) -> Client:
    """A client for the private ECR registry `host`, with the identity that `config` names.

    on_warning: see Transport.
    Nothing is asked of AWS before the first request. Raises CredentialsError if the stack may not touch the account.
    """
    place = EcrHost.of(host)
    if place is None:
        raise CredentialsError(f"{host} is no private ECR registry (ACCOUNT.dkr.ecr.REGION.amazonaws.com)")
    config.check_account(place.account, host)
    api = _lazily(lambda: _api(place, config))
    ca_file = os.environ.get("AWS_CA_BUNDLE") or None  # what boto3 trusts, the push trusts
    transport = Transport(host, EcrToken(api, place), ca_file=ca_file, dialect=TRAITS, on_warning=on_warning)
    return Client(transport, remove=lambda reference, digest: delete_image(api(), reference, digest))


def delete_image(api: ECRClient, reference: Reference, digest: str) -> None:
    """Removes the tag if it carries `digest`: BatchDeleteImage, whose failures come with HTTP 200.

    The image goes with its last tag. A tag, image or repository that isn't there, or a tag that carries another
    digest by now, is left as it is. Raises NotAuthorized or another RegistryError.
    """
    try:
        answer = api.batch_delete_image(
            repositoryName=reference.repository, imageIds=[{"imageTag": reference.tag, "imageDigest": digest}]
        )
    except botocore.exceptions.ClientError as error:
        code, text = error.response["Error"].get("Code", ""), error.response["Error"].get("Message", "")
        if code == "RepositoryNotFoundException":
            return
        status = error.response["ResponseMetadata"].get("HTTPStatusCode")
        if "AccessDenied" in code or status == 403:
            remedy = f"allow {TRAITS.permissions[Step.DELETE]} on this repository for the identity that is used"
            raise NotAuthorized(Step.DELETE, reference, status=status, code=code, text=text, remedy=remedy) from error
        kind = Throttled if "Throttl" in code else RegistryError
        raise kind(Step.DELETE, reference, status=status, code=code, text=text) from error
    except botocore.exceptions.BotoCoreError as error:
        raise explain(error, f"{Step.DELETE} {reference}") from error
    for failure in answer.get("failures", []):
        if failure.get("failureCode") not in _GONE | _MOVED:
            raise RegistryError(
                Step.DELETE, reference, code=str(failure.get("failureCode")), text=str(failure.get("failureReason"))
            )


def _api(place: EcrHost, config: AwsConfig) -> ECRClient:
    options = Config(retries={"mode": "standard", "max_attempts": 5}, use_fips_endpoint=place.fips or None)
    try:
        return session(config, place.region).client("ecr", config=options)
    except botocore.exceptions.BotoCoreError as error:
        raise explain(error, f"speak to ECR in {place.region}") from error


def _lazily(make: Callable[[], ECRClient]) -> Callable[[], ECRClient]:
    lock = threading.Lock()
    made: list[ECRClient] = []

    def get() -> ECRClient:
        with lock:
            if not made:
                made.append(make())
            return made[0]

    return get
