"""Callers of the sandbox: boto3 for the AWS API, requests for ``/v2``. Nothing here comes from the product."""

import base64
import contextlib
import functools
import hashlib
import json
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.palette import Palette, role_spec
from tests.support.sandbox import Sandbox

ACCOUNT, REGION = "123456789012", "eu-west-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
Json = dict[str, Any]


def digest_of(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(content: bytes, **more: Any) -> Json:
    return {"mediaType": "application/x", "digest": digest_of(content), "size": len(content), **more}


def manifest(*layers: bytes, **changes: Any) -> bytes:
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": descriptor(b"{}", mediaType="application/vnd.unknown.config.v1+json"),
        "layers": [descriptor(layer) for layer in layers],
        **changes,
    }
    return json.dumps({key: value for key, value in document.items() if value is not None}).encode()


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["errors"][0]["code"]


def no_upload_left(sandbox: Sandbox) -> bool:
    """Whether no part of an upload lies on the disk, once the sandbox has noticed that a connection is gone."""
    for _ in range(100):
        if not list((sandbox.dir / "blobs").rglob("upload-*")):
            return True
        time.sleep(0.05)
    return False


@contextlib.contextmanager
def refused(*codes: str) -> Iterator[list[str]]:
    """Around an API call that must fail with one of the codes; the list has AWS's words afterwards."""
    words: list[str] = []
    with pytest.raises(ClientError) as raised:
        yield words
    assert raised.value.response["Error"]["Code"] in codes
    words.append(raised.value.response["Error"]["Message"])


@dataclass
class Caller:
    """Somebody with an access key, and the token that he logs in to the registry with."""

    sandbox: Sandbox
    access_key: str
    secret_key: str

    def client(self, service: str, region: str = REGION, **settings: Any) -> Any:
        session: Any = self.sandbox.session(self.access_key, self.secret_key)
        config = self.sandbox.config.merge(Config(**settings))
        return session.client(service, region_name=region, config=config, verify=self.sandbox.ca)

    @functools.cached_property
    def ecr(self) -> Any:
        return self.client("ecr")

    @functools.cached_property
    def unchecked(self) -> Any:
        """ECR, asked also what boto3 itself would refuse."""
        return self.client("ecr", parameter_validation=False)

    @functools.cached_property
    def iam(self) -> Any:
        return self.client("iam")

    @functools.cached_property
    def arn(self) -> str:
        return str(self.client("sts").get_caller_identity()["Arn"])

    @property
    def name(self) -> str:
        return self.arn.rpartition("/")[2]

    def login(self) -> tuple[str, str]:
        data = self.ecr.get_authorization_token()["authorizationData"][0]
        user, _, password = base64.b64decode(data["authorizationToken"]).decode().partition(":")
        return user, password

    def registry(self, login: tuple[str, str] | None = None) -> "Registry":
        return Registry(self.sandbox, login or self.login(), HOST)


@dataclass
class Registry:
    """``/v2``, request by request."""

    sandbox: Sandbox
    login: tuple[str, str] | None
    host: str = HOST

    def send(self, method: str, path: str, **options: Any) -> requests.Response:
        with requests.Session() as session:
            session.trust_env = False
            return session.request(
                method,
                path if path.startswith("https:") else f"https://{self.host}{path}",
                auth=options.pop("auth", self.login),
                proxies={"https": self.sandbox.variables["HTTPS_PROXY"]},
                verify=self.sandbox.ca,
                timeout=60,
                **options,
            )

    def start(self, name: str) -> str:
        response = self.send("POST", f"/v2/{name}/blobs/uploads/")
        assert response.status_code == 202, response.text
        return response.headers["Location"]

    def push_blob(self, name: str, content: bytes) -> str:
        digest = digest_of(content)
        response = self.send("PUT", f"{self.start(name)}?digest={digest}", data=content)
        assert response.status_code == 201, response.text
        return digest

    def put(self, name: str, reference: str, content: bytes, media_type: str = MANIFEST) -> requests.Response:
        return self.send("PUT", f"/v2/{name}/manifests/{reference}", data=content, headers={"Content-Type": media_type})

    def push(self, name: str, tag: str, *layers: bytes) -> str:
        """A whole image; returns its digest."""
        for blob in (b"{}", *layers):
            self.push_blob(name, blob)
        content = manifest(*layers)
        response = self.put(name, tag, content)
        assert response.status_code == 201, response.text
        return digest_of(content)


@pytest.fixture(scope="session")
def owner(sandbox: Sandbox) -> Caller:
    """The user whose keys the sandbox hands out: may do all of ECR, IAM and STS."""
    return Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


@pytest.fixture(scope="session")
def registry(owner: Caller) -> Registry:
    return owner.registry()


MakeRepository = Callable[..., str]


