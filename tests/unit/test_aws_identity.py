"""Who pushes: keys, profiles and files, roles with every field, `aws login`; and that an identity outlives its session."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from awscrt.crypto import EC, ECExportFormat, ECType

from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import ecr_client
from packinfra.aws.identity import identity
from packinfra.oci import CredentialsError, Reference
from tests.support.scripted_registry import Reply, ScriptedRegistry
from tests.support.sts import Sts

ARN = "arn:aws:iam::123456789012:role/"
REGION = "eu-west-1"


@pytest.fixture
def sts() -> Iterator[Sts]:
    with Sts() as running:
        yield running


@pytest.fixture(autouse=True)
def _own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def access_key(config: dict[str, Any]) -> str:
    credentials = identity(AwsConfig.of(config), REGION).session.get_credentials()
    return credentials.access_key if credentials else ""


KEYS = {"aws:accessKey": "AKIASTACK", "aws:secretKey": "hush"}


def test_order_of_sources(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    profile = "[dev]\naws_access_key_id = AKIAPROFILE\naws_secret_access_key = x\n"
    (tmp_path / "credentials").write_text(profile)
    assert access_key({"aws:profile": "dev"}) == "AKIAPROFILE"
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENVIRONMENT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    assert access_key({}) == "AKIAENVIRONMENT"
    assert access_key({"aws:profile": "dev"}) == "AKIAPROFILE"
    assert access_key(KEYS) == "AKIASTACK"
    assert access_key(KEYS | {"aws:profile": "dev"}) == "AKIASTACK"


def test_shared_files_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B11: another profile of that name, in the user's own files, does not push."""
    (tmp_path / "credentials").write_text("[ci]\naws_access_key_id = AKIAOTHER\naws_secret_access_key = x\n")
    (tmp_path / "ci").mkdir()
    (tmp_path / "ci/credentials").write_text("[ci]\naws_access_key_id = AKIACI\naws_secret_access_key = x\n")
    (tmp_path / "ci/config").write_text("[profile conf]\naws_access_key_id = AKIACONFIG\naws_secret_access_key = x\n")
    monkeypatch.chdir(tmp_path)
    assert access_key({"aws:profile": "ci", "aws:sharedCredentialsFiles": '["ci/credentials"]'}) == "AKIACI"
    assert access_key({"aws:profile": "conf", "aws:sharedConfigFiles": '["ci/config"]'}) == "AKIACONFIG"
    with pytest.raises(CredentialsError, match=r"sharedCredentialsFiles: gone: no such file .*\n  -> correct the path"):
        access_key({"aws:profile": "ci", "aws:sharedCredentialsFiles": '["gone"]'})


def test_a_profile_that_is_not_there() -> None:
    with pytest.raises(CredentialsError, match=r"ghost[\s\S]*-> set AWS_PROFILE"):
        access_key({"aws:profile": "ghost"})


UNREADABLE = (b"", b"{}", b"[1]", b"\xff", b"<html>Log in</html>", b'{"authorizationData":[]}',
    b'{"authorizationData":[{"authorizationToken":"%","expiresAt":1}]}',
    b'{"authorizationData":[{"authorizationToken":"QVdTOng=","expiresAt":1e300}]}',
    b"<R><Credentials><SecretAccessKey>hush</Secret")  # fmt: skip


@pytest.mark.parametrize("body", UNREADABLE)
@pytest.mark.parametrize("service", ["sts", "ecr"])
@pytest.mark.parametrize("status", [200, 302, 403])
def test_a_response_that_is_not_aws_s(status: int, service: str, body: bytes) -> None:
    """A login page, a gateway: an error, and no traceback of boto3, which judges no shapes."""
    roles = {"aws:assumeRoles": json.dumps([{"roleArn": f"{ARN}x"}])} if service == "sts" else {}
    with ScriptedRegistry() as server:
        server.next("POST", "^/$", Reply(status, body=body))
        config = AwsConfig.of({**KEYS, **roles, "aws:endpoints": json.dumps([{service: f"http://{server.host}"}])})
        with (
            ecr_client(f"123456789012.dkr.ecr.{REGION}.amazonaws.com", config) as client,
            pytest.raises(CredentialsError, match="\n  -> check aws:endpoints, and what stands between") as caught,
        ):
            client.tags(Reference("h", "a/b", "1.0.0"))
        assert len(server.seen) == 1
    if service == "sts":  # ECR sends no credentials, so the body of its error is shown
        assert "hush" not in str(caught.value)


