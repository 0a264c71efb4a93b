"""Repositories that exist already: taking them over, and saying how when ECR refuses to make them.

Whether a repository exists shows only when ECR refuses to create it, in the middle of `pulumi up`, and the provider's
text knows nothing of our settings. An error hook puts the line that helps beside it.
"""

from __future__ import annotations

import pulumi

KEPT_ON_IMPORT = [
    "encryptionConfigurations",
    "forceDelete",
    "imageScanningConfiguration",
    "imageTagMutability",
    "imageTagMutabilityExclusionFilters",
    "tags",
]
"""Pulumi imports only what is exactly as declared, so what may differ is ignored while a repository is imported."""


def explain_existing_repository(opts: pulumi.ResourceOptions, repository: str, line: str) -> None:
    """Makes the failure of a creation because `repository` exists name the `line` of the stack file that helps."""

    def explain(args: pulumi.ErrorHookArgs) -> bool:
        if any("RepositoryAlreadyExistsException" in error for error in args.errors):
            pulumi.log.error(
                f"{repository} exists already, and was not made by this stack. To use it, write into the stack file:\n"
                f"    {line}"
            )
        return False  # the failure stands

    opts.hooks = pulumi.ResourceHookBinding(on_error=[pulumi.ErrorHook(f"adopt {repository}", explain)])
