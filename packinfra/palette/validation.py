"""Retries validation until Palette can authenticate to the registry: AWS doesn't know a new role everywhere at once.

IAM is eventually consistent (IAM User Guide, Troubleshoot IAM): the same request may fail now and succeed seconds later.
So a role is tried for a while; a wrong password or key fails at once.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from packinfra.palette.client import PaletteClient
from packinfra.palette.errors import CredentialsRejected
from packinfra.palette.registration import Registration
from packinfra.palette.reporter import StatusReporter


def wait_until_valid(
    client: PaletteClient,
    registration: Registration,
    *,
    role_timeout_seconds: float,
    reporter: StatusReporter,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Raises CredentialsRejected if the registry rejects Palette's credentials; those of a role, after the timeout."""
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
