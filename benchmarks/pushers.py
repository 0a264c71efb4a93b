"""One push of one layer, as a process of its own: `python -m benchmarks.pushers packinfra|oras-py HOST NAME FILE DIGEST`.

A login in the environment means TLS.
"""

from __future__ import annotations

import os
import sys

CREATED = "2026-01-01T00:00:00Z"


def packinfra(host: str, name: str, path: str, digest: str) -> None:
    from packinfra.oci import Client, Reference, pack_manifest  # noqa: PLC0415 - each process loads only what it measures
    from packinfra.oci.credentials import USERNAME, RegistryLogin  # noqa: PLC0415
    from packinfra.oci.transport import Transport  # noqa: PLC0415

    client = Client(Transport(host, RegistryLogin(host), plain_http=USERNAME not in os.environ))
    reference = Reference.of(f"{host}/{name}", "1.0.0")
    manifest = pack_manifest("layer.tar.gz", digest, os.path.getsize(path), CREATED)
    assert client.resolve(reference) is None
    client.push(reference, manifest, lambda: open(path, "rb"))  # noqa: SIM115 - the client closes it


def oras_py(host: str, name: str, path: str, _digest: str) -> None:
    from oras.provider import Registry  # noqa: PLC0415

    Registry(hostname=host, insecure=True).push(f"{host}/{name}:1.0.0", files=[path], disable_path_validation=True)


if __name__ == "__main__":
    {"packinfra": packinfra, "oras-py": oras_py}[sys.argv[1]](*sys.argv[2:])
