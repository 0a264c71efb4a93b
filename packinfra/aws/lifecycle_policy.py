"""ECR lifecycle policies.

ECR applies rules by rulePriority, lowest first, and no later rule reaches an image whose tags match an earlier one,
whether that rule expires it or not (ECR documentation, Lifecycle policy parameters). So each protected tag is a rule of
its own that never has enough images to expire any. Several patterns in one rule would all have to match an image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

NEVER = 1_000_000
"""More images than a repository can hold (ECR quota: 100,000)."""


def lifecycle_policy(
    *, protect_tags: Sequence[str] = (), expire_untagged_after_days: int | None = None, keep_newest: int | None = None
) -> dict[str, Any]:
    """The policy document. Rules are in the order of their priority, in which ECR returns them: in any other order,
    each preview would show a change."""
    rules = [(f"never expire {pattern}", _tagged(pattern, NEVER)) for pattern in protect_tags]
    if days := expire_untagged_after_days:
        selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
        rules.append((f"expire untagged images after {days} days", selection))
    if keep_newest:
        rules.append((f"keep the newest {keep_newest} tagged images", _tagged("*", keep_newest)))
    return {
        "rules": [
            {"rulePriority": priority, "description": text, "selection": selection, "action": {"type": "expire"}}
            for priority, (text, selection) in enumerate(rules, start=1)
        ]
    }


def _tagged(pattern: str, count: int) -> dict[str, Any]:
    return {"tagStatus": "tagged", "tagPatternList": [pattern], "countType": "imageCountMoreThan", "countNumber": count}
