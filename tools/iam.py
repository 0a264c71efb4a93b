"""Prints the policy document that `pulumi up` and `destroy` of a stack need.

.venv/bin/python -m tools.iam stacks/Pulumi.prod.yaml
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import yaml

from packinfra.aws import policies
from packinfra.settings import load


def deployer(stack_file: Path) -> policies.Document:
    config = yaml.safe_load(stack_file.read_text(encoding="utf-8"))["config"]
    settings = load(config)
    access, region, (account,) = settings.access, config["aws:region"], config["aws:allowedAccountIds"]
    partition = "aws-cn" if region.startswith("cn-") else "aws-us-gov" if region.startswith("us-gov-") else "aws"
    roles = {*access.publishers.roles, *(access.pushers.roles if access.pushers else ())}
    users = {*access.publishers.users, *(access.pushers.users if access.pushers else ())}
    return policies.deployer(
        f"arn:{partition}:ecr:{region}:{account}:repository/{settings.registry.base_path}/*",
        roles=roles,
        users=users | {*(access.reader.users if access.reader else ())},
        kms_key=settings.repositories.kms_key,
    )


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    print(json.dumps(deployer(Path(sys.argv[1])), indent=2))
