"""The AWS provider's configuration: every key of it is decided, and every mistake is found before anything is made."""

from __future__ import annotations

import ast
import inspect
import json
import re
from pathlib import Path
from typing import Any

import pulumi_aws
import pytest

from packinfra.aws.config import ROLE, WEB_IDENTITY, AwsConfig, read
from packinfra.aws.config_keys import IDENTITY, KEYS, READ, SECRET, Use
from packinfra.aws.durations import seconds
from packinfra.oci import CredentialsError

ACCOUNT = "123456789012"
ROLE_ARN = f"arn:aws:iam::{ACCOUNT}:role/deploy"
PACKAGE = Path(inspect.getfile(pulumi_aws)).parent


def to_camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)


def keys_of_config() -> set[str]:
    """Of pulumi_aws.config: the names that its properties ask for."""
    return {*re.findall(r"__config__\.get\w*\('(\w+)'\)", (PACKAGE / "config/vars.py").read_text())}


def fields_of(name: str) -> set[str]:
    """Of an input type of pulumi_aws, in the schema's spelling."""
    tree = ast.parse((PACKAGE / "_inputs.py").read_text())
    (found,) = (node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == name)
    return {to_camel(node.target.id) for node in found.body if isinstance(node, ast.AnnAssign)}  # type: ignore[union-attr]


def test_every_key_of_the_installed_provider_is_decided() -> None:
    names = [key.name for key in KEYS]
    assert names == sorted(names, key=str.lower)
    assert {*names} == keys_of_config(), "decide about the new key in packinfra/aws/config_keys.py"
    provider = {to_camel(name) for name in inspect.signature(pulumi_aws.Provider._internal_init).parameters}
    assert {*names} <= provider | {"s3UsEast1RegionalEndpoint"}
    assert all(key.why for key in KEYS)
    assert tuple(key.name for key in KEYS if key.use != Use.IRRELEVANT) == READ
    assert {*READ} > IDENTITY
    assert {"accessKey", "secretKey", "token"} == SECRET


def test_every_field_of_a_role_is_passed_on() -> None:
    """That it is, and how it arrives: test_aws_identity.py."""
    assert {*ROLE} == fields_of("ProviderAssumeRoleArgsDict")
    assert {*WEB_IDENTITY} == fields_of("ProviderAssumeRoleWithWebIdentityArgsDict")


@pytest.mark.parametrize("form", [json.dumps, lambda value: value], ids=["text", "parsed"])
def test_texts_and_parsed_values(form: Any) -> None:
    config = AwsConfig.of(
        {
            "aws:profile": "dev",
            "aws:allowedAccountIds": form([ACCOUNT, 210987654321]),
            "aws:assumeRoles": form([{"roleArn": ROLE_ARN, "duration": "1.5h", "externalId": 12345, "tags": {"n": 1}}]),
            "aws:assumeRoleWithWebIdentity": form({"roleArn": ROLE_ARN, "webIdentityTokenFile": "token"}),
            "aws:defaultTags": form({"tags": {"team": "packs"}}),
            "aws:endpoints": form([{"ecr": "https://ecr.example.com", "s3": "https://s3.example.com"}]),
            "aws:maxRetries": form(3),
            "aws:useFipsEndpoint": form(True),
            "aws:skipMetadataApiCheck": "true",
            "aws:sharedConfigFiles": form(["~/aws.conf"]),
        }
    )
    (role,) = config.assume_roles
    assert (role.arn, role.seconds, role.external_id, role.tags) == (ROLE_ARN, 5400, "12345", {"n": "1"})
    assert config.web_identity
    assert config.web_identity.token_file == "token"
    assert config.allowed_accounts == {ACCOUNT, "210987654321"}
    assert (config.max_attempts, config.use_fips, config.use_dualstack, config.instance_metadata) == (
        3,
        True,
        False,
        False,
    )
    assert (config.config_file, config.credentials_file) == ("~/aws.conf", None)
    assert config.endpoints == {"ecr": "https://ecr.example.com"}
    assert config.default_tags == {"team": "packs"}


@pytest.mark.parametrize("empty", ["", None, [], {}])
def test_what_is_empty_is_absent(empty: Any) -> None:
    assert read({f"aws:{key.name}": empty for key in KEYS}) == (AwsConfig(), [])


