"""A run of a test's own: what all resources of one provider process share, and what they reported."""

from __future__ import annotations

from packinfra.lifecycle.run import Run


class Messages:
    """A Reporter that keeps its messages."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.infos: list[str] = []
        self.warnings: list[str] = []

    def status(self, message: str) -> None:
        self.statuses.append(message)

    def info(self, message: str) -> None:
        self.infos.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def new_run(messages: Messages | None = None) -> Run:
    reporter = messages or Messages()
    return Run(lambda _urn: reporter)
