"""IAM policy documents for a pack registry, and the step that needs each action.

    publisher   every step of Palette's guide: creates repositories, publishes, deletes
    pusher      a pipeline: publishes and resolves; creates no repository, deletes nothing
    reader      Palette: finds packs and pulls them
    deployer    `pulumi up` and `pulumi destroy` of packinfra's own program

The documents and docs/iam.md are generated from one table, `ACTIONS`.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

PUBLISHER, PUSHER, READER, DEPLOYER = "publisher", "pusher", "reader", "deployer"
GUIDE = "guide"
"""The ten actions that Palette's guide lists; not one of our documents."""


@dataclass(frozen=True)
class Action:
    """One IAM action."""

    name: str
    why: str  # the step that needs it
    documents: str  # the documents that contain it, as words: "guide publisher pusher"
    unproven: str = ""  # why it is needed although no step on the sandbox fails without it; "" if one does

    def belongs_to(self, document: str) -> bool:
        return document in self.documents.split()


_PALETTE = "Palette's documentation requires it; which of its calls needs it is not published"
_KMS = "the sandbox retires no grants; ECR documentation, Encryption at rest"

# fmt: off
REGISTRY = (  # of the registry, not of a repository: valid only with Resource "*"
    Action("ecr:GetAuthorizationToken", "every token for pushing or pulling", "publisher pusher reader deployer"),
    Action("ecr:DescribeRegistry", "reading the registry's settings", "reader", _PALETTE),
    Action("ecr:GetRegistryPolicy", "reading the registry's policy", "reader", _PALETTE),
)
REPOSITORIES = (
    Action("ecr:BatchGetImage", "HEAD and GET of a manifest: the digest of a tag",
           "publisher pusher reader deployer"),
    Action("ecr:BatchCheckLayerAvailability", "HEAD of a blob: does it exist already",
           "guide publisher pusher reader deployer"),
    Action("ecr:GetDownloadUrlForLayer", "GET of a blob: pulling a pack, comparing it with a folder",
           "publisher pusher reader deployer"),
    Action("ecr:InitiateLayerUpload", "POST of an upload (the guide lists it twice)",
           "guide publisher pusher deployer"),
    Action("ecr:UploadLayerPart", "the body of an upload", "guide publisher pusher deployer"),
    Action("ecr:CompleteLayerUpload", "the end of an upload", "guide publisher pusher deployer"),
    Action("ecr:PutImage", "PUT of a manifest: publishing a version", "guide publisher pusher deployer"),
    Action("ecr:BatchDeleteImage", "withdrawing a version", "guide publisher deployer"),
    Action("ecr:ListImages", "listing the tags of a pack; before destroy, finding images of others",
           "guide publisher reader deployer"),
    Action("ecr:DescribeImages", "looking at published versions", "guide publisher reader"),
    Action("ecr:CreateRepository", "creating a repository", "guide publisher deployer"),
    Action("ecr:DeleteRepository", "deleting a repository", "guide publisher deployer"),
    # In the reader document, it has a statement of its own: see reader().
    Action("ecr:DescribeRepositories", "finding repositories; the AWS provider reads each of its own",
           "publisher reader deployer"),
    Action("ecr:ListTagsForResource", "the AWS provider reads the AWS tags of a repository", "reader deployer"),
    Action("ecr:TagResource", "repositories.tags, also while a repository is created", "deployer"),
    Action("ecr:UntagResource", "removing one of repositories.tags", "deployer"),
    Action("ecr:PutImageTagMutability", "changing repositories.immutable and exceptTags", "deployer"),
    Action("ecr:PutImageScanningConfiguration", "changing repositories.scanOnPush", "deployer"),
    Action("ecr:PutLifecyclePolicy", "repositories.lifecycle", "deployer"),
    Action("ecr:GetLifecyclePolicy", "repositories.lifecycle, read back", "reader deployer"),
    Action("ecr:DeleteLifecyclePolicy", "removing repositories.lifecycle, and destroy", "deployer"),
    Action("ecr:SetRepositoryPolicy", "access.pull", "deployer"),
    Action("ecr:GetRepositoryPolicy", "access.pull, read back", "reader deployer"),
    Action("ecr:DeleteRepositoryPolicy", "removing access.pull, and destroy", "deployer"),
    Action("ecr:GetLifecyclePolicyPreview", "reading the preview of a lifecycle policy", "reader", _PALETTE),
    Action("ecr:DescribeImageReplicationStatus", "reading the status of replication", "reader", _PALETTE),
    Action("ecr:DescribeImageScanFindings", "reading the findings of a scan", "reader", _PALETTE),
)
POLICIES = (  # on the component's policies
    Action("iam:CreatePolicy", "creating the publisher, pusher and reader policies", "deployer"),
    Action("iam:GetPolicy", "the AWS provider reads each of its policies", "deployer"),
    Action("iam:GetPolicyVersion", "the same: the document", "deployer"),
    Action("iam:TagPolicy", "repositories.tags", "deployer"),
    Action("iam:UntagPolicy", "removing one of repositories.tags", "deployer"),
    Action("iam:ListEntitiesForPolicy", "before destroy, finding out who else has a policy", "deployer"),
    Action("iam:ListPolicyVersions", "making room for a new document, and destroy", "deployer"),
    Action("iam:CreatePolicyVersion", "a changed document, for example after a change of the base path", "deployer"),
    Action("iam:DeletePolicyVersion", "destroy of a policy whose document has changed", "deployer"),
    Action("iam:DeletePolicy", "destroy", "deployer"),
)
ROLES = (  # on the component's roles
    Action("iam:CreateRole", "access.ci and access.reader.principal", "deployer"),
    Action("iam:GetRole", "the AWS provider reads each of its roles", "deployer"),
    Action("iam:TagRole", "repositories.tags", "deployer"),
    Action("iam:UntagRole", "removing one of repositories.tags", "deployer"),
    Action("iam:UpdateAssumeRolePolicy", "changing the trust policy", "deployer"),
    Action("iam:ListRolePolicies", "reading a role; before destroy, finding policies of others", "deployer"),
    Action("iam:ListInstanceProfilesForRole", "deleting a role", "deployer"),
    Action("iam:DeleteRole", "destroy", "deployer"),
)
ROLE_ATTACHMENTS = (  # on those roles, and on the roles in `access`
    Action("iam:AttachRolePolicy", "access: a policy for a role", "deployer"),
    Action("iam:ListAttachedRolePolicies", "the same, read back", "deployer"),
    Action("iam:DetachRolePolicy", "destroy, and a role no longer named", "deployer"),
)
USER_ATTACHMENTS = (  # on the users in `access`
    Action("iam:AttachUserPolicy", "access: a policy for a user", "deployer"),
    Action("iam:ListAttachedUserPolicies", "the same, read back", "deployer"),
    Action("iam:DetachUserPolicy", "destroy, and a user no longer named", "deployer"),
)
KEY = (  # on repositories.kmsKey
    Action("kms:DescribeKey", "creating a repository with repositories.kmsKey", "deployer"),
    Action("kms:CreateGrant", "the same", "deployer"),
    Action("kms:RetireGrant", "deleting a repository with repositories.kmsKey", "deployer", _KMS),
)
# fmt: on
ACTIONS = (*REGISTRY, *REPOSITORIES, *POLICIES, *ROLES, *ROLE_ATTACHMENTS, *USER_ATTACHMENTS, *KEY)