@pytest.mark.parametrize("empty", ["[]", "{}", "null"])
def test_empty_lists_and_objects_as_texts(empty: str) -> None:
    keys = ("assumeRoles", "assumeRoleWithWebIdentity", "allowedAccountIds", "endpoints", "defaultTags")
    assert read({f"aws:{key}": empty for key in keys}) == (AwsConfig(), [])


@pytest.mark.parametrize(
    ("key", "value", "problem"),
    [
        ("allowedAccountIds", ACCOUNT, "aws:allowedAccountIds: write a list, with brackets or a dash"),
        ("allowedAccountIds", '"123456789012"', "aws:allowedAccountIds: write a list"),
        ("allowedAccountIds", "[1234]", 'aws:allowedAccountIds: "1234" is no account: write its 12 digits in quotes'),
        ("forbiddenAccountIds", "[true]", "aws:forbiddenAccountIds: write a list of texts"),
        ("assumeRoles", "[{}]", "aws:assumeRoles[0].roleArn: missing; write the ARN of the role, or remove the entry"),
        ("assumeRoles", '[{"roleArn": ""}]', "aws:assumeRoles[0].roleArn: missing"),
        ("assumeRoles", "[null]", "aws:assumeRoles[0]: write its keys, indented below it"),
        ("assumeRoles", ROLE_ARN, "aws:assumeRoles: write a list, with brackets"),
        ("assumeRoles", '{"roleArn": "a"}', "aws:assumeRoles: write a list, with brackets"),
        ("assumeRoles", '[{"roleARN": "a", "roleArn": "a"}]', "aws:assumeRoles[0].roleARN: no such key; did you mean roleArn?"),
        ("assumeRoles", '[{"roleArn": "a", "policyArns": "b"}]', "aws:assumeRoles[0].policyArns: write a list"),
        ("assumeRoles", '[{"roleArn": "a", "tags": ["b"]}]', "aws:assumeRoles[0].tags: write keys and texts"),
        ("assumeRoles", '[{"roleArn": "a", "policy": {"Version": 1}}]', "aws:assumeRoles[0].policy: write a text"),
        ("assumeRoles", '[{"roleArn": "a", "duration": "1d"}]', '[0].duration: "1d" is wrong: write a duration such as 1h'),
        ("assumeRoles", '[{"roleArn": "a", "duration": "-5m"}]', "a session lasts between 15m and 12h"),
        ("assumeRoles", '[{"roleArn": "a", "duration": "500ms"}]', "a session lasts between 15m and 12h"),
        ("assumeRoles", '[{"roleArn": "a", "duration": "3600"}]', 'duration: "3600" is wrong: write a duration'),
        ("assumeRoleWithWebIdentity", '{"roleArn": "a"}', "write either webIdentityToken or webIdentityTokenFile"),
        ("assumeRoleWithWebIdentity", '{"roleArn": "a", "externalId": "b", "webIdentityToken": "hush"}',
         "aws:assumeRoleWithWebIdentity.externalId: no such key"),
        ("assumeRoleWithWebIdentity", '{"webIdentityToken": "hush"}', "aws:assumeRoleWithWebIdentity.roleArn: missing"),
        ("assumeRoleWithWebIdentity", "hush", "aws:assumeRoleWithWebIdentity: write its keys, indented below it"),
        ("accessKey", "hush", "aws:accessKey and aws:secretKey belong together"),
        ("accessKey", {"a": "hush"}, "aws:accessKey: write a text"),
        ("sharedConfigFiles", '["a", "b"]', "aws:sharedConfigFiles: boto3, with which packs are pushed, reads one such file"),
        ("accessKey", "AKIA\nhush", "aws:accessKey: it holds a blank, a line break"),
        ("secretKey", "hush\n", "aws:secretKey: it holds a blank, a line break"),
        ("token", "hush hush", "aws:token: it holds a blank, a line break"),
        ("endpoints", '[{"ecr": "vpce.example.com"}]', "aws:endpoints[0].ecr: write the URL of an endpoint: https://HOST"),
        ("endpoints", '[{"ecr": "https://u:hush@h.example"}]', "aws:endpoints[0].ecr: write the URL of an endpoint"),
        ("endpoints", '[{"sts": "https://h.example:99999"}]', "aws:endpoints[0].sts: write the URL of an endpoint"),
        ("endpoints", '[{"sts": "https://[::1"}]', "aws:endpoints[0].sts: write the URL of an endpoint"),
        ("maxRetries", "few", "aws:maxRetries: write a whole number"),
        ("maxRetries", "-1", "aws:maxRetries: write a whole number"),
        ("retryMode", "legacy", 'aws:retryMode: "legacy" is wrong: write standard or adaptive'),
        ("useFipsEndpoint", "yes", "aws:useFipsEndpoint: write true or false"),
        ("insecure", "true", "aws:insecure: packs are only pushed over TLS that is verified"),
        ("httpsProxy", "http://u:hush@proxy:3128", "aws:httpsProxy: it would be the AWS provider's alone; set HTTPS_PROXY"),
        ("httpProxy", "http://proxy:3128", "NO_PROXY in the environment"),
        ("noProxy", "example.com", "aws:noProxy: it would be the AWS provider's alone"),
    ],
)  # fmt: skip
def test_problems(key: str, value: Any, problem: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        AwsConfig.of({f"aws:{key}": value})
    assert problem in str(caught.value)
    assert "hush" not in str(caught.value)


def test_all_problems_at_once_and_keys_of_others_are_theirs() -> None:
    _, problems = read(
        {"aws:maxRetries": "x", "aws:assumeRoles": "[{}, {}]", "aws:nonsense": "y", "gcp:insecure": "true"}
    )
    assert len(problems) == 3
    assert read({"aws:insecure": "false"}) == (AwsConfig(), [])


def test_files_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "there").touch()
    config = AwsConfig.of({"aws:sharedConfigFiles": '["~/there"]', "aws:sharedCredentialsFiles": '["$HOME/gone"]'})
    assert [problem.partition(" (")[0] for problem in config.missing_files()] == [
        "aws:sharedCredentialsFiles: $HOME/gone: no such file"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1h30m", 5400), ("1.5h", 5400), ("500ms", 0.5), ("-5m", -300), ("+1h", 3600), ("0", 0), (".5h", 1800), ("1.h", 3600),
     ("90m", 5400), ("1h0m0s", 3600), ("1us", 1e-6), ("1\u00b5s", 1e-6), ("1\u03bcs", 1e-6), ("2ns", 2e-9)],
)  # fmt: skip
def test_durations_as_go_reads_them(text: str, expected: float) -> None:
    assert float(seconds(text)) == pytest.approx(expected)


