"""The two kinds of error: Palette rejects a request, or a registry rejects Palette."""


class ApiError(Exception):
    """An error response of Palette: status, code and message (palette/behaviour.md PAL-4)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class AccessError(Exception):
    """Palette can't access a registry, or its content; the message quotes the other side."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def invalid(message: str) -> ApiError:
    return ApiError(400, "InvalidRequest", message)


def not_found(what: str) -> ApiError:
    return ApiError(404, "ResourceNotFound", f"{what} not found")
