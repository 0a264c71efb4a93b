"""The rules: a pack that conforms to all of them, and for each rule packs that violate this one and no other."""

from __future__ import annotations

import gzip
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from packinfra.packs import RuleError, read_pack
from packinfra.packs.contents import read_contents
from packinfra.packs.report import rules_table
from packinfra.packs.rules import RULES, validate
from tests.support.packs import VALUES, make_chart, make_clean_pack

ROOT = Path(__file__).parents[2]
CHART = "charts/web-1.2.3.tgz"
KEY = "-----BEGIN RSA PRIVATE KEY-----\n"


def write(path: str, data: bytes | str) -> Callable[[Path], object]:
    def change(folder: Path) -> None:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(data.encode() if isinstance(data, str) else data)

    return change


def cut(data: bytes) -> tuple[bytes, bytes]:
    return data[:100], data[100:]


def both(*changes: Callable[[Path], object]) -> Callable[[Path], object]:
    return lambda folder: [change(folder) for change in changes]


def pack_json(**changes: Any) -> Callable[[Path], object]:
    return lambda folder: make_clean_pack(folder, **changes)


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
    "two numbers": ("version-not-semver", pack_json(version="1.0"), "pack.json:1"),
    "calendar version": ("version-not-semver", pack_json(version="2024.01.05"), "pack.json:1"),
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
    "private key": ("looks-secret", write("a.pem", KEY + "MIIE\n"), "a.pem"),
    "private key in YAML": ("looks-secret", write("a.yaml", f'a: "{KEY.strip()}\\nMIIE"\n'), "a.yaml"),
    "environment": ("looks-secret", write("conf/.env", ""), "conf/.env"),
    "AWS key id": ("looks-secret", write("a.txt", "id=AKIAABCDEFGHIJKLMNOP"), "a.txt"),
    "ignore file wrong": ("ignore-invalid", write(".packignore", "*.log\n!\n"), ".packignore:2"),
    "ignore file in Latin-1": ("ignore-invalid", write(".packignore", b"a\n\xfc"), ".packignore:2"),
    "ignore file huge": ("ignore-invalid", write(".packignore", b"#" * (1 << 20) + b"\n"), ".packignore"),
    "ignore file a folder": ("ignore-invalid", lambda f: (f / ".packignore").mkdir(), ".packignore"),
}  # fmt: skip
ELSEWHERE = {
    "folder-missing": "test_check_command: no folder can have it",
    "changing": "test_packs: it takes two processes",
    "too-many-files": "test_packs: it takes many files",
    "link-loop": "below: a loop is an inner link, too",
    "name-double-dash": "below: no ECR repository can have it either",
    "nothing-to-deploy": "below: the files are unlisted, too",
    "images-missing": "below: it is off",
}


@pytest.mark.parametrize(("rule", "violate", "place"), BROKEN.values(), ids=BROKEN)
def test_broken(rule: str, violate: Callable[[Path], object], place: str, tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack")
    violate(folder)
    problems = read_pack(folder).problems
    assert [(p.rule, p.place) for p in problems] == [(rule, place)]
    assert problems[0].message
    assert problems[0].remedy
    assert len(str(problems[0]).splitlines()) == 2


def test_every_rule_is_broken_somewhere() -> None:
    assert [rule.id for rule in RULES if rule.id not in {r for r, _, _ in BROKEN.values()} | ELSEWHERE.keys()] == []
    assert len({rule.id for rule in RULES}) == len(RULES)


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
    "a chart with a dot before it": chart({"./web/Chart.yaml": b"name: web", "./web/x": b"x" * 2000}),
    "a chart after its subcharts": chart({"web/charts/x/Chart.yaml": b"name: x", "web/Chart.yaml": b"name: web"}),
    "a chart of two gzip members": lambda f: write(
        CHART, b"".join(gzip.compress(part) for part in cut(gzip.decompress((f / CHART).read_bytes())))
    )(f),
    "a chart unpacked beside it": write("charts/web/Chart.yaml", "name: web"),
    "a link that is ignored": both(link("/etc/hostname"), write(".packignore", "link\n")),
    "a documented key": write("a.md", KEY + "...\n-----END RSA PRIVATE KEY-----\nAKIAIOSFODNN7EXAMPLE"),
    "an environment's sample": write(".env.example", "A=1"),
    "an os pack without namespace": lambda f: make_clean_pack(f, {"values.yaml": "charts: {web: {}}"}, layer="os"),
}  # fmt: skip