@pytest.mark.parametrize(
    "profile",
    [
        "credential_process = echo nothing",
        "credential_process = echo []",
        'credential_process = "unbalanced',
        """credential_process = echo '{"Version":1,"AccessKeyId":"a","SecretAccessKey":"b","Expiration":"soon"}'""",
        "aws_access_key_id = a\naws_secret_access_key = b\nendpoint_url = nonsense",
        "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /nowhere",
        "aws_access_key_id = a\n  b\naws_secret_access_key = hush",
    ],
)
def test_a_profile_that_can_not_be_used(profile: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[profile p]\n{profile}\n")
    config = AwsConfig.of({"aws:profile": "p"})
    with (
        ecr_client(f"123456789012.dkr.ecr.{REGION}.amazonaws.com", config) as client,
        pytest.raises(CredentialsError, match="\n  -> ") as caught,
    ):
        client.tags(Reference("h", "a/b", "1.0.0"))
    assert "hush" not in str(caught.value)


def test_every_field_of_a_role(sts: Sts) -> None:
    role = {
        "roleArn": ARN + "a", "sessionName": "ci", "duration": "1h30m", "externalId": "ext", "policy": '{"Version":"1"}',
        "policyArns": [ARN + "p", ARN + "q"], "sourceIdentity": "jane", "tags": {"team": "packs"},
        "transitiveTagKeys": ["team"],
    }  # fmt: skip
    assert access_key(KEYS | {"aws:endpoints": sts.endpoints, "aws:assumeRoles": json.dumps([role])}) == "ASIA1"
    (call,) = sts.calls
    assert call == {
        "Action": "AssumeRole", "Version": "2011-06-15", "by": "AKIASTACK", "RoleArn": ARN + "a", "RoleSessionName": "ci",
        "DurationSeconds": "5400", "ExternalId": "ext", "Policy": '{"Version":"1"}', "PolicyArns.member.1.arn": ARN + "p",
        "PolicyArns.member.2.arn": ARN + "q", "SourceIdentity": "jane", "Tags.member.1.Key": "team",
        "Tags.member.1.Value": "packs", "TransitiveTagKeys.member.1": "team",
    }  # fmt: skip


def test_every_field_of_a_web_identity_then_a_chain(sts: Sts, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("the-token\n")
    web = {
        "roleArn": ARN + "web", "sessionName": "ci", "duration": "15m", "policy": "{}", "policyArns": [ARN + "p"],
        "webIdentityTokenFile": str(tmp_path / "token"),
    }  # fmt: skip
    config = {
        "aws:endpoints": sts.endpoints,
        "aws:assumeRoleWithWebIdentity": json.dumps(web),
        "aws:assumeRoles": json.dumps([{"roleArn": ARN + "a"}, {"roleArn": ARN + "b"}]),
    }
    assert access_key(config) == "ASIA3"
    first, second, third = sts.calls
    assert first == {
        "Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "by": "", "RoleArn": ARN + "web",
        "RoleSessionName": "ci", "DurationSeconds": "900", "Policy": "{}", "PolicyArns.member.1.arn": ARN + "p",
        "WebIdentityToken": "the-token",
    }  # fmt: skip
    assert (second["by"], second["RoleArn"], second["RoleSessionName"]) == ("ASIA1", ARN + "a", "packinfra")
    assert (third["by"], third["RoleArn"]) == ("ASIA2", ARN + "b")


@pytest.mark.parametrize(
    ("lifetimes", "expected"),
    [
        # 900 is the shortest that AWS gives: it isn't renewed at every request
        ((900, 900), ["web old by", "role by ASIA1", "delete by ASIA2", "delete by ASIA2"]),
        ((3600, 60), ["web old by", "role by ASIA1", "role by ASIA1", "delete by ASIA3", "delete by ASIA3"]),
        (
            (60, 60, 60),
            ["web old by", "web old by", "role by ASIA2", "web new by", "role by ASIA4", *2 * ["delete by ASIA5"]],
        ),
    ],
    ids=["both last", "the role ends", "both end"],
)
def test_sessions_that_end_during_the_run_are_renewed(
    tmp_path: Path, lifetimes: tuple[float, ...], expected: list[str]
) -> None:
    """B10: one client, for as long as an up takes. A token file is read again."""
    token = tmp_path / "token"
    token.write_text("old-token")
    roles = {
        "aws:assumeRoleWithWebIdentity": {"roleArn": ARN + "web", "webIdentityTokenFile": str(token)},
        "aws:assumeRoles": [{"roleArn": ARN + "a"}],
    }
    with Sts(*lifetimes) as sts:
        ecr = identity(AwsConfig.of({"aws:endpoints": sts.endpoints, **roles}), REGION).client("ecr")
        token.write_text("new-token")
        for _ in range(2):
            ecr.batch_delete_image(repositoryName="packs", imageIds=[{"imageTag": "1.0.0"}])
    kinds = {"AssumeRoleWithWebIdentity": "web", "AssumeRole": "role", "BatchDeleteImage": "delete"}
    for call, line in zip(sts.calls, expected, strict=True):
        token_used = call.get("WebIdentityToken", "").removesuffix("-token")
        assert " ".join(filter(None, [kinds[call["Action"]], token_used, "by", call["by"]])).startswith(line)


def test_aws_login(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """B08: the session that `aws login` leaves (botocore needs awscrt for it), and one that isn't there any more."""
    session = "arn:aws:iam::123456789012:user/jane"
    (tmp_path / "config").write_text(f"[profile dev]\nlogin_session = {session}\n")
    monkeypatch.setenv("AWS_LOGIN_CACHE_DIRECTORY", str(tmp_path / "cache"))
    with pytest.raises(CredentialsError, match=r"login session[\s\S]*\n  -> run aws login with this profile"):
        _ = access_key({"aws:profile": "dev"})
    (tmp_path / "cache").mkdir()
    expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    token = {"accessKeyId": "ASIALOGIN", "secretAccessKey": "x", "sessionToken": "y", "accountId": "123456789012"}
    key = EC.new_generate(ECType.P_256).export_key(ECExportFormat.SEC1).hex()
    (tmp_path / f"cache/{hashlib.sha256(session.encode()).hexdigest()}.json").write_text(
        json.dumps(
            {"accessToken": token | {"expiresAt": expires}, "refreshToken": "r", "dpopKey": key, "clientId": "c"}
        )
    )
    assert access_key({"aws:profile": "dev"}) == "ASIALOGIN"


def test_the_way_to_aws(sts: Sts) -> None:
    config = AwsConfig.of(
        KEYS | {"aws:useFipsEndpoint": "true", "aws:useDualstackEndpoint": "true", "aws:stsRegion": "us-east-1"}
        | {"aws:maxRetries": "2", "aws:retryMode": "adaptive"}
    )  # fmt: skip
    us = identity(config, "us-west-2")
    assert us.client("ecr").meta.endpoint_url == "https://ecr-fips.us-west-2.api.aws"
    assert us.client("sts").meta.endpoint_url == "https://sts-fips.us-east-1.api.aws"
    assert us.client("ecr").meta.config.retries == {"mode": "adaptive", "total_max_attempts": 2}
    plain = identity(AwsConfig.of(KEYS), REGION)
    assert plain.client("ecr").meta.endpoint_url == f"https://api.ecr.{REGION}.amazonaws.com"
    assert plain.client("ecr", fips=True).meta.endpoint_url == f"https://ecr-fips.{REGION}.amazonaws.com"
    given = identity(AwsConfig.of(KEYS | {"aws:useFipsEndpoint": "true", "aws:endpoints": sts.endpoints}), REGION)
    assert given.client("ecr").meta.endpoint_url == sts.url, "FIPS is off for an endpoint that is given"


def test_a_role_keeps_the_way_of_its_profile(sts: Sts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The profile stands in a file that only the stack names."""
    (tmp_path / "ours").write_text(
        "[profile work]\naws_access_key_id = AKIA\naws_secret_access_key = x\nuse_fips_endpoint = true\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "work")
    config = {
        "aws:sharedConfigFiles": json.dumps([str(tmp_path / "ours")]),
        "aws:assumeRoles": json.dumps([{"roleArn": f"{ARN}a"}]),
        "aws:endpoints": json.dumps([{"sts": sts.url}]),
    }
    assert access_key(config) == "ASIA1"
    url = identity(AwsConfig.of(config), REGION).client("ecr").meta.endpoint_url
    assert url == f"https://ecr-fips.{REGION}.amazonaws.com"


def test_credentials_of_an_instance_only_if_the_provider_takes_them() -> None:
    def providers(**config: str) -> list[str]:
        session = identity(AwsConfig.of({f"aws:{key}": value for key, value in config.items()}), REGION).session
        return [provider.METHOD for provider in session._session.get_component("credential_provider").providers]

    assert "iam-role" in providers()
    assert "iam-role" not in providers(skipMetadataApiCheck="true")