@pytest.mark.parametrize("text", ["", "1", "h", "1 h", "1d", "1h30", ".h", "1e3s", "1h-5m", "\u0661h", "1H"])
def test_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration such as"):
        seconds(text)


def test_nothing_secret_in_a_repr() -> None:
    config = AwsConfig.of(
        {
            "aws:accessKey": "hush",
            "aws:secretKey": "hush",
            "aws:token": "hush",
            "aws:assumeRoles": [{"roleArn": "a", "externalId": "hush"}],
            "aws:assumeRoleWithWebIdentity": {"roleArn": "a", "webIdentityToken": "hush"},
        }
    )
    assert "hush" not in repr(config)


def test_another_identity_than_the_stacks() -> None:
    stack = AwsConfig.of(
        {"aws:accessKey": "AKIA", "aws:secretKey": "s", "aws:assumeRoles": '[{"roleArn": "a"}]', "aws:stsRegion": "x"}
    )
    assert stack.acting_as(None, None) == stack
    assert [role.arn for role in stack.acting_as(None, "b").assume_roles] == ["a", "b"]
    other = stack.acting_as("bank", "b")
    assert (other.profile, other.access_key, other.secret_key, other.sts_region) == ("bank", None, None, "x")
    assert [role.arn for role in other.assume_roles] == ["b"]
    provider = AwsConfig.of({"aws:profile": "p", "aws:useFipsEndpoint": "true"}).as_identity_of(stack)
    assert (provider.profile, provider.access_key, provider.use_fips, provider.sts_region) == (None, "AKIA", True, None)
