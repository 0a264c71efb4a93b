"""Which certificate authorities are trusted: the system's, and those of the files that the user names.

Named files are added to the system's, as Docker does it (/etc/docker/certs.d): a registry with a CA of its own may
keep its blobs in a storage whose certificate a public CA signed.
"""

from __future__ import annotations

import contextlib
import glob
import os
import ssl
import sys
from dataclasses import dataclass

import truststore

from packinfra.http.failures import Cause, ConnectionFailure, unusable_ca
from packinfra.http.redact import clean

_NAMED = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE")
"""Variables of files, or folders, that must be usable."""


@dataclass(frozen=True)
class Trust:
    """ca_file: a PEM file with CA certificates that are trusted too; the environment may name more"""

    ca_file: str | None = None

    def context(self) -> ssl.SSLContext:
        """Raises ConnectionFailure for a file that can't be used."""
        context, seen = _system_store()
        for name, path in (("", self.ca_file), *((name, os.environ.get(name)) for name in _NAMED)):
            if not path or path in seen:  # a whole bundle takes 15 ms
                continue
            seen.add(path)
            if not _load(context, path):
                problem = f"no file in {clean(path)} holds a certificate" if os.path.isdir(path) else unusable_ca(path)
                raise ConnectionFailure(Cause.UNTRUSTED, ": ".join(filter(None, (name, problem))))
        return context


def _system_store() -> tuple[ssl.SSLContext, set[str | None]]:
    """A context with the system's CAs, which SSL_CERT_FILE and SSL_CERT_DIR replace, and the file that is in it.

    truststore asks macOS and Windows, and finds the files of Linux where OpenSSL was built to look elsewhere. Where
    OpenSSL knows them it isn't needed: it would read them for each connection anew (25 ms), one connection at a time.
    """
    paths, loaded = ssl.get_default_verify_paths(), set[str | None]()
    context: ssl.SSLContext
    if sys.platform in ("darwin", "win32") or not (paths.cafile or glob.glob(f"{paths.capath}/*.0")):
        context = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _load(context, os.environ.get("SSL_CERT_FILE") or "")  # not known to macOS and Windows
    else:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.set_default_verify_paths()
        loaded.add(paths.cafile)
    for folder in (os.environ.get("SSL_CERT_DIR") or "").split(os.pathsep):
        _load(context, folder)
    return context, loaded


def _load(context: ssl.SSLContext, path: str) -> bool:
    """Adds the CAs of a file, or of a folder's files: OpenSSL only takes those whose names are hashes, Go takes all."""
    files = filter(os.path.isfile, sorted(glob.glob(f"{glob.escape(path)}/*"))) if os.path.isdir(path) else [path]
    loaded = False
    for file in files:
        with contextlib.suppress(ssl.SSLError, OSError):
            context.load_verify_locations(cafile=file)
            loaded = True
    return loaded
