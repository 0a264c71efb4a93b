"""The stand-in AWS plugin below the real engine: replacements by name and by region."""

import json
from pathlib import Path

import pytest

from tests.sandbox.conftest import Caller, Json, MakeUser, refused
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

ALL: Json = {"Effect": "Allow", "Action": "*", "Resource": "*"}
FUNCTIONS = """
import json


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
"""


class Limited(Project):
    """A program run by a user who may do everything but what `deny` names."""

    def __init__(self, folder: Path, sandbox: Sandbox, base_path: str, owner: Caller, user: Caller) -> None:
        super().__init__(folder, sandbox, base_path)
        self.owner, self.user = owner, user.name
        self.variables(AWS_ACCESS_KEY_ID=user.access_key, AWS_SECRET_ACCESS_KEY=user.secret_key)

    def deny(self, *actions: str) -> None:
        refused = [{"Effect": "Deny", "Action": list(actions), "Resource": "*"}] if actions else []
        document = json.dumps({"Version": "2012-10-17", "Statement": [ALL, *refused]})
        self.owner.iam.put_user_policy(UserName=self.user, PolicyName="p", PolicyDocument=document)

    def steps(self) -> dict[str, Json]:
        """Name of the resource -> its step in a preview, of all that would not stay the same."""
        done = self.workspace.pulumi("preview", "--json", "--stack", "test", "--non-interactive")
        assert done.returncode == 0, done.stdout + done.stderr
        return {
            step["urn"].rpartition("::")[2]: step for step in json.loads(done.stdout)["steps"] if step["op"] != "same"
        }


@pytest.fixture
def limited(tmp_path: Path, sandbox: Sandbox, base_path: str, owner: Caller, make_user: MakeUser) -> Limited:
    return Limited(tmp_path, sandbox, base_path, owner, make_user(ALL))


PLACED = """
repository = aws.ecr.Repository("repository", name=BASE + "/NAME")
aws.ecr.LifecyclePolicy("lifecycle", repository=repository.name, policy=json.dumps({"rules": [{
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
    "action": {"type": "expire"},
}]}))
aws.kms.Key("key", deletion_window_in_days=7)
policy = aws.iam.Policy("policy", policy=repository.arn.apply(lambda arn: document(Action="ecr:*", Resource=arn)))
role = aws.iam.Role("role", assume_role_policy=document(Principal="*", Action="sts:AssumeRole"))
aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=policy.arn)
"""


def test_another_name_and_another_region(limited: Limited, owner: Caller, sandbox: Sandbox, base_path: str) -> None:
    """PLUG-8, PLUG-21, PLUG-22: a repository is deleted before the one that takes its place is made, where it was."""

    def move() -> list[tuple[str, str]]:
        since = sandbox.mark()
        limited.up()
        calls = ("ecr:CreateRepository", "ecr:DeleteRepository", "kms:CreateKey", "kms:ScheduleKeyDeletion")
        found = [(request.what.split()[0], request.host) for request in sandbox.requests(since=since + 1)]
        return [(call, host.split(".")[-3]) for call, host in found if call in calls]

    def arns() -> list[str]:
        resources = limited.resources()
        return [resources[name]["outputs"]["arn"] for name in ("Policy policy", "Role role")]

    limited.program(FUNCTIONS + PLACED.replace("NAME", "one"))
    limited.up()
    before = arns()
    limited.program(FUNCTIONS + PLACED.replace("NAME", "two"))
    assert move() == [("ecr:DeleteRepository", "eu-west-1"), ("ecr:CreateRepository", "eu-west-1")]

    limited.configure(aws_region="us-east-1")
    replaced = dict.fromkeys(("repository", "lifecycle", "key"), "replace")
    assert {name: step["op"] for name, step in limited.steps().items()} == {**replaced, "policy": "update"}
    calls = move()
    assert [call for call in calls if call[0].startswith("ecr")] == [
        ("ecr:DeleteRepository", "eu-west-1"),
        ("ecr:CreateRepository", "us-east-1"),
    ]
    assert [call for call in calls if call[0].startswith("kms")] == [
        ("kms:CreateKey", "us-east-1"),
        ("kms:ScheduleKeyDeletion", "eu-west-1"),
    ]
    assert arns() == before
    assert limited.steps() == {}
    with refused("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=[f"{base_path}/two"])
    limited.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    limited.destroy()
    with refused("RepositoryNotFoundException"):
        owner.client("ecr", "us-east-1").describe_repositories(repositoryNames=[f"{base_path}/two"])
