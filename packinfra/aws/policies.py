"""IAM policy documents as data: who may do what with a pack registry, and which step needs each action.

    publisher   every step of Palette's guide: makes repositories, publishes, deletes
    pusher      a pipeline: publishes and resolves; makes no repository, deletes nothing
    reader      Palette: finds packs and pulls them
    deployer    `pulumi up` and `pulumi destroy` of packinfra's own program

`ACTIONS` is the one table; the documents and docs/iam.md are made from it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

PUBLISHER, PUSHER, READER, DEPLOYER = "publisher", "pusher", "reader", "deployer"
GUIDE = "guide"
"""Not a document of ours: the ten actions that Palette's guide lists."""


@dataclass(frozen=True)
class Action:
    """One IAM action.

    why:      the step that needs it
    of:       the documents it belongs to, as words: "guide publisher pusher"
    unproven: why it stays although no step fails without it on the sandbox; "" if one does
    """

    name: str
    why: str
    of: str
    unproven: str = ""

    def belongs_to(self, document: str) -> bool:
        return document in self.of.split()


_PALETTE = "Palette's documentation asks for it; which of its calls needs it is not published"
_KMS = "the sandbox retires no grants; ECR documentation, Encryption at rest"
_PROVIDER = "the real AWS provider calls it (terraform-provider-aws, internal/service/iam); the stand-in does not"

