"""One push of one ready layer into a fresh repository: packinfra's client, oras-py and crane, without compression.

    python -m benchmarks.layers packinfra|oras-py HOST NAME FILE DIGEST     one push, in a process of its own

crane pushes an OCI layout that holds the blobs already. oras-py is missing where there is TLS and a password: it sends
large bodies without them first, and fails (oras-py#226).
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.loop import layout
from benchmarks.measure import interleaved, run
from benchmarks.publish import ROOT, Place
from benchmarks.results import Case
from packinfra.oci.auth.credentials import USERNAME
from packinfra.packs.archive import CREATED
from tests.support.registry import BIN

MIB = 1 << 20


def layers(where: Place, size: int, rounds: int) -> Case:
    """size: of the layer, in bytes"""
    layer, linked = where.folder / "layer.tar.gz", where.folder / "linked.tar.gz"
    digest = _write(layer, size)
    os.link(layer, linked)
    prepared = layout(str(linked), str(where.folder / "layout"))
    tls, python = where.registry.ca_file, [sys.executable, "-m", "benchmarks.layers"]
    commands: dict[str, Callable[[str], list[str]]] = {
        "packinfra": lambda name: [*python, "packinfra", where.host, name, str(layer), digest],
        "crane": lambda name: [
            str(BIN / "crane"), "push", prepared, f"{where.host}/{name}:1.0.0", *([] if tls else ["--insecure"]),
        ],
    }  # fmt: skip
    if not tls:
        commands["oras-py"] = lambda name: [*python, "oras-py", where.host, name, str(layer), digest]

    def pushed(who: str, number: int) -> dict[str, float]:
        before = len(where.registry.requests)
        cost = run(commands[who](f"{who}-{size}-{number}"), cwd=ROOT, env=where.environment())
        return cost.figures() | {"requests": len(where.registry.requests) - before}

    ways = {who: (lambda number, who=who: pushed(who, number)) for who in commands}
    title = f"a layer of {size // MIB} MiB{', TLS + password' if tls else ''}"
    return Case("push", title, interleaved(ways, rounds))


def _write(path: Path, size: int) -> str:
    """Incompressible, beginning like a gzip file. Returns the digest."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for number in range(size // MIB):
            block = os.urandom(MIB) if number else b"\x1f\x8b\x08\x00" + os.urandom(MIB - 4)
            out.write(block)
            digest.update(block)
    return f"sha256:{digest.hexdigest()}"


def packinfra(host: str, name: str, path: str, digest: str) -> None:
    from packinfra.artifacts.pack import pack_manifest  # noqa: PLC0415 - each process loads what it measures
    from packinfra.oci import Client, Reference  # noqa: PLC0415
    from packinfra.oci.auth.credentials import RegistryCredentials  # noqa: PLC0415
    from packinfra.oci.transport import Transport  # noqa: PLC0415

    ca_file = os.environ.get("SSL_CERT_FILE") if USERNAME in os.environ else None
    client = Client(Transport(host, RegistryCredentials(host), ca_file=ca_file, plain_http=ca_file is None))
    reference = Reference.of(f"{host}/{name}", "1.0.0")
    assert client.resolve(reference) is None
    manifest = pack_manifest("layer.tar.gz", digest, os.path.getsize(path), CREATED)
    client.push(reference, manifest, lambda: open(path, "rb"))  # noqa: SIM115 - the client closes it


def oras_py(host: str, name: str, path: str, _digest: str) -> None:
    from oras.provider import Registry  # noqa: PLC0415

    Registry(hostname=host, insecure=True).push(f"{host}/{name}:1.0.0", files=[path], disable_path_validation=True)


if __name__ == "__main__":
    {"packinfra": packinfra, "oras-py": oras_py}[sys.argv[1]](*sys.argv[2:])
