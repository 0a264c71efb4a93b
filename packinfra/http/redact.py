"""Foreign text on its way to people and logs: printable, on one line, without secrets."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

from packinfra.text import printable


def clean(text: object, secrets: Iterable[str] = (), limit: int = 1000) -> str:
    r"""Text of a service, a file or a program, fit for a message: the one way for all that packinfra didn't write.

    Secrets go before the text is cut, which could leave half of one; also as they stand in a URL.

    >>> clean("key k3y/\n is \x1b[1mwrong, and k3y%2F too", ["k3y/"])
    'key ... is \\x1b[1mwrong, and ... too'
    """
    text = str(text)
    forms = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""), quote_plus(secret))}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, "...")
    return printable(" ".join(text.split()))[:limit]


def without_query(url: str) -> str:
    """Queries of uploads and downloads are keys to them (a presigned URL, an upload's state)."""
    return re.sub(r"\?\S*", "?...", url)


class _WithoutQueries(logging.Filter):
    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(without_query(arg) if isinstance(arg, str) else arg for arg in record.args)
        return True


_QUERIES = _WithoutQueries()


def hide_queries() -> None:
    """From now on, urllib3's log shows no queries. Again is harmless: a logger takes a filter once."""
    logging.getLogger("urllib3.connectionpool").addFilter(_QUERIES)
