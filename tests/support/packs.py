"""Pack folders for tests."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.artifacts import make_files

VALID: dict[str, Any] = {
    "name": "hello",
    "displayName": "Hello",
    "version": "1.0.0",
    "layer": "addon",
    "addonType": "app services",
    "cloudTypes": ["all"],
    "kubeManifests": ["manifests/hello.yaml"],
}


def make_pack(folder: Path, files: Mapping[str, str | bytes] | None = None, **metadata: Any) -> Path:
    """Writes a small valid pack into `folder`; `metadata` changes pack.json (None removes a key)."""
    document = {key: value for key, value in {**VALID, **metadata}.items() if value is not None}
    content: dict[str, str | bytes] = {
        "pack.json": json.dumps(document),
        "values.yaml": "pack:\n  namespace: hello\n",
        "manifests/hello.yaml": "apiVersion: v1\nkind: Namespace\nmetadata: {name: hello}\n",
        **(files or {}),
    }
    return make_files(folder, content)


def make_clean_pack(folder: Path, files: Mapping[str, str | bytes] | None = None, **metadata: Any) -> Path:
    """Writes a pack that breaks no rule at all: a manifest and a chart, README, logo, schema, presets."""
    complete: dict[str, str | bytes] = {
        "README.md": "# Hello\n",
        "logo.png": b"\x89PNG\r\n\x1a\n",
        "charts/web-1.2.3.tgz": make_chart("web"),
        "values.yaml": VALUES,
        "schema.yaml": "charts.web.replicas: {schema: '{{ required | format \"${number:[1-9]}\" }}'}\n",
        "presets.yaml": "presets:\n- {name: big, displayName: Big, group: Size, remove: [], add: 'a: 1'}\n",
    }
    return make_pack(folder, {**complete, **(files or {})}, **{"charts": ["charts/web-1.2.3.tgz"], **metadata})


VALUES = """\
pack:
  namespace: hello
  content:
    images:
      - image: example.org/hello:1.0.0
charts:
  web: {replicas: 1}
manifests:
  hello: {greeting: "{{ .spectro.system.cluster.name }}"}
"""


def make_chart(name: str, members: dict[str, bytes] | None = None) -> bytes:
    """A Helm chart archive; `members` replaces what is in it."""
    chart = {f"{name}/Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.2.3\n".encode()}
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in (chart if members is None else members).items():
            entry = tarfile.TarInfo(path)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return gzip.compress(out.getvalue(), mtime=0)
