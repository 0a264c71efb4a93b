"""The client for a Palette, with its API key: both are looked up inside each operation.

Host and CA are inputs of the resources, so destroy knows them without the program. The API key never is an input: it
is the secret packinfra:paletteApiKey of the stack, else the login of the secret packinfra:paletteLogin, else
SPECTROCLOUD_APIKEY.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Mapping
from typing import Any

from packinfra.http.failures import unusable_ca
from packinfra.lifecycle.run import Config
from packinfra.palette import PaletteClient, PaletteTransport
from packinfra.palette.errors import KeyRejected, PaletteStep
from packinfra.palette.host import KEY_VARIABLE, normalize_host
from packinfra.palette.login import Login

API_KEY = "packinfra:paletteApiKey"
LOGIN = "packinfra:paletteLogin"


def validate_location(props: dict[str, Any]) -> list[str]:
    """Normalizes `host` in place, and returns the problems with it and with `caFile`."""
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


class PaletteClients:
    """One client for each Palette, in one process. Thread-safe."""

    def __init__(self, config: Config) -> None:
        self._key = str(config(API_KEY) or "").strip()
        self._login = "" if self._key else str(config(LOGIN) or "").strip()
        if not self._login:
            self._key = self._key or str(os.environ.get(KEY_VARIABLE) or "").strip()
        self._lock = threading.Lock()
        self._clients: dict[tuple[str, str | None], PaletteClient] = {}

    def get(self, props: Mapping[str, Any]) -> PaletteClient:
        """Raises a PaletteError if there can be none."""
        host, ca_file = str(props["host"]), props.get("caFile") or None
        if not (self._key or self._login):
            raise KeyRejected(
                PaletteStep.LOGIN, host, text="there is no API key, without which nothing is deleted there either"
            )
        try:
            access = Login.parse(self._login) if self._login else self._key
        except ValueError as error:
            remedy = f"set it anew, from a file: pulumi config set --secret {LOGIN} < login.json"
            raise KeyRejected(PaletteStep.LOGIN, host, text=f"{LOGIN}: {error}", remedy=remedy) from None
        with self._lock:
            if (host, ca_file) not in self._clients:
                self._clients[host, ca_file] = PaletteClient(PaletteTransport(host, access, ca_file=ca_file))
            return self._clients[host, ca_file]
