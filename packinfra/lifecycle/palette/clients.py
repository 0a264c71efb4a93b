"""Which Palette is asked, and with whose key: looked up inside each operation.

Host and CA are inputs of the resources, so destroy knows them without the program; the host is never taken from the
environment, since a machine without the variable would then take the registration for one of another Palette. The API
key never is an input: the secret packinfra:paletteApiKey of the stack, else SPECTROCLOUD_APIKEY.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from packinfra.host.engine import Log
from packinfra.http.failures import unusable_ca
from packinfra.palette import PaletteClient, PaletteTransport
from packinfra.palette.errors import KeyRejected, PaletteStep
from packinfra.palette.host import HOST, KEY_VARIABLE, host_elsewhere, normalize_host

API_KEY = "packinfra:paletteApiKey"


def place(host: pulumi.Input[str] | None, ca_file: str | None) -> dict[str, pulumi.Input[str] | None]:
    """The inputs that say which Palette. Raises pulumi.RunError if only the environment does."""
    if host is None and (problem := host_elsewhere(os.environ)):
        raise pulumi.RunError(f"host of Palette: {problem}")
    return {"host": host or HOST, "caFile": ca_file}


def judged_place(props: dict[str, Any]) -> list[str]:
    """Tidies `host` in place; what is wrong with it, and with `caFile`."""
    problems = []
    if isinstance(host := props.get("host"), str):
        try:
            props["host"] = normalize_host(host)
        except ValueError as error:
            shown = re.sub(r"[^/]*@", "...@", host)  # "user:password@host"
            problems.append(f"host: {shown}: {error}")
    if (path := props.get("caFile")) and (problem := unusable_ca(path)):
        problems.append(f"ca_file: {problem}: name a PEM file with the certificate of the CA that signed Palette's")
    return problems


def plain(props: Mapping[str, Any]) -> dict[str, Any]:
    """What outputs begin with: the host adds `__provider` itself."""
    return {key: value for key, value in props.items() if key != "__provider"}


def log_of(props: Mapping[str, Any]) -> Log:
    return Log(str(props.get("urn") or ""))


class PaletteClients:
    """One client for each Palette, in one process. Thread-safe.

    get: a value of the stack's config by its full key, secrets in plain text; None if there is none
    """

    def __init__(self, get: Callable[[str], Any]) -> None:
        self._key = str(get(API_KEY) or os.environ.get(KEY_VARIABLE) or "").strip()
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str | None], PaletteClient] = {}

    def of(self, props: Mapping[str, Any]) -> PaletteClient:
        """Raises a PaletteError if there can be none."""
        host, ca_file = str(props["host"]), props.get("caFile") or None
        if not self._key:
            raise KeyRejected(
                PaletteStep.LOGIN, host, text="there is no API key, without which nothing is deleted there either"
            )
        with self._lock:
            if (host, ca_file) not in self._clients:
                self._clients[host, ca_file] = PaletteClient(PaletteTransport(host, self._key, ca_file=ca_file))
            return self._clients[host, ca_file]
