"""The error of the ECR stand-in, with the codes of the AWS API.

The data plane translates the codes to those of the distribution spec (``data_plane.CODES``), because the real ``/v2`` is
a front end of the API.
"""

from collections.abc import Iterable


class ApiError(Exception):
    """An error response of ECR: the code of the API model, and AWS's message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def invalid(parameter: str, reason: str) -> ApiError:
    """behaviour.md REP-1: AWS's message for every invalid parameter."""
    return ApiError(
        "InvalidParameterException", f"Invalid parameter at '{parameter}' failed to satisfy constraint: '{reason}'"
    )


def digest_list(digests: Iterable[str]) -> str:
    return "[" + ", ".join(digests) + "]"
