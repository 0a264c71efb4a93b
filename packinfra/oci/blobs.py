"""The blobs of one manifest, uploaded: the config beside the layers."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, wait
from typing import BinaryIO

from packinfra.oci.manifest import CONFIG, UNKNOWN_CONFIG, Descriptor, Manifest
from packinfra.oci.transport import Call
from packinfra.oci.uploads import Cancelled, Progress, Upload

PROBE_ABOVE = 256 << 10
"""Bytes of a layer above which a HEAD goes before it even into a new repository: about what a line of 100 Mbit/s
carries during the 20 ms of that HEAD."""
Open = Callable[[], BinaryIO]


def openers(manifest: Manifest, layers: Open | Mapping[str, Open] | None) -> Mapping[str, Open]:
    """Digest -> what opens it, for each blob of the manifest."""
    needed = {blob.digest for blob in (manifest.config, *manifest.layers)} - {UNKNOWN_CONFIG.digest}
    if callable(layers):
        layers = dict.fromkeys(needed, layers) if len(needed) == 1 else {}
    blobs = {UNKNOWN_CONFIG.digest: lambda: io.BytesIO(CONFIG), **(layers or {})}
    if missing := needed - blobs.keys():
        raise ValueError(f"the bytes of these blobs are needed: {', '.join(sorted(missing))}")
    return blobs


def upload_blobs(
    call: Call,
    manifest: Manifest,
    blobs: Mapping[str, Open],
    progress: Progress | None,
    *,
    threads: Executor,
    new_repository: bool,
) -> int:
    """Bytes sent. The config goes in one of `threads`, the layers here, one after another; the first that fails ends all."""

    def run(blob: Descriptor, progress: Progress | None) -> int:
        upload = Upload(call, blob, blobs[blob.digest], progress=progress, new_repository=new_repository)
        try:
            return upload.run(probe=not new_repository or blob.size > PROBE_ABOVE)
        except BaseException:
            call.budget.cancel()
            raise

    layers = {layer.digest: layer for layer in manifest.layers if layer.digest != manifest.config.digest}
    if not layers:
        return run(manifest.config, None)
    config = threads.submit(run, manifest.config, None)
    try:
        sent = sum(run(layer, progress) for layer in layers.values())
    except Cancelled:
        config.result()  # raises the error that cancelled it
        raise
    finally:
        wait([config])
    return sent + config.result()