# fmt: off
REGISTRY = (  # belong to the registry, not to a repository: valid only with Resource "*"
    Action("ecr:GetAuthorizationToken", "every login", "publisher pusher reader deployer"),
    Action("ecr:DescribeRegistry", "reading the registry's settings", "reader", _PALETTE),
    Action("ecr:GetRegistryPolicy", "reading the registry's policy", "reader", _PALETTE),
)
REPOSITORIES = (
    Action("ecr:BatchGetImage", "HEAD and GET of a manifest: which digest does the tag carry",
           "publisher pusher reader deployer"),
    Action("ecr:BatchCheckLayerAvailability", "HEAD of a blob: is it there already",
           "guide publisher pusher reader deployer"),
    Action("ecr:GetDownloadUrlForLayer", "GET of a blob: pulling a pack, comparing it with a folder",
           "publisher pusher reader deployer"),
    Action("ecr:InitiateLayerUpload", "POST of an upload (the guide lists it twice)",
           "guide publisher pusher deployer"),
    Action("ecr:UploadLayerPart", "the body of an upload", "guide publisher pusher deployer"),
    Action("ecr:CompleteLayerUpload", "the end of an upload", "guide publisher pusher deployer"),
    Action("ecr:PutImage", "PUT of a manifest: publishing a version", "guide publisher pusher deployer"),
    Action("ecr:BatchDeleteImage", "withdrawing a version", "guide publisher deployer"),
    Action("ecr:ListImages", "listing the tags of a pack", "guide publisher reader"),
    Action("ecr:DescribeImages", "looking at what was published", "guide publisher reader"),
    Action("ecr:CreateRepository", "making a repository", "guide publisher deployer"),
    Action("ecr:DeleteRepository", "deleting a repository", "guide publisher deployer"),
    # The reader's stands in a statement of its own: see reader().
    Action("ecr:DescribeRepositories", "finding repositories; the AWS provider reads each that it made",
           "publisher reader deployer"),
    Action("ecr:ListTagsForResource", "the AWS provider reads the AWS tags of a repository", "reader deployer"),
    Action("ecr:TagResource", "repositories.tags, also while a repository is made", "deployer"),
    Action("ecr:UntagResource", "removing one of repositories.tags", "deployer"),
    Action("ecr:PutImageTagMutability", "changing repositories.immutable and exceptTags", "deployer"),
    Action("ecr:PutImageScanningConfiguration", "changing repositories.scanOnPush", "deployer"),
    Action("ecr:PutLifecyclePolicy", "repositories.lifecycle", "deployer"),
    Action("ecr:GetLifecyclePolicy", "repositories.lifecycle, read back", "reader deployer"),
    Action("ecr:DeleteLifecyclePolicy", "removing repositories.lifecycle, and destroy", "deployer"),
    Action("ecr:SetRepositoryPolicy", "access.pull", "deployer"),
    Action("ecr:GetRepositoryPolicy", "access.pull, read back", "reader deployer"),
    Action("ecr:DeleteRepositoryPolicy", "removing access.pull, and destroy", "deployer"),
    Action("ecr:GetLifecyclePolicyPreview", "reading what a lifecycle policy would do", "reader", _PALETTE),
    Action("ecr:DescribeImageReplicationStatus", "reading how far replication is", "reader", _PALETTE),
    Action("ecr:DescribeImageScanFindings", "reading what a scan found", "reader", _PALETTE),
)
POLICIES = (  # on the policies that the component makes
    Action("iam:CreatePolicy", "making the publisher, pusher and reader policies", "deployer"),
    Action("iam:GetPolicy", "the AWS provider reads each policy that it made", "deployer"),
    Action("iam:GetPolicyVersion", "the same: its text", "deployer"),
    Action("iam:TagPolicy", "repositories.tags", "deployer"),
    Action("iam:UntagPolicy", "removing one of repositories.tags", "deployer"),
    Action("iam:ListPolicyVersions", "making room for a new text, and destroy", "deployer"),
    Action("iam:CreatePolicyVersion", "a changed text, as after another base path", "deployer"),
    Action("iam:DeletePolicyVersion", "destroy of a policy whose text has changed", "deployer"),
    Action("iam:DeletePolicy", "destroy", "deployer"),
)
ROLES = (  # on the roles that the component makes
    Action("iam:CreateRole", "access.ci and access.reader.principal", "deployer"),
    Action("iam:GetRole", "the AWS provider reads each role that it made", "deployer"),
    Action("iam:TagRole", "repositories.tags", "deployer"),
    Action("iam:UntagRole", "removing one of repositories.tags", "deployer"),
    Action("iam:UpdateAssumeRolePolicy", "changing who may assume the role", "deployer"),
    Action("iam:ListRolePolicies", "reading a role", "deployer", _PROVIDER),
    Action("iam:ListInstanceProfilesForRole", "deleting a role", "deployer", _PROVIDER),
    Action("iam:DeleteRole", "destroy", "deployer"),
)
ROLE_ATTACHMENTS = (  # on those roles, and on the roles that access names
    Action("iam:AttachRolePolicy", "access: a policy for a role", "deployer"),
    Action("iam:ListAttachedRolePolicies", "the same, read back", "deployer"),
    Action("iam:DetachRolePolicy", "destroy, and a role no longer named", "deployer"),
)
USER_ATTACHMENTS = (  # on the users that access names
    Action("iam:AttachUserPolicy", "access: a policy for a user", "deployer"),
    Action("iam:ListAttachedUserPolicies", "the same, read back", "deployer"),
    Action("iam:DetachUserPolicy", "destroy, and a user no longer named", "deployer"),
)
KEY = (  # on repositories.kmsKey
    Action("kms:DescribeKey", "making a repository with repositories.kmsKey", "deployer"),
    Action("kms:CreateGrant", "the same", "deployer"),
    Action("kms:RetireGrant", "deleting a repository with repositories.kmsKey", "deployer", _KMS),
)
# fmt: on
ACTIONS = (*REGISTRY, *REPOSITORIES, *POLICIES, *ROLES, *ROLE_ATTACHMENTS, *USER_ATTACHMENTS, *KEY)

Document = dict[str, Any]


def publisher(repositories: str) -> Document:
    """The documented permissions, complete: every step of the guide under `repositories`, and nothing elsewhere.

    repositories: an ARN pattern, "arn:aws:ecr:eu-west-1:123456789012:repository/packs/*". ECR matches it against the
    base repository and the packs' alike.
    """
    return _of(PUBLISHER, Token=(REGISTRY, "*"), Packs=(REPOSITORIES, repositories))


def pusher(repositories: str) -> Document:
    """For pipelines: publishes and resolves under `repositories`; creates no repository and deletes nothing."""
    return _of(PUSHER, Token=(REGISTRY, "*"), Packs=(REPOSITORIES, repositories))


