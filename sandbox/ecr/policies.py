"""Repository policies and lifecycle policies: which texts ECR accepts, and in which form it returns them."""

import json
import re
from collections.abc import Callable
from typing import Any

from sandbox.ecr.errors import ApiError, invalid

_SELECTION = {"tagStatus", "tagPrefixList", "tagPatternList", "countType", "countUnit", "countNumber", "storageClass"}
_RULE = {"rulePriority", "description", "selection", "action"}


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _format(document: Any) -> str:
    return json.dumps(document, indent=2, separators=(",", " : "))


def _many(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_PRINCIPAL = re.compile(
    r"\d{12}|arn:aws[a-z-]*:iam::\d{12}:root"
    r"|arn:aws[a-z-]*:iam::(?P<account>\d{12}):(user|role)/[\w+=,.@/-]+"
    r"|arn:aws[a-z-]*:sts::\d{12}:assumed-role/[\w+=,.@-]+/[\w+=,.@-]+"
)
_SERVICE = re.compile(r"[a-z0-9.-]+\.amazonaws\.com(\.cn)?")


def repository_policy(text: str, is_known: Callable[[str, str], bool]) -> str:
    """The policy as AWS would store it (behaviour.md POL-1, POL-3, POL-4, POL-5).

    ``is_known`` says whether a user or role exists, by account and ARN.
    """
    rejected = invalid("PolicyText", "Invalid repository policy provided")
    document = _parse(text)
    if not isinstance(document, dict) or not document.get("Statement"):
        raise rejected
    for statement in _many(document["Statement"]):
        if not isinstance(statement, dict) or statement.get("Effect") not in ("Allow", "Deny"):
            raise rejected
        # The policy is about its repository alone (amazon-ecr-user-guide#20).
        if {"Resource", "NotResource"} & set(statement):
            raise rejected
        principals = statement.get("Principal") or statement.get("NotPrincipal")
        if not _well_formed(principals):
            raise rejected
        if not all(is_known(account, arn) for account, arn in _people(principals)):
            raise invalid("PolicyText", "Principal not found")
        actions = _many(statement.get("Action") or statement.get("NotAction") or [])
        if not actions or not all(isinstance(a, str) and (a == "*" or a.lower().startswith("ecr:")) for a in actions):
            raise rejected
        # The token belongs to the registry, so a repository's policy cannot grant it (cloudposse#67).
        if any(action.lower() == "ecr:getauthorizationtoken" for action in actions):
            raise rejected
    return _format(document)


def _well_formed(principals: Any) -> bool:
    if principals == "*":
        return True
    if not isinstance(principals, dict) or not principals or not set(principals) <= {"AWS", "Service"}:
        return False
    names = [(kind, name) for kind, value in principals.items() for name in _many(value)]
    forms = {"AWS": re.compile(rf"\*|{_PRINCIPAL.pattern}"), "Service": _SERVICE}
    return bool(names) and all(isinstance(name, str) and forms[kind].fullmatch(name) for kind, name in names)


def _people(principals: Any) -> list[tuple[str, str]]:
    """Account and ARN of each user and role."""
    if principals == "*":
        return []
    matches = [_PRINCIPAL.fullmatch(name) for name in _many(principals.get("AWS", []))]
    return [(match["account"], match[0]) for match in matches if match and match["account"]]


def lifecycle_policy(text: str) -> str:
    """The policy as AWS would store it: rules in the order of their priority (behaviour.md LIF-1, LIF-3)."""
    document = _parse(text)
    rules = document.get("rules") if isinstance(document, dict) else None
    if not isinstance(rules, list) or not 1 <= len(rules) <= 50:
        raise _lifecycle("a policy needs 1 to 50 rules")
    for rule in rules:
        _check_rule(rule)
    priorities = [rule["rulePriority"] for rule in rules]
    if len(set(priorities)) < len(priorities):
        raise _lifecycle("rulePriority must be unique")
    rules.sort(key=lambda rule: rule["rulePriority"])
    if any(rule["selection"]["tagStatus"] == "any" for rule in rules[:-1]):
        raise _lifecycle("a rule with tagStatus any must have the highest rulePriority")
    return json.dumps(document, separators=(",", ":"))


def _check_rule(rule: Any) -> None:
    if not isinstance(rule, dict) or not set(rule) <= _RULE:
        raise _lifecycle(f"a rule may have {sorted(_RULE)}")
    priority, selection, action = rule.get("rulePriority"), rule.get("selection"), rule.get("action")
    if type(priority) is not int or priority < 1:
        raise _lifecycle("rulePriority must be a whole number from 1")
    if not isinstance(action, dict) or action.get("type") not in ("expire", "transition"):
        raise _lifecycle("action.type must be expire or transition")
    if not isinstance(selection, dict) or not set(selection) <= _SELECTION:
        raise _lifecycle(f"a selection may have {sorted(_SELECTION)}")
    status = selection.get("tagStatus")
    if status not in ("tagged", "untagged", "any"):
        raise _lifecycle("tagStatus must be tagged, untagged or any")
    if (status == "tagged") != bool(selection.get("tagPrefixList") or selection.get("tagPatternList")):
        raise _lifecycle("tagPrefixList or tagPatternList belongs to tagStatus tagged, and only to it")
    count = selection.get("countNumber")
    if type(count) is not int or count < 1:
        raise _lifecycle("countNumber must be a whole number from 1")
    by_age = selection.get("countType") != "imageCountMoreThan"
    if by_age and not str(selection.get("countType")).startswith("since"):
        raise _lifecycle("countType must be imageCountMoreThan or sinceImagePushed")
    if by_age != (selection.get("countUnit") == "days"):
        raise _lifecycle("countUnit days belongs to a countType since..., and only to it")


def _lifecycle(reason: str) -> ApiError:
    return invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {reason}")
