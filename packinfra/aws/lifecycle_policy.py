"""ECR lifecycle policies: typed settings -> the rules that say the same.

How ECR reads them (ECR documentation, Lifecycle policy parameters): rules are applied by rulePriority, lowest first,
and an image that matches the tags of a rule is out of reach of all later ones, whether that rule expires it or not.
So a protected tag is a rule of its own that never has enough images to expire any. One rule for each: of several
patterns in one rule, an image would have to match all.
"""

from __future__ import annotations

from typing import Any

from packinfra.settings import LifecycleSettings

NEVER = 1_000_000
"""More images than a repository can hold (ECR quota: 100,000)."""


def lifecycle_policy(settings: LifecycleSettings) -> dict[str, Any]:
    """The policy, its rules in the order of their priority: ECR gives them back that way, and in any other order each
    preview would see a change."""
    rules: list[tuple[str, dict[str, Any]]] = [
        (f"never expire {pattern}", _tagged(pattern, NEVER)) for pattern in settings.protect_tags
    ]
    if days := settings.expire_untagged_after_days:
        selection = {"tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": days}
        rules.append((f"expire untagged images after {days} days", selection))
    if count := settings.keep_newest:
        rules.append((f"keep the newest {count} tagged images", _tagged("*", count)))
    return {
        "rules": [
            {"rulePriority": priority, "description": text, "selection": selection, "action": {"type": "expire"}}
            for priority, (text, selection) in enumerate(rules, start=1)
        ]
    }


def _tagged(pattern: str, count: int) -> dict[str, Any]:
    return {
        "tagStatus": "tagged",
        "tagPatternList": [pattern],
        "countType": "imageCountMoreThan",
        "countNumber": count,
    }
