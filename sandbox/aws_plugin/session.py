"""The provider's configuration (region, credentials, allowed accounts) and its AWS clients."""

import functools
import json
import os
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.aws_plugin.values import Json

# The keys of the real provider's configuration that the stand-in supports; it rejects others.
TEXTS = ("accessKey", "secretKey", "token", "profile", "region")
OBJECTS = ("allowedAccountIds", "assumeRoles", "defaultTags", "forbiddenAccountIds", "skipCredentialsValidation")
# Keys without an effect here: the SDK sets them, or they belong to the engine.
IGNORED = ("version", "pluginDownloadURL", "skipMetadataApiCheck", "skipRegionValidation", "skipRequestingAccountId")
KEYS = {*TEXTS, *OBJECTS, *IGNORED, "__internal", "__defaults"}


class ConfigurationError(Exception):
    """An invalid configuration; the message has the remedy."""


def parse(raw: Json) -> Json:
    """The configuration with its JSON texts parsed: the SDK and the engine pass lists and objects as strings."""
    config = dict(raw)
    for key in OBJECTS:
        if isinstance(raw.get(key), str):
            try:
                config[key] = json.loads(raw[key])
            except ValueError:
                raise ConfigurationError(f"aws:{key} is not valid JSON") from None
    for key in ("allowedAccountIds", "forbiddenAccountIds"):
        value = config.get(key) or []
        if not isinstance(value, list):
            raise ConfigurationError(f'aws:{key} must be a list such as ["123456789012"], not {value!r}')
        # An id written without quotes in YAML arrives as a number.
        config[key] = [str(item) for item in value]
    if config["allowedAccountIds"] and config["forbiddenAccountIds"]:  # PLUG-26
        raise ConfigurationError('"allowed_account_ids": conflicts with forbidden_account_ids')
    return config


class Aws:
    """One configured provider."""

    def __init__(self, config: Json) -> None:
        self.default_tags: dict[str, str] = (config.get("defaultTags") or {}).get("tags") or {}
        region = config.get("region") or os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
        if not region:
            raise ConfigurationError(
                "no AWS region: set it with `pulumi config set aws:region eu-west-1`, "
                "or in the environment as AWS_REGION or AWS_DEFAULT_REGION"
            )
        self.region: str = region
        try:
            self._session = boto3.session.Session(
                aws_access_key_id=config.get("accessKey"),
                aws_secret_access_key=config.get("secretKey"),
                aws_session_token=config.get("token"),
                profile_name=config.get("profile"),
                region_name=region,
            )
            for role in config.get("assumeRoles") or []:
                self._session = self._assume(role)
            self._allowed, self._forbidden = config.get("allowedAccountIds"), config.get("forbiddenAccountIds")
            if not config.get("skipCredentialsValidation"):
                self._account()
        except (BotoCoreError, ClientError) as error:
            cause = str(error).rstrip(".")
            raise ConfigurationError(
                f"AWS credentials are missing or not accepted: {cause}. They come from the stack's aws: settings "
                "(profile, accessKey, assumeRoles), else from AWS_PROFILE or AWS_ACCESS_KEY_ID in the environment, "
                "else from ~/.aws; `aws sts get-caller-identity` shows whether they work"
            ) from None

    def _assume(self, role: Json) -> boto3.session.Session:
        arguments = {"RoleArn": role["roleArn"], "RoleSessionName": role.get("sessionName") or "pulumi"}
        if role.get("externalId"):
            arguments["ExternalId"] = role["externalId"]
        keys = self.client("sts").assume_role(**arguments)["Credentials"]
        return boto3.session.Session(
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
            aws_session_token=keys["SessionToken"],
            region_name=self.region,
        )

    @functools.cache  # noqa: B019  (one instance lives as long as the process)
    def _account(self) -> str:
        return str(self.client("sts").get_caller_identity()["Account"])

    def guard_account(self) -> None:
        """Raises ConfigurationError, in the Terraform provider's words, if the account is not allowed."""
        if (self._allowed and self._account() not in self._allowed) or (
            self._forbidden and self._account() in self._forbidden
        ):
            raise ConfigurationError(f"1 error occurred:\n\t* AWS account ID not allowed: {self._account()}\n\n")

    @functools.cache  # noqa: B019  (one instance lives as long as the process)
    def client(self, service: str, region: str | None = None) -> Any:
        settings = Config(retries={"mode": "standard"}, connect_timeout=10, read_timeout=60)
        return self._session.client(service, region_name=region or self.region, config=settings)  # type: ignore[call-overload]

    def partition(self) -> str:
        return self._session.get_partition_for_region(self.region)