Document = dict[str, Any]


def publisher(repositories: str) -> Document:
    """The documented permissions, complete: every step of the guide under `repositories`, and nothing elsewhere.

    Args:
        repositories: An ARN pattern, "arn:aws:ecr:eu-west-1:123456789012:repository/packs/*". It matches the base
            repository and the packs' repositories.
    """
    return _of(PUBLISHER, Token=(REGISTRY, "*"), Packs=(REPOSITORIES, repositories))


def pusher(repositories: str) -> Document:
    """For pipelines: publishes and resolves under `repositories`; creates no repository, deletes nothing."""
    return _of(PUSHER, Token=(REGISTRY, "*"), Packs=(REPOSITORIES, repositories))


def reader(repositories: str) -> Document:
    """For Palette: finds packs and pulls them from `repositories`, and nothing else.

    Only DescribeRepositories lists repositories. It has no prefix, and IAM evaluates it on `repository/*`: so the
    reader sees names and settings of other repositories in the same region, but nothing in them.
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
    """For `pulumi up` and `destroy` of the program. The deployer is in the same account.

    It can create policies and attach them, so it can escalate its own privileges. A condition on `iam:PolicyARN` would
    not prevent that, because it also writes the documents of the policies that the condition would allow. Grant it only
    to those who may administer the account's IAM, or set a permissions boundary.

    Args:
        repositories: As for `publisher`.
        name: The component's logical name, with which the names of its policies and roles begin.
        roles: The roles in `access`, with their path if they have one ("team/ci").
        users: The users in `access`, likewise.
        kms_key: ARN of the repositories' key.
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
    """The policy of a repository: principals of other accounts, or all accounts of an AWS organization, may pull.

    They also need ecr:GetAuthorizationToken in their own account, which no repository policy can grant
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
    """The trust policy of the reader role: `principal` (an ARN) may assume it with the agreed ExternalId."""
    return _trust("sts:AssumeRole", {"AWS": principal}, {"StringEquals": {"sts:ExternalId": external_id}})


def trust_oidc(provider: str, issuer: str, audience: str, subjects: Sequence[str]) -> Document:
    """The trust policy of the CI role: jobs may assume it with a token of `issuer` (without scheme) for one of `subjects`."""
    condition = {"StringEquals": {f"{issuer}:aud": audience}, "StringLike": {f"{issuer}:sub": sorted(subjects)}}
    return _trust("sts:AssumeRoleWithWebIdentity", {"Federated": provider}, condition)


def principal_arn(principal: str, arn: str) -> str:
    """An account's number as the ARN that AWS makes of it, so that reading it back shows no change. Any `arn` of the same
    partition will do."""
    return f"arn:{arn.split(':')[1]}:iam::{principal}:root" if principal.isdigit() else principal


def oidc_provider_arn(issuer: str, arn: str) -> str:
    """The ARN of the issuer's identity provider in the account of `arn`."""
    _, partition, _, _, account, _ = arn.split(":", 5)
    return f"arn:{partition}:iam::{account}:oidc-provider/{issuer}"


def _of(document: str, **statements: tuple[Sequence[Action], str | Sequence[str] | None]) -> Document:
    """Each statement with those of its actions that belong to `document`. Statements without action or resource are left
    out."""
    result = []
    for sid, (actions, resource) in statements.items():
        names = sorted(action.name for action in actions if action.belongs_to(document))
        if names and resource:
            result.append({"Sid": sid, "Effect": "Allow", "Action": names, "Resource": resource})
    return _document(result)


def _trust(action: str, principal: Document, condition: Document) -> Document:
    return _document([{"Effect": "Allow", "Principal": principal, "Action": action, "Condition": condition}])


def _document(statements: list[Document]) -> Document:
    return {"Version": "2012-10-17", "Statement": statements}
