"""Authentication and authorization: signatures, tokens, IAM and repository policies."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.support.aws import (
    ACCOUNT,
    HOST,
    REGION,
    TOKEN,
    Caller,
    MakeRepository,
    MakeUser,
    Registry,
    allow,
    code_of,
    digest_of,
    manifest,
    rejected,
)
from tests.support.sandbox import Sandbox, running_sandbox

pytestmark = pytest.mark.sandbox


def test_wrong_secret(owner: Caller) -> None:  # SIG-1
    stranger = Caller(owner.sandbox, owner.access_key, "wrong" * 8)
    with rejected("InvalidSignatureException"):
        stranger.ecr.describe_repositories()
    with rejected("SignatureDoesNotMatch"):
        stranger.client("sts").get_caller_identity()


@pytest.mark.parametrize("key", ["AKIAIOSFODNN7EXAMPLE", "test", ACCOUNT, "999999999999"])
def test_unknown_keys(sandbox: Sandbox, key: str) -> None:  # SIG-2
    stranger = Caller(sandbox, key, "test")
    with rejected("UnrecognizedClientException", "InvalidClientTokenId"):
        stranger.ecr.describe_repositories()
    with rejected("UnrecognizedClientException", "InvalidClientTokenId"):
        stranger.client("sts").get_caller_identity()


def test_unsigned(owner: Caller) -> None:  # SIG-3
    with rejected("MissingAuthenticationTokenException", "MissingAuthenticationToken"):
        owner.client("ecr", signature_version=UNSIGNED).describe_repositories()


@pytest.mark.parametrize("scope", [("ecr", "us-west-2"), ("sts", REGION)], ids=["region", "service"])
def test_scope_of_another_endpoint(owner: Caller, registry: Registry, scope: tuple[str, str]) -> None:  # SIG-4
    url, target = f"https://api.ecr.{REGION}.amazonaws.com/", "AmazonEC2ContainerRegistry_V20150921."
    headers = {"X-Amz-Target": target + "DescribeRepositories", "Content-Type": "application/x-amz-json-1.1"}
    for service, region in (scope, ("ecr", REGION)):
        signed = AWSRequest("POST", url, headers, b"{}")
        SigV4Auth(Credentials(owner.access_key, owner.secret_key), service, region).add_auth(signed)
        response = registry.send("POST", url, auth=None, data=b"{}", headers=dict(signed.headers))
        if (service, region) == scope:
            assert response.json()["__type"] == "InvalidSignatureException"
        else:
            assert response.status_code == 200, response.text


def test_caller_identity_needs_no_policy(make_user: MakeUser) -> None:  # SIG-5
    assert make_user().client("sts").get_caller_identity()["Account"] == ACCOUNT


def test_token(owner: Caller) -> None:  # TOK-1
    data = owner.ecr.get_authorization_token()["authorizationData"][0]
    assert data["proxyEndpoint"] == f"https://{HOST}"
    assert data["expiresAt"].timestamp() == pytest.approx(time.time() + 12 * 3600, abs=60)
    assert owner.credentials()[0] == "AWS"


@pytest.mark.parametrize(
    ("credentials", "header"),
    [
        (None, None),
        (("AWS", "wrong"), None),
        (("somebody", ""), None),
        (None, "Bearer abc"),
        (None, "Basic !!!"),
    ],
    ids=["nothing", "token", "user", "scheme", "garbage"],
)
@pytest.mark.parametrize("path", ["/v2/", "/v2/s/none/tags/list"])
def test_challenge(registry: Registry, credentials: Any, header: str | None, path: str) -> None:  # TOK-2
    headers = {"Authorization": header} if header else {}
    response = registry.send("GET", path, auth=credentials, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == f'Basic realm="https://{HOST}/",service="ecr.amazonaws.com"'
    assert response.headers["Content-Type"].startswith("text/plain")
    assert response.text.strip() == "Not Authorized"


def test_right_token_of_another_user_name(registry: Registry) -> None:  # TOK-2
    assert registry.credentials
    assert registry.send("GET", "/v2/", auth=("aws", registry.credentials[1])).status_code == 401


def test_token_of_another_region(owner: Caller) -> None:  # TOK-6
    other = Registry(owner.sandbox, owner.credentials(), f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com")
    assert other.send("GET", "/v2/").status_code == 401


def test_token_expires(tmp_path: Path) -> None:  # TOK-3
    with running_sandbox(tmp_path / "s", "--token-seconds", "1") as sandbox:
        keys = sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"]
        registry = Caller(sandbox, *keys).registry()
        assert registry.send("GET", "/v2/").status_code == 200
        deadline = time.monotonic() + 10
        while (response := registry.send("GET", "/v2/")).status_code == 200:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        assert code_of(response) == (403, "DENIED")
        assert "expired" in response.text


def test_token_is_the_callers(make_user: MakeUser, repository: str, owner: Caller) -> None:  # TOK-4
    user = make_user(TOKEN)
    registry = user.registry()
    path = f"/v2/{repository}/tags/list"
    assert code_of(registry.send("GET", path)) == (403, "DENIED")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecr:ListImages", repository)]})
    owner.iam.put_user_policy(UserName=user.name, PolicyName="more", PolicyDocument=document)
    assert registry.send("GET", path).status_code == 200


def test_token_dies_with_the_key(make_user: MakeUser, owner: Caller) -> None:  # TOK-5
    user = make_user(TOKEN, allow("ecr:*"))
    registry, name = user.registry(), user.name
    owner.iam.update_access_key(UserName=name, AccessKeyId=user.access_key, Status="Inactive")
    assert code_of(registry.send("GET", "/v2/s/none/tags/list")) == (403, "DENIED")


def test_authorized_before_the_body_is_read(registry: Registry, repository: str) -> None:  # TOK-7
    """The response arrives before the generator has sent everything."""
    location = registry.start(repository)
    sent = 0

    def body() -> Any:
        nonlocal sent
        for _ in range(4096):
            sent += 65536
            yield bytes(65536)

    try:
        response = registry.send("PUT", f"{location}?digest={digest_of(b'x')}", data=body(), auth=None)
    except OSError:
        pass  # requests may miss the response if the connection is closed while it sends
    else:
        assert response.status_code == 401
    assert sent < 4096 * 65536


def test_v2_needs_a_token_only(make_user: MakeUser) -> None:  # IAM-1
    assert make_user(TOKEN).registry().send("GET", "/v2/").status_code == 200


BLOB, OTHER = b"a layer", b"another layer"
ENDPOINTS = [  # IAM-2, IAM-3, IAM-4, IAM-5, IAM-6, IAM-7, IAM-8, IAM-9, IAM-10
    ("HEAD", "/blobs/{blob}", b"", ["ecr:BatchCheckLayerAvailability"]),
    ("GET", "/blobs/{blob}", b"", ["ecr:GetDownloadUrlForLayer"]),
    ("POST", "/blobs/uploads/", b"", ["ecr:InitiateLayerUpload"]),
    ("PATCH", "{upload}", OTHER, ["ecr:UploadLayerPart"]),
    ("PUT", "{upload}?digest={other}", OTHER, ["ecr:UploadLayerPart", "ecr:CompleteLayerUpload"]),
    ("HEAD", "/manifests/1.0.0", b"", ["ecr:BatchGetImage"]),
    ("GET", "/manifests/1.0.0", b"", ["ecr:BatchGetImage"]),
    ("PUT", "/manifests/2.0.0", manifest(BLOB), ["ecr:PutImage"]),
    ("GET", "/tags/list", b"", ["ecr:ListImages"]),
    ("DELETE", "/manifests/1.0.0", b"", ["ecr:BatchDeleteImage"]),
]


@pytest.mark.parametrize(("method", "path", "body", "actions"), ENDPOINTS, ids=[f"{m}{p}" for m, p, _, _ in ENDPOINTS])
def test_each_endpoint_needs_its_action(
    method: str, path: str, body: bytes, actions: list[str], registry: Registry, repository: str, make_user: MakeUser
) -> None:
    """Exactly the named actions suffice, and each is needed."""
    registry.push(repository, "1.0.0", BLOB)

    def status(*allowed: str) -> int:
        user = make_user(TOKEN, *([allow(list(allowed), repository)] if allowed else []))
        place = path.format(blob=digest_of(BLOB), other=digest_of(OTHER), upload="{upload}")
        upload = registry.start(repository)
        place = place.replace("{upload}", upload) if "{upload}" in place else f"/v2/{repository}{place}"
        headers = {"Content-Type": "application/vnd.oci.image.manifest.v1+json"} if "manifests" in path else {}
        return user.registry().send(method, place, data=body, headers=headers).status_code

    everything_else = ["ecr:Describe*", "ecr:TagResource"]
    for index in range(len(actions)):
        assert status(*everything_else, *actions[:index], *actions[index + 1 :]) == 403
    assert status(*actions) < 300


def test_bodiless_put_needs_complete_only(registry: Registry, repository: str, make_user: MakeUser) -> None:  # IAM-6
    location = registry.start(repository)
    assert registry.send("PATCH", location, data=BLOB).status_code == 201
    user = make_user(TOKEN, allow("ecr:CompleteLayerUpload", repository)).registry()
    assert user.send("PUT", f"{location}?digest={digest_of(BLOB)}").status_code == 201


def test_denial_names_user_action_and_repository(make_user: MakeUser, repository: str) -> None:  # IAM-15
    response = make_user(TOKEN).registry().send("POST", f"/v2/{repository}/blobs/uploads/")
    assert code_of(response) == (403, "DENIED")
    for part in (":user/u", "ecr:InitiateLayerUpload", f":repository/{repository}"):
        assert part in response.text


def test_control_plane_is_scoped(make_user: MakeUser, make_repository: MakeRepository) -> None:  # IAM-12, IAM-16
    own, other = make_repository(), make_repository()
    user = make_user(allow(["ecr:DescribeRepositories", "ecr:ListTagsForResource", "ecr:PutImageTagMutability"], own))
    assert user.ecr.describe_repositories(repositoryNames=[own])["repositories"]
    arn = f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/"
    assert user.ecr.list_tags_for_resource(resourceArn=arn + own)["tags"] == []
    user.ecr.put_image_tag_mutability(repositoryName=own, imageTagMutability="IMMUTABLE")
    with rejected("AccessDeniedException") as messages:
        user.ecr.describe_repositories(repositoryNames=[other])
    assert "ecr:DescribeRepositories" in messages[0]
    with rejected("AccessDeniedException"):  # the second of several names
        user.ecr.describe_repositories(repositoryNames=[own, other])
    with rejected("AccessDeniedException"):
        user.ecr.list_tags_for_resource(resourceArn=arn + other)
    with rejected("AccessDeniedException"):
        user.ecr.put_image_tag_mutability(repositoryName=other, imageTagMutability="IMMUTABLE")


def test_describing_all_needs_all(make_user: MakeUser, repository: str) -> None:  # IAM-13
    with rejected("AccessDeniedException"):
        make_user(allow("ecr:DescribeRepositories", repository)).ecr.describe_repositories()
    assert make_user(allow("ecr:DescribeRepositories", "*")).ecr.describe_repositories()


def test_token_is_not_granted_on_repositories(make_user: MakeUser, repository: str) -> None:  # IAM-11
    with rejected("AccessDeniedException"):
        make_user(allow("ecr:*", repository, "*")).ecr.get_authorization_token()
    assert make_user(TOKEN).ecr.get_authorization_token()


def test_creating_with_tags_needs_tagging(make_user: MakeUser, owner: Caller) -> None:  # IAM-14
    tags = [{"Key": "a", "Value": "b"}]
    with rejected("AccessDeniedException") as messages:
        make_user(allow("ecr:CreateRepository", "s/new")).ecr.create_repository(repositoryName="s/new", tags=tags)
    assert "ecr:TagResource" in messages[0]
    with rejected("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=["s/new"])


def test_authorization_before_existence(make_user: MakeUser) -> None:  # IAM-17
    user = make_user(TOKEN)
    assert code_of(user.registry().send("GET", "/v2/s/none/tags/list")) == (403, "DENIED")
    with rejected("AccessDeniedException"):
        user.ecr.list_images(repositoryName="s/none")


def _grant(effect: str, action: str, principal: str) -> str:
    statement = {"Effect": effect, "Principal": {"AWS": principal}, "Action": [action]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def test_repository_policy_grants(make_user: MakeUser, owner: Caller, repository: str) -> None:  # IAM-18
    user = make_user(TOKEN)
    owner.ecr.set_repository_policy(repositoryName=repository, policyText=_grant("Allow", "ecr:ListImages", user.arn))
    assert user.registry().send("GET", f"/v2/{repository}/tags/list").status_code == 200
    assert user.ecr.list_images(repositoryName=repository)["imageIds"] == []
    with rejected("AccessDeniedException"):
        user.ecr.describe_images(repositoryName=repository)


def test_deny_wins(make_user: MakeUser, owner: Caller, repository: str) -> None:  # IAM-19
    user = make_user(TOKEN, allow("ecr:*"))
    owner.ecr.set_repository_policy(repositoryName=repository, policyText=_grant("Deny", "ecr:ListImages", user.arn))
    assert code_of(user.registry().send("GET", f"/v2/{repository}/tags/list")) == (403, "DENIED")
    with rejected("AccessDeniedException"):
        user.ecr.list_images(repositoryName=repository)


def test_assumed_role(owner: Caller, repository: str) -> None:  # TOK-4
    trust = _grant("Allow", "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:root")
    owner.iam.create_role(RoleName="puller", AssumeRolePolicyDocument=trust)
    document = json.dumps({"Version": "2012-10-17", "Statement": [TOKEN, allow("ecr:ListImages", repository)]})
    owner.iam.put_role_policy(RoleName="puller", PolicyName="p", PolicyDocument=document)
    role = f"arn:aws:iam::{ACCOUNT}:role/puller"
    keys = owner.client("sts").assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    session: Any = owner.sandbox.session(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    client = session.client("ecr", config=owner.sandbox.config, verify=owner.sandbox.ca)
    assert client.list_images(repositoryName=repository)["imageIds"] == []
    with rejected("AccessDeniedException"):
        client.describe_images(repositoryName=repository)
    owner.iam.delete_role_policy(RoleName="puller", PolicyName="p")
    owner.iam.delete_role(RoleName="puller")


def test_create_policy_is_checked_with_the_policys_arn(make_user: MakeUser, owner: Caller) -> None:  # IAM-20
    arn = f"arn:aws:iam::{ACCOUNT}:policy/team/packs-*"
    user = make_user({"Effect": "Allow", "Action": "iam:CreatePolicy", "Resource": arn})
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecr:ListImages")]})
    name = f"packs-{user.name}"
    with rejected("AccessDenied", "AccessDeniedException"):
        user.iam.create_policy(PolicyName=name, PolicyDocument=document)
    made = user.iam.create_policy(PolicyName=name, Path="/team/", PolicyDocument=document)["Policy"]["Arn"]
    owner.iam.delete_policy(PolicyArn=made)