def reader(repositories: str) -> Document:
    """For Palette: finds packs and pulls them from `repositories`, and can do nothing else.

    ECR lists repositories by DescribeRepositories alone, which has no prefix and is judged on `repository/*`: so the
    names and settings of other repositories in the same region can be seen, but nothing in them.
    """
    listing = [action for action in REPOSITORIES if action.name == "ecr:DescribeRepositories"]
    others = [action for action in REPOSITORIES if action not in listing]
    every = f"{repositories.partition(':repository/')[0]}:repository/*"
    return _of(READER, Registry=(REGISTRY, "*"), Find=(listing, every), Packs=(others, repositories))


def deployer(
    repositories: str,
    *,
    name: str = "packs",
    roles: Collection[str] = (),
    users: Collection[str] = (),
    kms_key: str | None = None,
) -> Document:
    """For `pulumi up` and `destroy` of the program, in whose account the deployer lives.

    name:         the component's logical name; Pulumi begins the names of its policies and roles with it
    roles, users: those whom `access` names, with their path if they have one ("team/ci")
    kms_key:      ARN of the repositories' key

    Whoever may write policies and attach them can widen his own rights: give the deployer's only to whom you would
    trust with the account's IAM, or set a permissions boundary.
    """
    _, partition, _, _, account, _ = repositories.split(":", 5)
    iam = f"arn:{partition}:iam::{account}"
    made = f"{iam}:role/{name}-*"
    return _of(
        DEPLOYER,
        Token=(REGISTRY, "*"),
        Packs=(REPOSITORIES, repositories),
        Policies=(POLICIES, f"{iam}:policy/{name}-*"),
        Roles=(ROLES, made),
        RoleAttachments=(ROLE_ATTACHMENTS, [made, *(f"{iam}:role/{role}" for role in sorted(roles))]),
        UserAttachments=(USER_ATTACHMENTS, [f"{iam}:user/{user}" for user in sorted(users)]),
        Key=(KEY, kms_key),
    )


def pull(principals: Sequence[str], organization: str | None) -> Document:
    """A repository's own policy: other accounts' principals, or everybody in an AWS organization, may pull.

    They need ecr:GetAuthorizationToken in their own account beside it, which no repository can grant
    (cloudposse/terraform-aws-ecr#67).
    """
    actions = ["ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
    grants: list[Document] = []
    if principals:
        grants.append({"Sid": "PullPrincipals", "Principal": {"AWS": sorted(principals)}})
    if organization:
        condition = {"StringEquals": {"aws:PrincipalOrgID": organization}}
        grants.append({"Sid": "PullOrganization", "Principal": "*", "Condition": condition})
    return _document([{**grant, "Effect": "Allow", "Action": actions} for grant in grants])


def trust(principal: str, external_id: str) -> Document:
    """Who may assume the reader role: `principal` (an ARN), if it says the ExternalId that was agreed."""
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"AWS": principal},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": external_id}},
            }
        ]
    )


def trust_oidc(provider: str, issuer: str, audience: str, subjects: Sequence[str]) -> Document:
    """Who may assume the CI role: jobs whose token comes from `issuer` (without scheme) for one of `subjects`."""
    condition = {
        "StringEquals": {f"{issuer}:aud": audience},
        "StringLike": {f"{issuer}:sub": sorted(subjects)},
    }
    return _document(
        [
            {
                "Effect": "Allow",
                "Principal": {"Federated": provider},
                "Action": "sts:AssumeRoleWithWebIdentity",
                "Condition": condition,
            }
        ]
    )


def _of(document: str, **statements: tuple[Sequence[Action], str | Sequence[str] | None]) -> Document:
    """Of each statement's actions those that belong to `document`; statements without any, or without resource, fall
    away."""
    found = []
    for sid, (actions, resource) in statements.items():
        names = sorted(action.name for action in actions if action.belongs_to(document))
        if names and resource:
            found.append({"Sid": sid, "Effect": "Allow", "Action": names, "Resource": resource})
    return _document(found)


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
