"""Charts, policies and files for tests."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Mapping
from pathlib import Path


def make_files(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for path, data in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data.encode() if isinstance(data, str) else data)
    return folder


def make_chart_folder(folder: Path, files: Mapping[str, str | bytes] | None = None, **metadata: str) -> Path:
    """A chart `web` 1.0.0; `metadata` are further lines of its Chart.yaml ("" removes one)."""
    lines = {"apiVersion": "v2", "name": "web", "version": "1.0.0", **metadata}
    chart = "".join(f"{key}: {value}\n" for key, value in lines.items() if value)
    template = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {text: {{ .Values.text }}}\n"
    )
    content = {"Chart.yaml": chart, "values.yaml": "text: hello\n", "templates/map.yaml": template}
    return make_files(folder, {**content, **(files or {})})


def make_tgz(files: Mapping[str, str | bytes], mtime: int = 0) -> bytes:
    """A .tar.gz as others make it."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for path, text in files.items():
            data = text.encode() if isinstance(text, str) else text
            entry = tarfile.TarInfo(path)
            entry.size, entry.mtime = len(data), mtime
            tar.addfile(entry, io.BytesIO(data))
    return out.getvalue()
