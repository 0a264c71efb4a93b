"""ECR hosts, the stack's AWS identity, IAM documents."""

from __future__ import annotations

import base64
import json
import logging
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from packinfra.aws import policies
from packinfra.aws.config import AwsConfig
from packinfra.aws.ecr import EcrCredentials, EcrHost, delete_image, ecr_client
from packinfra.aws.identity import identity
from packinfra.oci import CredentialsError, Reference, RegistryError
from packinfra.oci.errors import NotAuthorized
from tests.support.scripted_registry import Reply, ScriptedRegistry

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


# ---- tokens and deletes, against an API that says what a test wants

HOST = EcrHost(f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com", ACCOUNT, "eu-west-1", fips=False)


@pytest.fixture
def service() -> Iterator[ScriptedRegistry]:
    with ScriptedRegistry() as running:
        yield running


@pytest.fixture
def api(service: ScriptedRegistry) -> Any:
    keys = {"aws:accessKey": "AKIA", "aws:secretKey": "x"}
    config = AwsConfig.of({**keys, "aws:endpoints": [{"ecr": f"http://{service.host}"}]})
    return identity(config, "eu-west-1").client("ecr")


def token_answer(password: str, expires: float = 4e9) -> Reply:
    data = {"authorizationToken": base64.b64encode(f"AWS:{password}".encode()).decode(), "expiresAt": expires}
    return Reply(200, body=json.dumps({"authorizationData": [data]}).encode())


def test_a_token_is_asked_for_once(service: ScriptedRegistry, api: Any) -> None:
    service.next("POST", "^/$", token_answer("first"), token_answer("second"), token_answer("third"))
    token = EcrCredentials(lambda: api, HOST, AwsConfig())
    first = token.get()
    assert (first.username, first.password) == ("AWS", "first")
    assert token.get() is first
    threads = [threading.Thread(target=token.get, kwargs={"rejected": first}) for _ in range(8)]
    for thread in threads:  # all were refused with the same one
        thread.start()
    for thread in threads:
        thread.join()
    assert token.get().password == "second"
    assert len(service.seen) == 2


def test_a_token_is_renewed_before_it_ends(service: ScriptedRegistry, api: Any) -> None:
    service.next("POST", "^/$", token_answer("old", expires=1e9), token_answer("new"))
    token = EcrCredentials(lambda: api, HOST, AwsConfig())
    assert [token.get().password for _ in range(3)] == ["old", "new", "new"]


def test_tokens_stay_out_of_logs(service: ScriptedRegistry, api: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    reply = token_answer("the-token-itself")
    service.next("POST", "^/$", reply)
    token = EcrCredentials(lambda: api, HOST, AwsConfig())
    assert token.get().password == "the-token-itself"
    encoded = json.loads(reply.body)["authorizationData"][0]["authorizationToken"]
    assert "botocore.parsers" in caplog.text
    for secret in ("the-token-itself", encoded):
        assert secret not in caplog.text + repr(token.get()) + repr(vars(token))


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply(200, body=b'{"imageIds":[],"failures":[]}'), None, ""),
        (Reply(200, body=b'{"failures":[{"failureCode":"ImageNotFound","failureReason":"none"}]}'), None, ""),
        (Reply(200, body=b'{"failures":[{"failureCode":"ImageTagDoesNotMatchDigest","failureReason":"x"}]}'), None, ""),
        (Reply(200, body=b'{"failures":[{"failureCode":"KmsError","failureReason":"no key"}]}'), RegistryError,
         "could not delete the tag .*: KmsError: no key"),
        (Reply(400, body=b'{"__type":"RepositoryNotFoundException","message":"none"}'), None, ""),
        (Reply(400, body=b'{"__type":"AccessDeniedException","message":"User: u is not authorized"}'), NotAuthorized,
         "AccessDeniedException: User: u is not authorized\n  -> allow ecr:BatchDeleteImage"),
    ],
)  # fmt: skip
def test_deletes(
    service: ScriptedRegistry, api: Any, reply: Reply, kind: type[RegistryError] | None, message: str
) -> None:
    service.next("POST", "^/$", reply)
    reference = Reference(HOST.host, "base/hello", "1.0.0")
    if kind:
        with pytest.raises(kind, match=message):
            delete_image(api, reference, "sha256:0")
    else:
        delete_image(api, reference, "sha256:0")


# ---- IAM documents

REPOSITORIES = f"arn:aws-cn:ecr:cn-north-1:{ACCOUNT}:repository/packs/*"
DOCUMENTS: dict[str, Any] = {
    "publisher": policies.publisher(REPOSITORIES),
    "pusher": policies.pusher(REPOSITORIES),
    "reader": policies.reader(REPOSITORIES),
    "deployer": policies.deployer(REPOSITORIES, roles=["ci"], users=["jane"], kms_key="arn:aws-cn:kms:a:b:key/c"),
}


def actions(document: dict[str, Any]) -> set[str]:
    return {action for statement in document["Statement"] for action in statement["Action"]}


@pytest.mark.parametrize("document", DOCUMENTS.values(), ids=DOCUMENTS)
def test_documents_are_scoped(document: dict[str, Any]) -> None:
    for statement in document["Statement"]:
        if statement["Resource"] == "*":
            registry_wide = {"ecr:GetAuthorizationToken", "ecr:DescribeRegistry", "ecr:GetRegistryPolicy"}
            assert set(statement["Action"]) <= registry_wide
        else:
            resources = statement["Resource"] if isinstance(statement["Resource"], list) else [statement["Resource"]]
            assert all(resource.startswith("arn:aws-cn:") for resource in resources)
    assert "*" not in "".join(actions(document))


def test_the_guides_ten_and_the_four_it_forgets() -> None:
    guide = {action.name for action in policies.ACTIONS if action.belongs_to(policies.GUIDE)}
    assert len(guide) == 10
    assert actions(DOCUMENTS["publisher"]) - guide == {
        "ecr:BatchGetImage", "ecr:DescribeRepositories", "ecr:GetAuthorizationToken", "ecr:GetDownloadUrlForLayer",
    }  # fmt: skip


def test_documents_agree_with_the_table() -> None:
    for name, document in DOCUMENTS.items():
        assert actions(document) == {action.name for action in policies.ACTIONS if action.belongs_to(name)}
    assert len({action.name for action in policies.ACTIONS}) == len(policies.ACTIONS)


def test_pushers_and_readers_cannot_make_or_delete() -> None:
    for name in ("pusher", "reader"):
        assert not [action for action in actions(DOCUMENTS[name]) if "Delete" in action or "Create" in action]


def test_a_deployer_for_nobody_attaches_nothing_to_users() -> None:
    plain = policies.deployer(REPOSITORIES)
    assert not [action for action in actions(plain) if action.startswith("kms:") or "User" in action]
    (roles,) = (s["Resource"] for s in plain["Statement"] if s["Sid"] == "RoleAttachments")
    assert roles == [f"arn:aws-cn:iam::{ACCOUNT}:role/packs-*"]