@pytest.mark.parametrize("change", KEPT.values(), ids=KEPT)
def test_kept(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack")
    change(folder)
    assert read_pack(folder).problems == ()


def test_link_loop(tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack", {"a/b/file": "x"})
    (folder / "a/b/again").symlink_to("..")
    pack = read_pack(folder)
    assert [(p.rule, p.file) for p in pack.problems] == [("link-loop", "a/b/again"), ("link-inside", "a/b/again")]


def test_double_dash(tmp_path: Path) -> None:
    problems = read_pack(make_clean_pack(tmp_path / "pack", name="a--b")).problems
    assert [p.rule for p in problems] == ["name-not-a-repository", "name-double-dash"]


def test_nothing_to_deploy(tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack", charts=None, kubeManifests=[])
    assert "nothing-to-deploy" in {p.rule for p in read_pack(folder).warnings}


def test_all_rules_are_evaluated(tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack", name="A", version="v+", layer="x", kubeManifests=["nope"])
    (folder / "values.yaml").write_text("[")
    (folder / "README.md").unlink()
    problems = read_pack(folder).problems
    assert [p.rule for p in problems] == [
        "layer-unknown", "name-not-a-repository", "version-not-a-tag", "listed-file-missing", "values-invalid",
        "unlisted-file", "readme-missing",
    ]  # fmt: skip
    assert [p.severity for p in problems] == ["error"] * 5 + ["warning"] * 2


def test_unreadable(tmp_path: Path) -> None:
    """Root may read everything, so this one is proven on a folder whose path is too long to be read."""
    folder = make_clean_pack(tmp_path / "pack")
    before = os.getcwd()
    try:
        os.chdir(folder)
        for _ in range(30):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(before)
    problems = read_pack(folder).problems
    assert {p.rule for p in problems} == {"unreadable"}
    assert "too long" in problems[0].message
    subprocess.run(["rm", "-rf", folder], check=True)


def test_settings(tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack")
    (folder / "README.md").unlink()
    assert [p.severity for p in read_pack(folder).problems] == ["warning"]
    assert [p.severity for p in read_pack(folder, {"readme-missing": "error"}).problems] == ["error"]
    assert read_pack(folder, {"readme-missing": "off"}).problems == ()
    (folder / "values.yaml").write_text("pack: {namespace: a}\n")
    contents = read_contents(folder)
    assert [p.rule for p in validate(contents, {"images-missing": "warning"})] == ["images-missing", "readme-missing"]


@pytest.mark.parametrize(
    ("rules", "said"),
    [
        ({"readme-mising": "off"}, 'no rule "readme-mising"; did you mean readme-missing?'),
        ({"xyz": "off"}, 'no rule "xyz"; docs/rules.md has all'),
        ({"readme-missing": "warn"}, "can be error, warning or off"),
        ({"values-invalid": "off"}, "values-invalid is always an error"),
        ({"a": "off", "values-invalid": "warning"}, '"a"; docs/rules.md has all; rule values-invalid'),
    ],
)
def test_wrong_settings(rules: Any, said: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        read_pack(make_clean_pack(tmp_path / "pack"), rules)
    assert said in str(caught.value)


def test_messages_are_safe_to_print(tmp_path: Path) -> None:
    name = "\x1b[31m\ud800" + "x" * 10_000
    pack = read_pack(make_clean_pack(tmp_path / "pack", name=name, layer=name))
    for problem in pack.problems:
        assert problem.message.isprintable()
        assert len(problem.message) < 300
        problem.message.encode()


def test_our_own_packs_keep_all_rules() -> None:
    for folder in (ROOT / "packs").iterdir():
        assert read_pack(folder).problems == ()


def test_documentation_is_current() -> None:
    assert (ROOT / "docs/rules.md").read_text() == rules_table() + "\n"
    for rule in RULES:
        assert "|" not in rule.requires + rule.why + rule.remedy + rule.source
        assert rule.source


def test_documentation_is_made_by_a_command() -> None:
    made = subprocess.run(
        [sys.executable, "-m", "packinfra.packs", "--rules"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert made.stdout == (ROOT / "docs/rules.md").read_text()
