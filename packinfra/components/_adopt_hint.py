"""Explains how to adopt a repository that exists already.

ECR reports that a repository exists only when it refuses to create it, in the middle of `pulumi up`, and the AWS
provider's message doesn't mention our settings. An error hook logs the line to add.
"""

from __future__ import annotations

import pulumi

KEPT_ALWAYS = ["encryptionConfigurations"]
KEPT_ON_IMPORT = [
    *KEPT_ALWAYS, "forceDelete", "imageScanningConfiguration", "imageTagMutability",
    "imageTagMutabilityExclusionFilters", "tags",
]  # fmt: skip
"""Pulumi imports a repository only if it matches the declaration, so these may differ during the import."""


def explain_existing_repository(opts: pulumi.ResourceOptions, logical_name: str, repository: str, line: str) -> None:
    """If creation fails because `repository` exists, logs the `line` of the stack file that adopts it.

    Args:
        logical_name: Of the resource. A hook's name must be unique in the program, and two components may have one base
            path: in two regions, for example.
    """

    def explain(args: pulumi.ErrorHookArgs) -> bool:
        if any("RepositoryAlreadyExistsException" in error for error in args.errors):
            pulumi.log.error(
                f"{repository} exists already, and this stack did not create it. To adopt it, add to the stack file:\n"
                f"    {line}"
            )
        return False  # let the failure happen

    opts.hooks = pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"adopt {logical_name}", explain)])
