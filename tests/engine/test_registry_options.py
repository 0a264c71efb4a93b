"""What a stack file can say of repositories and access, on the real engine."""

from __future__ import annotations

import json
from typing import Any

import pytest

from packinfra.settings import PACKS_PATH
from tests.support.ecr import Ecr
from tests.support.packs import make_pack
from tests.support.project import Project
from tests.support.sandbox import Sandbox

pytestmark = pytest.mark.engine

ALL_REPOSITORIES: dict[str, Any] = {
    "immutable": True,
    "exceptTags": ["sha256-*"],
    "scanOnPush": False,
    "forceDelete": True,
    "lifecycle": {
        "protectTags": ["1.*", "*-lts"],
        "expireUntaggedAfterDays": 14,
        "keepNewest": 50,
        "mayExpirePublishedVersions": True,
    },
    "tags": {"team": "platform"},
}
ALL_ACCESS: dict[str, Any] = {
    "pushers": {},
    "ci": {"issuer": "https://token.actions.githubusercontent.com", "subjects": ["repo:acme/packs:*"]},
    "reader": {"principal": "210987654321", "externalId": "hush-42"},
    "pull": {"principals": ["310987654321", "210987654321"], "organization": "o-a1b2c3d4e5"},
}


def test_every_option_at_once(project: Project, ecr: Ecr, sandbox: Sandbox) -> None:
    iam: Any = sandbox.session().client("iam", config=sandbox.config, verify=sandbox.ca)
    api: Any = sandbox.session().client("kms", config=sandbox.config, verify=sandbox.ca)
    key = {"kmsKey": api.create_key()["KeyMetadata"]["Arn"]}
    project.configure(repositories=ALL_REPOSITORIES | key, access=ALL_ACCESS)
    project.up()
    assert project.preview() == {}

    (made,) = ecr.api.describe_repositories(repositoryNames=[project.repository])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert made["imageTagMutabilityExclusionFilters"] == [{"filterType": "WILDCARD", "filter": "sha256-*"}]
    assert made["encryptionConfiguration"] == {"encryptionType": "KMS", **key}
    assert not made["imageScanningConfiguration"]["scanOnPush"]
    rules = json.loads(ecr.api.get_lifecycle_policy(repositoryName=project.repository)["lifecyclePolicyText"])["rules"]
    assert [rule["selection"].get("tagPatternList") for rule in rules] == [["1.*"], ["*-lts"], None, ["*"]]
    policy = json.loads(ecr.api.get_repository_policy(repositoryName=project.repository)["policyText"])
    assert policy["Statement"][0]["Principal"]["AWS"] == [
        "arn:aws:iam::210987654321:root",
        "arn:aws:iam::310987654321:root",
    ]

    outputs = json.loads(project.run("stack", "output", "--json"))
    reader = iam.get_role(RoleName=outputs["readerRoleArn"].rpartition("/")[2])["Role"]
    (trust,) = reader["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Condition"] == {"StringEquals": {"sts:ExternalId": "hush-42"}}
    (ci,) = iam.get_role(RoleName=outputs["ciRoleArn"].rpartition("/")[2])["Role"]["AssumeRolePolicyDocument"][
        "Statement"
    ]
    assert ci["Principal"] == {
        "Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    }
    attached = iam.list_attached_role_policies(RoleName=reader["RoleName"])["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [outputs["readerPolicyArn"]]

    # Back to the defaults: all of it is an update, but for what ECR cannot change.
    project.configure(repositories=key)
    assert {step for what, step in project.preview().items() if what.startswith("Repository packs")} == {"update"}
    project.up()
    assert project.preview() == {}
    project.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == []


def test_a_repository_made_by_hand(project: Project, ecr: Ecr) -> None:
    """Refused with the line to add; with that line it is taken over as it is; without it, brought into line."""
    base = f"{project.base_path}/{PACKS_PATH}"
    ecr.create(base)
    ecr.create(project.repository)
    digest = ecr.push(project.repository, "0.9.0", b"made by hand")
    output = project.up(succeeds=False)
    assert f"{project.repository} exists already, and this stack did not create it" in output
    assert "packinfra:repositories: {importRepositories: [hello]}" in output
    assert "packinfra:repositories: {baseRepository: existing}" in output
    assert "Traceback" not in output

    project.configure(repositories={"baseRepository": "existing", "importRepositories": ["hello"]})
    project.up()
    assert ecr.tags(project.repository) == {"0.9.0": digest, **project.digests()}
    assert _mutability(ecr, project.repository) == "MUTABLE"
    assert project.preview() == {}
    project.configure(repositories={"baseRepository": "existing"})
    assert project.preview() == {f"Repository packs-hello@{project.base_path}": "update"}
    project.up()
    assert _mutability(ecr, project.repository) == "IMMUTABLE"
    assert project.preview() == {}

    ecr.delete_tag(project.repository, "0.9.0")
    project.run("destroy", "--yes", "--skip-preview")
    assert ecr.names(project.base_path) == [base], "what was there before stays"


def test_importing_what_is_no_pack(project: Project) -> None:
    project.configure(repositories={"importRepositories": ["helo"]})
    assert "importRepositories: helo: no such repository; there are hello" in project.up(succeeds=False)


def test_a_renamed_component_keeps_everything(project: Project) -> None:
    make_pack(project.folder / "packs/other", name="other")
    project.configure(repositories=ALL_REPOSITORIES, access=ALL_ACCESS)
    project.up()
    program = project.folder / "__main__.py"
    renamed = '"catalogue",\n    opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="packs")]),'
    program.write_text(program.read_text().replace('"packs",', renamed))
    assert project.preview() == {}


def _mutability(ecr: Ecr, name: str) -> str:
    (repository,) = ecr.api.describe_repositories(repositoryNames=[name])["repositories"]
    return str(repository["imageTagMutability"])
