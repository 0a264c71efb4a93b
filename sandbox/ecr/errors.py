"""The one error of the ECR stand-in, named as the AWS API names it.

The data plane turns the same errors into the codes of the distribution spec (``data_plane.CODES``), as the real
``/v2`` is a front of the API.
"""

from collections.abc import Iterable


class RefusedError(Exception):
    """A request that ECR refuses: the error code of the API model and the text AWS sends."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(parameter: str, reason: str) -> RefusedError:
    """behaviour.md REP-1: the wording AWS uses for every broken parameter."""
    return RefusedError(
        "InvalidParameterException", f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"
    )


def digest_list(digests: Iterable[str]) -> str:
    return "[" + ", ".join(digests) + "]"