@pytest.fixture
def make_repository(owner: Caller) -> Iterator[MakeRepository]:
    made: list[str] = []

    def make(name: str | None = None, **settings: Any) -> str:
        name = name or f"s/{uuid.uuid4().hex[:10]}"
        owner.ecr.create_repository(repositoryName=name, **settings)
        made.append(name)
        return name

    yield make
    for name in made:
        with contextlib.suppress(owner.ecr.exceptions.RepositoryNotFoundException):
            owner.ecr.delete_repository(repositoryName=name, force=True)


@pytest.fixture
def repository(make_repository: MakeRepository) -> str:
    return make_repository()


MakeUser = Callable[..., Caller]


@pytest.fixture
def make_user(owner: Caller) -> Iterator[MakeUser]:
    """A user with one policy of the given statements."""
    made: list[tuple[str, str]] = []

    def make(*statements: Json) -> Caller:
        name = f"u{uuid.uuid4().hex[:10]}"
        owner.iam.create_user(UserName=name)
        key = owner.iam.create_access_key(UserName=name)["AccessKey"]
        made.append((name, key["AccessKeyId"]))
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            owner.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document)
        return Caller(owner.sandbox, key["AccessKeyId"], key["SecretAccessKey"])

    yield make
    for name, key in made:
        owner.iam.delete_access_key(UserName=name, AccessKeyId=key)
        for policy in owner.iam.list_user_policies(UserName=name)["PolicyNames"]:
            owner.iam.delete_user_policy(UserName=name, PolicyName=policy)
        owner.iam.delete_user(UserName=name)


TOKEN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}


def allow(actions: str | list[str], *names: str) -> Json:
    resources = [f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{name}" for name in names]
    return {"Effect": "Allow", "Action": actions, "Resource": resources or "*"}


READER = [
    {"Effect": "Allow", "Action": ["ecr:GetAuthorizationToken", "ecr:DescribeRepositories"], "Resource": "*"},
    {
        "Effect": "Allow",
        "Action": ["ecr:ListImages", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        "Resource": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/s/*",
    },
]


@pytest.fixture
def palette(sandbox: Sandbox) -> Iterator[Palette]:
    """With short runs, so that tests are."""
    with sandbox.palette.ordered(stale_seconds=0.05, sync_seconds=0.05):
        yield Palette(sandbox)


MakeRole = Callable[..., str]


@pytest.fixture
def make_role(owner: Caller, palette: Palette) -> Iterator[MakeRole]:
    """The ARN of a role that Palette can assume, by default also to read packs; ``trust`` changes its condition."""
    made: list[str] = []

    def make(statements: list[Json] | None = None, **trust: Any) -> str:
        principal, name = palette.principal(), f"r{uuid.uuid4().hex[:10]}"
        statement = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{principal['accountId']}:root"},
            "Condition": {"StringEquals": {"sts:ExternalId": principal["externalId"]}},
            **trust,
        }
        document = {"Version": "2012-10-17", "Statement": [statement]}
        arn = owner.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]["Arn"]
        made.append(name)
        document["Statement"] = READER if statements is None else statements
        owner.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps(document))
        return str(arn)

    yield make
    for name in made:
        owner.iam.delete_role_policy(RoleName=name, PolicyName="p")
        owner.iam.delete_role(RoleName=name)


MakeSpec = Callable[..., Json]


@pytest.fixture
def make_spec(palette: Palette, make_role: MakeRole, base_path: str) -> MakeSpec:
    """The spec of an ECR registry whose role works, for the base path of ``Shelf``; with changes."""

    def make(arn: str | None = None, **changes: Any) -> Json:
        return role_spec(f"s/{base_path}", arn or make_role(), palette.principal()["externalId"], **changes)

    return make


Register = Callable[..., str]


@pytest.fixture
def register(palette: Palette) -> Iterator[Register]:
    """Creates a registry in Palette, by default under a new name, and returns its uid."""
    made: list[str] = []

    def create(kind: str, spec: Json, name: str = "", *, sync: bool = False) -> str:
        made.append(palette.create(kind, name or f"r-{uuid.uuid4().hex[:8]}", spec, sync=sync))
        return made[-1]

    yield create
    for uid in made:
        assert palette.send("DELETE", f"/v1/registries/{uid}").status_code in (204, 404)


@dataclass
class Shelf:
    """Where a test's packs lie in the sandbox's ECR."""

    registry: Registry
    make_repository: MakeRepository
    base: str

    def push(self, name: str, tag: str, layer: bytes) -> str:
        """The repository."""
        repository = f"{self.base}/spectro-packs/archive/{name}"
        with contextlib.suppress(ClientError):  # it is there already
            self.make_repository(repository)
        self.registry.push(repository, tag, layer)
        return repository


@pytest.fixture
def shelf(registry: Registry, make_repository: MakeRepository, base_path: str) -> Shelf:
    return Shelf(registry, make_repository, f"s/{base_path}")
