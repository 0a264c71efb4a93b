"""Prints the policy document that `pulumi up` and `destroy` of a stack need.

.venv/bin/python -m tools.iam stacks/Pulumi.prod.yaml
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import yaml

from packinfra.aws import policies
from packinfra.settings import EcrRegistry, SettingsError, load


def deployer(stack_file: Path) -> policies.Document:
    """Raises SettingsError if the stack file is wrong, or its registry isn't in ECR."""
    config = _config(stack_file)
    settings = load(config)
    if not isinstance(settings.registry, EcrRegistry):
        raise SettingsError("packinfra:registry: kind: basic uses no AWS, so it needs no IAM policy")
    accounts, region, access = config.get("aws:allowedAccountIds"), str(config["aws:region"]), settings.access
    if not isinstance(accounts, list) or len(accounts) != 1:
        raise SettingsError('aws:allowedAccountIds: write one account, for example: ["123456789012"]')
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    grantees = [access.publishers, *([access.pushers] if access.pushers else [])]
    users = {user for grantee in grantees for user in grantee.users} | {*(access.reader.users if access.reader else ())}
    return policies.deployer(
        f"arn:{partition}:ecr:{region}:{accounts[0]}:repository/{settings.registry.base_path}/*",
        roles={role for grantee in grantees for role in grantee.roles},
        users=users,
        kms_key=settings.repositories.kms_key,
    )


def _config(stack_file: Path) -> dict[str, Any]:
    try:
        return dict(yaml.safe_load(stack_file.read_text(encoding="utf-8"))["config"])
    except OSError as error:
        raise SettingsError(str(error.strerror)) from None
    except (ValueError, TypeError, KeyError, yaml.YAMLError):  # whose text may show a secret
        raise SettingsError("this is no stack file: write YAML with the key config") from None


def main(arguments: list[str]) -> int | str:
    if len(arguments) != 1:
        return str(__doc__)
    try:
        print(json.dumps(deployer(Path(arguments[0])), indent=2))
    except SettingsError as error:
        return f"{error}\n  in {arguments[0]}"
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
