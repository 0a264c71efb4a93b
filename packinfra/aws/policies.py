"""IAM policy documents as data. Each statement's actions stand beside what needs them.

The published guide lists ten actions; a push over the registry API and its verification need four more
(docs/iam.md puts both lists side by side).
"""

from __future__ import annotations

from typing import Any

DOCUMENTED = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchDeleteImage",
    "ecr:CompleteLayerUpload",
    "ecr:CreateRepository",
    "ecr:DeleteRepository",
    "ecr:DescribeImages",
    "ecr:InitiateLayerUpload",
    "ecr:ListImages",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)
"""The guide's ten (Palette documentation, Add a Pack to an ECR Registry)."""

PUSH_NEEDS = (
    "ecr:BatchGetImage",  # HEAD of a manifest: does the tag exist, and with which digest
    "ecr:DescribeRepositories",  # the guide's repositories, looked at
    "ecr:GetDownloadUrlForLayer",  # to verify a push by pulling it
)
"""What the guide forgets, beside ecr:GetAuthorizationToken, which can't be scoped to a repository."""


def publisher(repositories: str) -> dict[str, Any]:
    """The documented permissions, complete: every step of the guide under `repositories`, and nothing elsewhere.

    repositories: an ARN pattern, "arn:aws:ecr:eu-west-1:123456789012:repository/packs/*". ECR matches it against the
    base repository and the packs' alike.
    """
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Token",  # valid only with Resource "*" (ECR documentation, GetAuthorizationToken)
                "Effect": "Allow",
                "Action": "ecr:GetAuthorizationToken",
                "Resource": "*",
            },
            {
                "Sid": "Packs",
                "Effect": "Allow",
                "Action": sorted({*DOCUMENTED, *PUSH_NEEDS}),
                "Resource": repositories,
            },
        ],
    }
