"""Packs that violate a rule, and packs that conform although they look odd: pack.json, values.yaml, files and folders.

Each case changes a pack that breaks no rule.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tests.support.packs import VALUES, make_chart, make_clean_pack

CHART = "charts/web-1.2.3.tgz"


def write(path: str, data: bytes | str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data.encode() if isinstance(data, str) else data)

    return change


def cut(data: bytes) -> tuple[bytes, bytes]:
    return data[:100], data[100:]


def both(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [change(folder) for change in changes]


def pack_json(files: Mapping[str, str | bytes] | None = None, **changes: Any) -> Callable[[Path], object]:
    """pack.json with other keys, and more files."""
    return lambda folder: make_clean_pack(folder, files, **changes)


def remove(path: str) -> Callable[[Path], object]:
    return lambda folder: (folder / path).unlink()


def link(target: str, name: str = "link") -> Callable[[Path], object]:
    return lambda folder: (folder / name).symlink_to(target)


def chart(members: dict[str, bytes]) -> Callable[[Path], object]:
    return write(CHART, make_chart("web", members))


def dependency(**entry: Any) -> Callable[[Path], object]:
    return pack_json(constraints={"dependencies": [entry]})


def resource(**entry: Any) -> Callable[[Path], object]:
    return pack_json(constraints={"resources": [entry]})


def _socket(folder: Path) -> None:
    before = os.getcwd()
    os.chdir(folder)  # a socket's path has at most 108 characters
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind("socket")
    finally:
        os.chdir(before)


def text(document: dict[str, Any]) -> str:
    """pack.json over several lines: name, displayName, version, layer in lines 2 to 5."""
    return json.dumps({"name": "hello", "displayName": "Hello", "version": "1.0.0", "layer": "addon",
                       "addonType": "ai", "charts": [CHART], "kubeManifests": ["manifests/hello.yaml"], **document},
                      indent=1)  # fmt: skip


BROKEN: dict[str, tuple[str, Callable[[Path], object], str]] = {
    # what is broken: (rule, how, place)
    "no pack.json": ("metadata-missing", remove("pack.json"), ""),
    "not JSON": ("metadata-invalid", write("pack.json", '{"name": "x",\n}'), "pack.json:1"),
    "not UTF-8": ("metadata-invalid", write("pack.json", b'{\n"name": "\xff"}'), "pack.json:2"),
    "byte order mark": ("metadata-invalid", write("pack.json", b"\xef\xbb\xbf{}"), "pack.json:1"),
    "no object": ("metadata-invalid", write("pack.json", "[]"), "pack.json:1"),
    "nested too deeply": ("metadata-invalid", write("pack.json", "[" * 100_000), "pack.json"),
    "no JSON number": ("metadata-invalid", write("pack.json", '{\n"a": NaN}'), "pack.json:2"),
    "endless number": ("metadata-invalid", write("pack.json", '{\n"a": ' + "1" * 5000 + "}"), "pack.json:2"),
    "huge": ("metadata-invalid", write("pack.json", " " * (1 << 20) + "{}"), "pack.json"),
    "key twice": (
        "metadata-duplicate-key", write("pack.json", text({}).replace('"layer"', '"name": "hello",\n "layer"')),
        "pack.json:5",
    ),
    "inner key twice": (
        "metadata-duplicate-key", write("pack.json", text({"x": [{"a": 1}]}).replace('"a": 1', '"a": 1,\n\n"a": 2')),
        "pack.json:17",
    ),
    "name missing": ("required-key", pack_json(name=None), "pack.json"),
    "displayName empty": ("required-key", write("pack.json", text({"displayName": " "})), "pack.json:3"),
    "version a number": ("required-key", write("pack.json", text({"version": 1.0})), "pack.json:4"),
    "layer null": ("required-key", write("pack.json", text({"layer": None})), "pack.json:5"),
    "layer unknown": ("layer-unknown", write("pack.json", text({"layer": "app"})), "pack.json:5"),
    "upper-case name": ("name-not-a-repository", pack_json(name="Hello"), "pack.json:1"),
    "name with slash": ("name-not-a-repository", pack_json(name="a/b"), "pack.json:1"),
    "name too long": ("name-not-a-repository", pack_json(name="a" * 101), "pack.json:1"),
    "plus in version": ("version-not-a-tag", pack_json(version="1.0.0+build"), "pack.json:1"),
    "long version": ("version-not-a-tag", pack_json(version="1" * 129), "pack.json:1"),
    "space in version": ("version-not-a-tag", pack_json(version="1.0 beta"), "pack.json:1"),
    "leading v": ("version-not-semver", pack_json(version="v1.0.0"), "pack.json:1"),
    "addonType unknown": ("addon-type", pack_json(addonType="database"), "pack.json:1"),
    "addonType missing": ("addon-type", pack_json(addonType=None), "pack.json"),
    "addonType a number": ("metadata-schema", pack_json(addonType=5), "pack.json:1"),
    "cloud unknown": ("metadata-schema", pack_json(cloudTypes=["moon"]), "pack.json:1"),
    "clouds no list": ("metadata-schema", pack_json(cloudTypes="aws"), "pack.json:1"),
    "old cloud unknown": ("metadata-schema", pack_json(cloudType="moon"), "pack.json:1"),
    "no such day": ("metadata-schema", pack_json(eol="2027-02-30"), "pack.json:1"),
    "annotation a number": ("metadata-schema", pack_json(annotations={"a": 1}), "pack.json:1"),
    "annotations a list": ("metadata-schema", pack_json(annotations=["a"]), "pack.json:1"),
    "roles of numbers": ("metadata-schema", pack_json(ansibleRoles=[1]), "pack.json:1"),
    "constraints a list": ("metadata-schema", pack_json(constraints=[]), "pack.json:1"),
    "dependencies an object": ("metadata-schema", pack_json(constraints={"dependencies": {}}), "pack.json:1"),
    "dependency a string": ("metadata-schema", pack_json(constraints={"dependencies": ["x"]}), "pack.json:1"),
    "dependency without type": ("metadata-schema", dependency(packName="a", layer="csi"), "pack.json:1"),
    "dependency of no type": ("metadata-schema", dependency(packName="a", layer="csi", type="x"), "pack.json:1"),
    "dependency on no layer": ("metadata-schema", dependency(packName="a", layer=[], type="upgrade"), "pack.json:1"),
    "resource unknown": ("metadata-schema", resource(type="gpu"), "pack.json:1"),
    "resource without type": ("metadata-schema", resource(minLimit=1), "pack.json:1"),
    "limit a string": ("metadata-schema", resource(type="cpu", minLimit="1"), "pack.json:1"),
    "resource a string": ("metadata-schema", pack_json(constraints={"resources": ["cpu"]}), "pack.json:1"),
    "component unknown": ("metadata-schema", resource(type="cpu", components=[{"scheduleType": "x"}]), "pack.json:1"),
    "component empty": ("metadata-schema", resource(type="cpu", components=[{}]), "pack.json:1"),
    "component a string": ("metadata-schema", resource(type="cpu", components=["all"]), "pack.json:1"),
    "values.yaml absent": ("values-missing", remove("values.yaml"), ""),
    "values no YAML": ("values-invalid", write("values.yaml", "a: 1\nb: [\n"), "values.yaml:3"),
    "values with a tab": ("values-invalid", write("values.yaml", "a:\n\tb: 1\n"), "values.yaml:2"),
    "values in Latin-1": ("values-invalid", write("values.yaml", b"a: 1\nb: \xfc\n"), "values.yaml:2"),
    "values with control characters": ("values-invalid", write("values.yaml", "a: \x00\n"), "values.yaml"),
    "values nested": ("values-invalid", write("values.yaml", "[" * 100_000), "values.yaml:1"),
    "values of many entries": ("values-invalid", write("values.yaml", "- a\n" * 200_000), "values.yaml:199999"),
    "values huge": ("values-invalid", write("values.yaml", "# x\n" * (1 << 20) + "#"), "values.yaml"),
    "values with an unknown alias": ("values-invalid", write("values.yaml", "a: *b\n"), "values.yaml:1"),
    "broken elsewhere, too": ("values-invalid", write("values.yaml", "a: {{ .x }}-y\nb: [\n"), "values.yaml:3"),
    "bare template": ("values-template", write("values.yaml", VALUES + "x:\n  y: {{ .a }}-{{ .b }}\n"), "values.yaml:11"),
    "template lines": (
        "values-template", write("values.yaml", VALUES + "{{- if .a }}\nx: 1\n{{- end }}\n"), "values.yaml:11",
    ),
    "open template": ("values-template", write("values.yaml", "a: {{ .x\nb: 1\n"), "values.yaml:2"),
    "values a list": ("values-shape", write("values.yaml", "- a\n"), "values.yaml:1"),
    "no namespace": ("namespace-missing", write("values.yaml", "pack: {content: 1}\n"), "values.yaml:1"),
    "empty namespace": ("namespace-missing", write("values.yaml", "charts:\n\npack: {namespace: }\n"), "values.yaml:3"),
    "no pack": ("namespace-missing", write("values.yaml", "charts: {web: {}}\n"), "values.yaml"),
    "key of no chart": (
        "values-key-unmatched", write("values.yaml", VALUES.replace("  web:", "  wbe:")), "values.yaml:7",
    ),
    "key of no manifest": (
        "values-key-unmatched", write("values.yaml", VALUES.replace("  hello:", "  helo:")), "values.yaml:9",
    ),
    "manifest absent": ("listed-file-missing", remove("manifests/hello.yaml"), "pack.json:1"),
    "manifest outside": (
        "listed-file-missing", pack_json(kubeManifests=["manifests/hello.yaml", "../other.yaml"]), "pack.json:1",
    ),
    "manifest absolute": (
        "listed-file-missing", pack_json(kubeManifests=["manifests/hello.yaml", "/etc/passwd"]), "pack.json:1",
    ),
    "manifest a folder": (
        "listed-file-missing", pack_json(kubeManifests=["manifests/hello.yaml", "manifests"]), "pack.json:1",
    ),
    "manifest ignored": ("listed-file-missing", write(".packignore", "/manifests\n"), "pack.json:1"),
    "roles listed among charts": ("listed-file-missing", pack_json(charts=[CHART, 1]), "pack.json:1"),
    "chart no gzip": ("chart-unreadable", write(CHART, "chart"), CHART),
    "chart empty": ("chart-unreadable", write(CHART, ""), CHART),
    "chart no tar": ("chart-unreadable", write(CHART, gzip.compress(b"x" * 1000)), CHART),
    "chart cut off": ("chart-unreadable", write(CHART, make_chart("web")[:-20]), CHART),
    "chart cut off inside": (
        "chart-unreadable", write(CHART, gzip.compress(gzip.decompress(make_chart("web", {"a": b"x" * 9999}))[:5000])),
        CHART,
    ),
    "chart damaged": ("chart-unreadable", write(CHART, make_chart("web")[:40] + b"\0\0\0" + make_chart("web")[43:]), CHART),
    "chart without Chart.yaml": ("chart-unreadable", chart({"web/values.yaml": b""}), CHART),
    "Chart.yaml too deep": ("chart-unreadable", chart({"web/charts/x/Chart.yaml": b"name: x"}), CHART),
    "Chart.yaml no YAML": ("chart-unreadable", chart({"web/Chart.yaml": b"["}), CHART),
    "chart without name": ("chart-unreadable", chart({"web/Chart.yaml": b"version: 1.0.0"}), CHART),
    "chart a bomb": ("chart-unreadable", write(CHART, gzip.compress(bytes(110 << 20), 9)), CHART),
    "chart unlisted": ("unlisted-file", write("charts/more.tgz", make_chart("more")), "charts/more.tgz"),
    "manifest unlisted": ("unlisted-file", write("manifests/more.yaml", ""), "manifests/more.yaml"),
    "README absent": ("readme-missing", remove("README.md"), ""),
    "logo absent": ("logo-missing", remove("logo.png"), ""),
    "logo a JPEG": ("logo-not-png", write("logo.png", b"\xff\xd8\xff\xe0"), "logo.png"),
    "schema no YAML": ("schema-form", write("schema.yaml", "a: ["), "schema.yaml:2"),
    "schema a list": ("schema-form", write("schema.yaml", "[]"), "schema.yaml:1"),
    "schema without key": ("schema-form", write("schema.yaml", "a: b\n"), "schema.yaml:1"),
    "schema with more keys": ("schema-form", write("schema.yaml", "\na: {schema: '{{ x }}', b: 1}\n"), "schema.yaml:2"),
    "schema without template": ("schema-form", write("schema.yaml", "a: {schema: number}\n"), "schema.yaml:1"),
    "presets no YAML": ("presets-form", write("presets.yaml", "{"), "presets.yaml:2"),
    "presets no list": ("presets-form", write("presets.yaml", "presets: {}"), "presets.yaml:1"),
    "preset incomplete": ("presets-form", write("presets.yaml", "presets:\n- name: a\n"), "presets.yaml:2"),
    "preset too rich": (
        "presets-form", write("presets.yaml", "presets: [{name: a, displayName: A, group: g, remove: [], add: '', x: 1}]"),
        "presets.yaml:1",
    ),
    "preset removes no list": (
        "presets-form", write("presets.yaml", "presets: [{name: a, displayName: A, group: g, remove: x, add: ''}]"),
        "presets.yaml:1",
    ),
    "preset adds no text": (
        "presets-form", write("presets.yaml", "presets: [{name: a, displayName: A, group: g, remove: [], add: {}}]"),
        "presets.yaml:1",
    ),
    "preset twice": (
        "presets-form",
        write("presets.yaml", "presets:\n" + "- {name: a, displayName: A, group: g, remove: [], add: ''}\n" * 2),
        "presets.yaml:3",
    ),
    "link out": ("link-leaves-pack", link("/etc/hostname"), "link"),
    "relative link out": ("link-leaves-pack", link("../../other"), "link"),
    "link to a sibling with the same prefix": ("link-leaves-pack", link("../pack-2/file"), "link"),
    "ignore file leads out": ("link-leaves-pack", link("/etc/hostname", ".packignore"), ".packignore"),
    "ignore file a FIFO": ("special-file", lambda f: os.mkfifo(f / ".packignore"), ".packignore"),
    "inner link": ("link-inside", link("README.md"), "link"),
    "inner link to a folder": ("link-inside", link("manifests"), "link"),
    "dangling link": ("unreadable", link("nowhere"), "link"),
    "link to itself": ("unreadable", link("link"), "link"),
    "FIFO": ("special-file", lambda f: os.mkfifo(f / "fifo"), "fifo"),
    "socket": ("special-file", _socket, "socket"),
    "name not UTF-8": ("name-not-utf8", lambda f: open(os.fsencode(f) + b"/\xff", "w").close(), "\\xff"),
    "control character": ("name-control-character", lambda f: (f / "a\nb").touch(), "a\\nb"),
    "case": ("case-collision", lambda f: (f / "readme.md").touch(), "readme.md"),
    "case of folders": ("case-collision", write("Manifests/x", ""), "manifests"),
    "Unicode form": ("case-collision", both(write("\u00fc", ""), write("u\u0308", "")), "\u00fc"),
    "environment": ("looks-secret", write("conf/.env", ""), "conf/.env"),
    "ignore file wrong": ("ignore-invalid", write(".packignore", "*.log\n!\n"), ".packignore:2"),
    "ignore file in Latin-1": ("ignore-invalid", write(".packignore", b"a\n\xfc"), ".packignore:2"),
    "ignore file huge": ("ignore-invalid", write(".packignore", b"#" * (1 << 20) + b"\n"), ".packignore"),
    "ignore file a folder": ("ignore-invalid", lambda f: (f / ".packignore").mkdir(), ".packignore"),
}  # fmt: skip


KEPT: dict[str, Callable[[Path], object]] = {
    "nothing changed": lambda _: None,
    "values empty": write("values.yaml", ""),
    "values only a comment": write("values.yaml", "# nothing\n"),
    "values in two documents": write("values.yaml", VALUES + "---\na: 1\n"),
    "values with a byte order mark": write("values.yaml", "\ufeff" + VALUES),
    "quoted macros": write("values.yaml", VALUES + 'x: "{{ .spectro.system.cluster.uid | upper }}"\n'),
    "a macro as a whole value": write("values.yaml", VALUES + "x: {{ .spectro.system.cluster.uid }}\n"),
    "macros in a block": write("values.yaml", VALUES + "x: |\n  {{- if .a }}\n  b: {{ .c }}-{{ .d }}\n  {{- end }}\n"),
    "a macro in a comment": write("values.yaml", VALUES + "# {{ .a }} } [\n"),
    "anchors and merges": write("values.yaml", VALUES + "a: &a {b: 1}\nc: {<<: *a}\n"),
    "an alias within itself": write("values.yaml", VALUES + "a: &a [*a]\n"),
    "laughter": write(
        "values.yaml", VALUES + "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 90))
    ),
    "merging laughter": write(
        "values.yaml",
        VALUES + "a0: &a0 {x: 1}\n" + "".join(f"a{n}: &a{n} {{<<: [*a{n - 1}, *a{n - 1}]}}\n" for n in range(1, 90)),
    ),
    "schema and presets empty": both(write("schema.yaml", ""), write("presets.yaml", "")),
    "no schema, no presets": both(remove("schema.yaml"), remove("presets.yaml")),
    "pre-release": pack_json(version="1.0.0-rc.1"),
    "keys that nobody knows": pack_json(commit_msg="x", kubeVersion=1),
    "constraints": pack_json(constraints={
        "dependencies": [{"packName": "k", "layer": "k8s", "type": "required", "minVersion": "", "maxVersion": ""}],
        "resources": [{"type": "cpu", "minLimit": 500, "components": [{"scheduleType": "control-plane"}]}],
    }),
    "end of life": pack_json(eol="2027-01-31", group="LTS", annotations={"source": "community"}),
    "no end of life": pack_json(eol=" "),
    "a path written otherwise": pack_json(charts=["./charts//web-1.2.3.tgz"]),
    "a chart after its subcharts": chart(
        {"web/charts/x/Chart.yaml": b"name: x", "web/Chart.yaml": b"name: web\nversion: 1.2.3"}
    ),
    "a chart of two gzip members": lambda f: write(
        CHART, b"".join(gzip.compress(part) for part in cut(gzip.decompress((f / CHART).read_bytes())))
    )(f),
    "a chart unpacked beside it": write("charts/web/Chart.yaml", "name: web"),
    "a link that is ignored": both(link("/etc/hostname"), write(".packignore", "link\n")),
    "an environment's sample": write(".env.example", "A=1"),
    "an os pack without namespace": lambda f: make_clean_pack(f, {"values.yaml": "charts: {web: {}}"}, layer="os"),
}  # fmt: skip
