"""A POST that creates something, where its response may get lost: Palette has no idempotency keys, so it is looked up."""

from __future__ import annotations

from collections.abc import Callable

from packinfra.http.budget import RetryBudget
from packinfra.palette.errors import PaletteError


def create_once(budget: RetryBudget, post: Callable[[], str], find: Callable[[], str | None]) -> str:
    """The uid of what `post` creates, at most once.

    Args:
        budget: For all attempts together.
        post: One request, without attempts of its own; returns the uid.
        find: The uid of what has the name already, None if nothing has. The caller knows that nothing had it before.

    Raises:
        PaletteError: `post` or `find` did.
    """
    again = False

    def action() -> str:
        nonlocal again
        if again and (uid := find()):
            return uid
        lost, again = again, True
        try:
            return post()
        except PaletteError as error:
            # A 2xx that can't be read, or a conflict with what an earlier attempt made and no list had yet.
            may_be_ours = error.status in range(200, 300) or (lost and is_conflict(error))
            if may_be_ours and (uid := find()):
                return uid
            raise

    return budget.attempt(action)


def is_conflict(error: PaletteError) -> bool:
    """Palette's code for a name that is taken isn't published: a 409 counts, and a code that speaks of one."""
    words = error.code.lower()
    return error.status == 409 or any(word in words for word in ("alreadyexist", "duplicate"))
