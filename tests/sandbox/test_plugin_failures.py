"""The stand-in AWS plugin below the real engine: rejected calls, replacements by name and by region."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.aws import Caller, Json, MakeRepository, MakeUser, rejected
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.engine]

TRUST: Json = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
ALL: Json = {"Effect": "Allow", "Action": "*", "Resource": "*"}
FUNCTIONS = """
import json


def document(**statement):
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
"""
PROGRAM = """
trust = document(
    Principal={"AWS": "arn:aws:iam::123456789012:root"},
    Action="sts:AssumeRole",
    Condition={"StringEquals": {"sts:ExternalId": TEXT}},
)
aws.iam.Role("role", name=BASE, assume_role_policy=trust)
aws.iam.RolePolicy("inline", name="inline", role=BASE + "-other", policy=document(Sid=TEXT, Action="ecr:*", Resource="*"))
aws.ecr.Repository("repository", name=BASE, image_tag_mutability=MUTABILITY, tags={"a": TEXT})
aws.ecr.RepositoryPolicy(
    "access", repository=BASE + "/other", policy=document(Sid=TEXT, Principal="*", Action="ecr:BatchGetImage")
)
"""
ACTIONS = ["iam:UpdateAssumeRolePolicy", "iam:PutRolePolicy", "ecr:PutImageTagMutability", "ecr:SetRepositoryPolicy"]
InAws = Callable[[], dict[str, str]]


class Limited(Project):
    """A program run by a user with all permissions but those that `deny` names."""

    def __init__(self, folder: Path, sandbox: Sandbox, base_path: str, owner: Caller, user: Caller) -> None:
        super().__init__(folder, sandbox, base_path)
        self.owner, self.user = owner, user.name
        self.variables(AWS_ACCESS_KEY_ID=user.access_key, AWS_SECRET_ACCESS_KEY=user.secret_key)

    def deny(self, *actions: str) -> None:
        denials = [{"Effect": "Deny", "Action": list(actions), "Resource": "*"}] if actions else []
        document = json.dumps({"Version": "2012-10-17", "Statement": [ALL, *denials]})
        self.owner.iam.put_user_policy(UserName=self.user, PolicyName="p", PolicyDocument=document)

    def steps(self) -> dict[str, Json]:
        """Name of the resource -> its step in a preview, without those that stay the same."""
        done = self.workspace.pulumi("preview", "--json", "--stack", "test", "--non-interactive")
        assert done.returncode == 0, done.stdout + done.stderr
        return {
            step["urn"].rpartition("::")[2]: step for step in json.loads(done.stdout)["steps"] if step["op"] != "same"
        }


@pytest.fixture
def limited(tmp_path: Path, sandbox: Sandbox, base_path: str, owner: Caller, make_user: MakeUser) -> Limited:
    return Limited(tmp_path, sandbox, base_path, owner, make_user(ALL))


@pytest.fixture
def in_aws(owner: Caller, base_path: str) -> InAws:
    """Reads the values of PROGRAM from AWS."""

    def read() -> dict[str, str]:
        trust = owner.iam.get_role(RoleName=base_path)["Role"]["AssumeRolePolicyDocument"]
        inline = owner.iam.get_role_policy(RoleName=f"{base_path}-other", PolicyName="inline")["PolicyDocument"]
        policy = json.loads(owner.ecr.get_repository_policy(repositoryName=f"{base_path}/other")["policyText"])
        (repository,) = owner.ecr.describe_repositories(repositoryNames=[base_path])["repositories"]
        return {
            "role": trust["Statement"][0]["Condition"]["StringEquals"]["sts:ExternalId"],
            "inline": inline["Statement"][0]["Sid"],
            "access": policy["Statement"][0]["Sid"],
            "repository": repository["imageTagMutability"],
        }

    return read


OLD = {"role": "Old", "inline": "Old", "access": "Old", "repository": "MUTABLE"}
NEW = {"role": "New", "inline": "New", "access": "New", "repository": "IMMUTABLE"}


def write(values: dict[str, str]) -> str:
    return f"{FUNCTIONS}TEXT = {values['role']!r}\nMUTABILITY = {values['repository']!r}\n{PROGRAM}"


def in_state(project: Project) -> dict[str, str]:
    """The same values in the state, each with the error of its failed update."""
    resources = {name.rpartition(" ")[2]: resource for name, resource in project.resources().items()}
    assert all(resources[name].get("initErrors") for name in NEW)
    keys = {"role": "assumeRolePolicy", "inline": "policy", "access": "policy", "repository": "imageTagMutability"}
    outputs = {name: resources[name]["outputs"][key] for name, key in keys.items()}
    return {name: next(v for v in (OLD[name], NEW[name]) if f'"{v}"' in f'"{text}"') for name, text in outputs.items()}


def test_after_a_rejected_update(
    limited: Limited, owner: Caller, sandbox: Sandbox, base_path: str, make_repository: MakeRepository, in_aws: InAws
) -> None:
    """PLUG-23, PLUG-24: the state has the planned values, and the next `up` takes AWS's instead of making the change;
    the two policies are written whether they changed or not. With --refresh the next `up` makes the change."""
    make_repository(f"{base_path}/other")
    owner.iam.create_role(RoleName=f"{base_path}-other", AssumeRolePolicyDocument=json.dumps(TRUST))
    limited.program(write(OLD))
    limited.up()
    assert in_aws() == OLD

    def fail(before: dict[str, str], after: dict[str, str]) -> None:
        limited.program(write(after))
        limited.deny(*ACTIONS, "ecr:TagResource")
        output = limited.up("--continue-on-error", succeeds=False)
        assert all(f"not authorized to perform: {action}" in output for action in ACTIONS)
        (logged,) = set(re.findall(r"sdk\.helper_schema: (setting ECR .*): provider=aws@", output))
        assert f"* {logged}" in output, "it comes twice (PLUG-27)"
        assert in_aws() == before
        assert in_state(limited) == after
        limited.deny()

    fail(OLD, NEW)
    preview = limited.steps()
    assert {name: step["op"] for name, step in preview.items()} == dict.fromkeys(NEW, "update")
    assert not any(step.get("detailedDiff") for step in preview.values())
    since = sandbox.mark()
    limited.up()
    calls = {request.summary.split()[0] for request in sandbox.requests("*:*", since=since + 1)}
    writes = {call for call in calls if not re.search(":(Get|List|Describe)", call)}
    assert writes == {"iam:PutRolePolicy", "ecr:SetRepositoryPolicy"}
    assert in_aws() == {**NEW, "role": OLD["role"], "repository": OLD["repository"]}
    preview = limited.steps()
    assert {name: set(step["detailedDiff"]) for name, step in preview.items()} == {
        "role": {"assumeRolePolicy"},
        "repository": {"imageTagMutability", "tags", "tagsAll"},
    }
    limited.up()
    assert in_aws() == NEW
    assert limited.steps() == {}

    fail(NEW, OLD)
    limited.up("--refresh")
    assert in_aws() == OLD
    assert limited.steps() == {}


def test_created_but_not_read(limited: Limited, owner: Caller, base_path: str) -> None:  # PLUG-25
    limited.program(
        f"{FUNCTIONS}"
        'aws.ecr.Repository("repository", name=BASE)\n'
        'aws.iam.Role("role", name=BASE, assume_role_policy=document(Principal="*", Action="sts:AssumeRole"))\n'
    )
    denied = ["ecr:ListTagsForResource", "iam:GetRole"]
    limited.deny(*denied)
    output = limited.up("--continue-on-error", succeeds=False)
    listing = f"listing tags for ECR (Elastic Container Registry) Repository (arn:aws:ecr:eu-west-1:123456789012:repository/{base_path})"
    assert listing in output
    assert all(f"not authorized to perform: {action}" in output for action in denied)
    limited.deny()
    assert {name: step["op"] for name, step in limited.steps().items()} == {"repository": "update", "role": "update"}
    limited.up()
    assert limited.steps() == {}
    assert limited.resources()["Role role"]["outputs"]["arn"] == owner.iam.get_role(RoleName=base_path)["Role"]["Arn"]
    limited.destroy()
    with rejected("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=[base_path])


REGIONAL = """
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
    """PLUG-8, PLUG-21, PLUG-22: a repository is deleted in its own region before its successor is created."""

    def move() -> list[tuple[str, str]]:
        since = sandbox.mark()
        limited.up()
        calls = ("ecr:CreateRepository", "ecr:DeleteRepository", "kms:CreateKey", "kms:ScheduleKeyDeletion")
        requests = [(request.summary.split()[0], request.host) for request in sandbox.requests(since=since + 1)]
        return [(call, host.split(".")[-3]) for call, host in requests if call in calls]

    def arns() -> list[str]:
        resources = limited.resources()
        return [resources[name]["outputs"]["arn"] for name in ("Policy policy", "Role role")]

    limited.program(FUNCTIONS + REGIONAL.replace("NAME", "one"))
    limited.up()
    before = arns()
    limited.program(FUNCTIONS + REGIONAL.replace("NAME", "two"))
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
    with rejected("RepositoryNotFoundException"):
        owner.ecr.describe_repositories(repositoryNames=[f"{base_path}/two"])
    limited.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")
    limited.destroy()
    with rejected("RepositoryNotFoundException"):
        owner.client("ecr", "us-east-1").describe_repositories(repositoryNames=[f"{base_path}/two"])
