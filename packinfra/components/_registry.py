"""The base of both registry components: outputs, exports, and the check of their arguments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pulumi
from pydantic.alias_generators import to_camel

from packinfra.settings.messages import show

_OUTPUTS = (
    "endpoint", "base_path", "repositories", "versions", "publisher_policy_arn", "pusher_policy_arn",
    "reader_policy_arn", "ci_role_arn", "reader_role_arn", "palette_registry_uid",
)  # fmt: skip


class PackRegistry(pulumi.ComponentResource):
    """Base of EcrPackRegistry and BasicPackRegistry, which describe the outputs."""

    endpoint: pulumi.Output[str]
    base_path: pulumi.Output[str]
    repositories: pulumi.Output[dict[str, str]]
    versions: pulumi.Output[dict[str, dict[str, str]]]
    palette_registry_uid: pulumi.Output[str] | None = None
    exports: dict[str, pulumi.Output[Any]]

    def _child(self) -> pulumi.ResourceOptions:
        return pulumi.ResourceOptions(parent=self)

    def _register_outputs(self) -> None:
        values = {to_camel(name): getattr(self, name, None) for name in _OUTPUTS}
        self.exports = {name: value for name, value in values.items() if value is not None}
        self.register_outputs(self.exports)


def valid_or_error(argument: str, value: str, validate: Callable[[str], str]) -> str:
    """`validate(value)`, or a RunError, which the engine shows without a traceback."""
    try:
        return validate(value)
    except ValueError as error:
        raise pulumi.RunError(f"{argument}: {show(value)} is wrong: {error}") from None
