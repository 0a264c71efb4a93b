"""Which certificate authorities are trusted: the system's, and those of the files that the user names.

Named files are added to the system's, as Docker does it (/etc/docker/certs.d): a registry with a CA of its own may
keep its blobs in a storage whose certificate a public CA signed.
"""

from __future__ import annotations

import glob
import os
import ssl
import sys
from dataclasses import dataclass

import truststore

from packinfra.http.failures import Cause, ConnectionFailure, unusable_ca

_VARIABLES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")


@dataclass(frozen=True)
class Trust:
    """ca_file: a PEM file with CA certificates that are trusted too; the environment may name more"""

    ca_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises ConnectionFailure for a file that can't be used."""
        context, loaded = _system_store()
        for name, path in (("", self.ca_file), *((name, os.environ.get(name)) for name in _VARIABLES)):
            if not path or path in loaded or (name.startswith("SSL_") and not os.path.exists(path)):  # as OpenSSL
                continue
            loaded.add(path)
            try:
                context.load_verify_locations(**{"capath" if os.path.isdir(path) else "cafile": path})
            except (ssl.SSLError, OSError) as error:
                text = f"{name} {unusable_ca(path) or path}".strip()
                raise ConnectionFailure(Cause.UNTRUSTED, text) from error
        return context


def _system_store() -> tuple[ssl.SSLContext, set[str | None]]:
    """A context with the system's CAs, and the files that are in it.

    truststore asks macOS and Windows, and finds the files of Linux where OpenSSL was built to look elsewhere. Where
    OpenSSL knows them it isn't needed: it would read them for each connection anew (25 ms), one connection at a time.
    """
    paths = ssl.get_default_verify_paths()
    if sys.platform in ("darwin", "win32") or not (paths.cafile or glob.glob(f"{paths.capath}/*.0")):
        return truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT), set()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_default_verify_paths()
    return context, {paths.cafile, paths.capath}
