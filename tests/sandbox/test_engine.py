"""The real Pulumi engine on the sandbox: every kind of the stand-in plugin, and a run without other hosts."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.aws_plugin.provider import KINDS
from tests.support.project import CHECKOUT, Project
from tests.support.sandbox import Sandbox, running_sandbox
from tools.workspace import Workspace

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

PROGRAM = """
import json

import pulumi
import pulumi_aws as aws


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


def rule(priority, status):
    selection = {"tagStatus": status, "countType": "imageCountMoreThan", "countNumber": 9}
    return {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}


key = aws.kms.Key("key", description="packs", deletion_window_in_days=7, enable_key_rotation=True)
aws.kms.Alias("alias", target_key_id=key.arn)
repository = aws.ecr.Repository(
    "repository",
    name="kinds/repository",
    force_delete=True,
    image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
    image_tag_mutability_exclusion_filters=[{"filter_type": "WILDCARD", "filter": "sha256-*"}],
    image_scanning_configuration={"scan_on_push": True},
    encryption_configurations=[{"encryption_type": "KMS", "kms_key": key.arn}],
    tags=pulumi.Config().require_object("tags"),
)
aws.ecr.LifecyclePolicy(
    "lifecycle", repository=repository.name, policy=json.dumps({"rules": [rule(2, "any"), rule(1, "untagged")]})
)
provider = aws.iam.OpenIdConnectProvider(
    "provider", url="https://oidc.example.com", client_id_lists=["b", "a"], tags={"for": "ci"}
)
trust = provider.arn.apply(lambda arn: document(Principal={"Federated": arn}, Action="sts:AssumeRoleWithWebIdentity"))
role = aws.iam.Role("role", assume_role_policy=trust)
aws.ecr.RepositoryPolicy(
    "access",
    repository=repository.name,
    policy=role.arn.apply(lambda arn: document(Principal={"AWS": arn}, Action="ecr:BatchGetImage")),
)
policy = aws.iam.Policy(
    "policy", policy=repository.arn.apply(lambda arn: document(Action="ecr:PutImage", Resource=arn))
)
aws.iam.RolePolicy("inline", role=role.name, policy=document(Action="ecr:GetAuthorizationToken", Resource="*"))
aws.iam.RolePolicyAttachment("of-role", role=role.name, policy_arn=policy.arn)
user = aws.iam.User("user", path="/packs/", tags={"for": "ci"})
aws.iam.UserPolicyAttachment("of-user", user=user.name, policy_arn=policy.arn)
access = aws.iam.AccessKey("access-key", user=user.name)
pulumi.export("uri", repository.repository_url)
pulumi.export("secret", access.secret)
"""
PROJECT = {
    "name": "kinds",
    "runtime": {"name": "python", "options": {"toolchain": "pip", "virtualenv": ".venv"}},
    "stackConfigDir": "stacks",
}


class Kinds(Project):
    """A program that declares one of each kind."""

    def __init__(self, folder: Path, sandbox: Sandbox) -> None:
        self.folder = folder / "project"
        self.workspace = Workspace(CHECKOUT, self.folder, folder / "local", sandbox.dir, "test")
        (self.folder / "stacks").mkdir(parents=True)
        (self.folder / ".venv").symlink_to(CHECKOUT / ".venv")
        (self.folder / "Pulumi.yaml").write_text(yaml.safe_dump(PROJECT))
        (self.folder / "__main__.py").write_text(PROGRAM)
        self.tag("packs")
        self.workspace.install_plugin()
        self.workspace.select_stack()

    def tag(self, team: str) -> None:
        path = self.folder / "stacks/Pulumi.test.yaml"
        known = yaml.safe_load(path.read_text()) if path.exists() else {}
        config = {"aws:region": "eu-west-1", "kinds:tags": {"team": team}}
        path.write_text(yaml.safe_dump({**known, "config": config}))


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    """A sandbox for this file alone."""
    with running_sandbox(tmp_path_factory.mktemp("fresh")) as running:
        yield running


def test_every_kind(fresh: Sandbox, tmp_path: Path) -> None:
    """PLUG-20, PLUG-9: up, a clean second preview, new tags that replace nothing, no secret in the state, destroy."""
    program = Kinds(tmp_path, fresh)
    program.up()
    types = {resource["type"] for resource in program.resources().values()}
    assert set(KINDS) <= types
    assert program.preview() == {}
    program.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")

    program.tag("platform")
    assert program.preview() == {"Repository repository": "update"}
    program.up()
    assert program.preview() == {}

    secret = program.run("stack", "output", "secret", "--show-secrets").strip()
    assert len(secret) == 40
    files = [path for path in (tmp_path / "local" / "state").rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if secret.encode() in path.read_bytes()]
    program.run("destroy", "--yes", "--skip-preview")


HOSTS = {
    "123456789012.dkr.ecr.eu-west-1.amazonaws.com",
    "api.ecr.eu-west-1.amazonaws.com",
    "iam.amazonaws.com",
    "prod-eu-west-1-starport-layer-bucket.s3.eu-west-1.amazonaws.com",
    "sts.amazonaws.com",
    "sts.eu-west-1.amazonaws.com",
}
USERS_OWN = {
    ".aws/config": "[default]\nregion = us-west-2\n[profile mine]\nregion = us-west-2\n",
    ".aws/credentials": "[default]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = x\n",
    ".pulumi/credentials.json": '{"current": "https://pulumi.example.com"}',
    ".docker/config.json": '{"credsStore": "none-such"}',
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with personal settings of AWS, Pulumi, Docker and proxies."""
    home = tmp_path / "home"
    for name, content in USERS_OWN.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(content)
    for name, value in {
        "HOME": str(home),
        "AWS_PROFILE": "mine",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE",
        "PULUMI_BACKEND_URL": "https://pulumi.example.com",
        "PULUMI_ACCESS_TOKEN": "pul-example",
        "PULUMI_CONFIG_PASSPHRASE": "another",
        "https_proxy": "http://127.0.0.1:1",
        "ALL_PROXY": "http://127.0.0.1:1",
    }.items():
        monkeypatch.setenv(name, value)
    return home


def test_a_run_connects_to_no_other_host(fresh: Sandbox, home: Path, tmp_path: Path, base_path: str) -> None:
    """HOST-3: preview, up, refresh and destroy connect only to AWS names; the user's files stay unchanged."""
    before = len((fresh.dir / "proxy.log").read_text().splitlines())
    project = Project(tmp_path, fresh, base_path)
    project.preview()
    project.up()
    project.run("refresh", "--yes", "--skip-preview")
    project.run("destroy", "--yes", "--skip-preview")
    lines = [line.split() for line in (fresh.dir / "proxy.log").read_text().splitlines()[before:]]
    assert lines
    assert {(method, outcome) for _, method, _, outcome in lines} == {("CONNECT", "passed")}
    assert {target.removesuffix(":443") for _, _, target, _ in lines} <= HOSTS
    files: dict[str, Any] = {
        str(path.relative_to(home)): path.read_text() for path in home.rglob("*") if path.is_file()
    }
    assert files == USERS_OWN
