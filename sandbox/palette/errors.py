"""The two ways in which something goes wrong: Palette refuses a request, or a registry refuses Palette."""


class RefusedError(Exception):
    """A request that Palette refuses: status, code and text of its answer (palette/behaviour.md PAL-4)."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class ClosedError(Exception):
    """Palette does not get into a registry, or not to what lies there; the message has the other side's words."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status


def invalid(message: str) -> RefusedError:
    return RefusedError(400, "InvalidRequest", message)


def not_found(what: str) -> RefusedError:
    return RefusedError(404, "ResourceNotFound", f"{what} not found")
