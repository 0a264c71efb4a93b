"""Waits until Palette gets into a registry: a role that was just made is not known everywhere in AWS at once.

IAM is eventually consistent (IAM User Guide, Troubleshoot IAM): the same request fails now and succeeds seconds later,
and nobody says which of the two it will be. So a role is tried for a while; a password or key is wrong at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from packinfra.palette.client import PaletteClient
from packinfra.palette.errors import CredentialsRejected
from packinfra.palette.registration import Registration
from packinfra.palette.reporter import Reporter


def wait_until_valid(
    client: PaletteClient,
    registration: Registration,
    *,
    role_timeout_seconds: float,
    reporter: Reporter,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """role_timeout_seconds: how long a role is tried. Raises CredentialsRejected if Palette doesn't get in."""
    give_up, pause = clock() + (role_timeout_seconds if registration.role_arn else 0.0), 2.0
    while True:
        try:
            return client.validate(registration)
        except CredentialsRejected as error:
            if clock() + pause > give_up:
                raise
            reporter.status(
                f"Palette cannot read as {registration.role_arn} yet; AWS takes a while to know a role: {error.text}"
            )
        sleep(pause)
        pause = min(2 * pause, 10.0)
