"""Packs that would deploy wrongly, or whose cause of a problem is known: charts, manifests, values, secrets.

Each case changes a pack that breaks no rule: (rule, change, place, text that the problem contains).
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path

from tests.support.packs import VALUES, make_chart
from tests.support.rule_cases import CHART, both, pack_json, remove, text, write

Change = Callable[[Path], object]

LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
DER = base64.encodebytes(b"\x30\x82\x01\x00" + bytes(range(256))).decode()
KEY = f"-----BEGIN RSA PRIVATE KEY-----\n{DER}-----END RSA PRIVATE KEY-----\n"
SLACK = "xoxb-123456789012-123456789012-AbCdEfGhIjKlMnOpQrStUvWx"
CHART_YAML = "apiVersion: v2\nname: web\nversion: 1.2.3\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n"


def chart(chart_yaml: str = CHART_YAML, path: str = CHART, **files: str) -> Change:
    """Replaces the chart: its Chart.yaml, and more files (values_yaml, templates__a_yaml)."""
    members = {"web/Chart.yaml": chart_yaml.encode()}
    for name, content in files.items():
        members["web/" + name.replace("__", "/").replace("_yaml", ".yaml").replace("_tgz", ".tgz")] = content.encode()
    return write(path, make_chart("web", members))


def values(chart_values: str, pack_values: str, template: str = "") -> Change:
    """A chart with values, and our values for it, indented below charts.web."""
    ours = "".join(f"    {line}\n" for line in pack_values.splitlines())
    return both(
        chart(values_yaml=chart_values, templates__a_yaml=template),
        write("values.yaml", f"pack: {{namespace: a}}\ncharts:\n  web:\n{ours}"),
    )


def manifests_only(manifest: str, pack_values: str = "pack: {content: {}}\n") -> Change:
    return both(
        pack_json(charts=None),
        remove(CHART),
        write("values.yaml", pack_values),
        write("manifests/hello.yaml", manifest),
    )


WRONG: dict[str, tuple[str, Change, str, str]] = {
    "packs below": (
        "metadata-missing", both(remove("pack.json"), write("a/pack.json", "{}"), write("b/c/pack.json", "{}")), "",
        "no pack.json, but a and 1 other folder in it have one",
    ),
    "pack.json left out": ("metadata-missing", write(".packignore", "pack.json\n"), "", "is left out of the pack (.packignore)"),
    "pack.json an LFS pointer": ("metadata-invalid", write("pack.json", LFS), "pack.json", "-> git lfs pull"),
    "trailing comma": (
        "metadata-invalid", write("pack.json", '{\n"name": "x",\n}'), "pack.json:2", "there is a comma before the closing }",
    ),
    "annotation twice": (
        "annotations-duplicate-key", write("pack.json", text({"annotations": {"a": "1"}}).replace('"a": "1"', '"a": "1",\n"a": "2"')),
        "pack.json:15", 'the key "a" is already in line 14',
    ),
    "annotations twice": (
        "annotations-duplicate-key", write("pack.json", text({"annotations": {}}).replace(": {}", ': {},\n"annotations": {}')),
        "pack.json:14", "is already in line 13",
    ),
    "a near key": (
        "metadata-unknown-key", write("pack.json", text({"cloudtypes": ["all"]})), "pack.json:13", "",
    ),
    "manifests for kubeManifests": (
        "metadata-unknown-key", lambda f: write("pack.json", json.dumps(
            {k: v for k, v in json.loads((f / "pack.json").read_text()).items() if k != "kubeManifests"} | {"manifests": []},
        ))(f), "pack.json:1", "-> did you mean kubeManifests?",
    ),
    "KubeManifests": (
        "metadata-unknown-key", lambda f: write(
            "pack.json", (f / "pack.json").read_text().replace("kubeManifests", "KubeManifests"))(f),
        "pack.json:1", "-> did you mean kubeManifests?",
    ),
    "addonType in capitals": ("addon-type", pack_json(addonType="CSI"), "pack.json:1", '-> did you mean "csi"?'),
    "addonType with a dash": ("addon-type", pack_json(addonType="app-services"), "pack.json:1", '-> did you mean "app services"?'),
    "four numbers": ("version-not-semver", pack_json(version="1.2.3.4"), "pack.json:1", "cannot sort"),
    "latest": ("version-not-semver", pack_json(version="latest"), "pack.json:1", "cannot sort"),
    "a leading v": ("version-not-semver", pack_json(version="v1.2"), "pack.json:1", '-> write "1.2"'),
    "a pre-release with a zero": ("version-not-semver", pack_json(version="1.2.3-01"), "pack.json:1", "cannot sort"),
    "listed chart a folder": (
        "listed-file-missing", both(remove(CHART), write("charts/web/Chart.yaml", CHART_YAML), pack_json(
            {"charts/web/Chart.yaml": CHART_YAML}, charts=["charts/web"]), remove(CHART)),
        "pack.json:1", "is a folder [listed-file-missing]\n      -> run helm package charts/web -d charts",
    ),
    "listed chart not packaged": (
        "listed-file-missing", both(remove(CHART), write("charts/web/Chart.yaml", CHART_YAML)), "pack.json:1",
        "-> run helm package charts/web -d charts",
    ),
    "listed chart of another version": (
        "listed-file-missing", both(remove(CHART), write("charts/web-v1.2.4.tgz", make_chart("web"))), "pack.json:1",
        "-> did you mean charts/web-v1.2.4.tgz?",
    ),
    "listed manifest misspelt": (
        "listed-file-missing", both(remove("manifests/hello.yaml"), write("manifests/Hello.yaml", "kind: x")), "pack.json:1",
        "-> did you mean manifests/Hello.yaml?",
    ),
    "role missing": (
        "ansible-role-missing", pack_json({"ansible-roles/harden-os/tasks/main.yml": ""}, layer="os", ansibleRoles=["harden_os"]),
        "pack.json:1", "-> did you mean harden-os?",
    ),
    "chart an LFS pointer": ("chart-unreadable", write(CHART, LFS), CHART, "Git LFS pointer, not the file itself [chart-unreadable]\n      -> git lfs pull"),
    "chart no gzip file": ("chart-unreadable", write(CHART, "de"), CHART, "it is not a gzip file [chart"),
    "chart packed with a dot": (
        "chart-unreadable", write(CHART, make_chart("web", {"./web/Chart.yaml": CHART_YAML.encode()})), CHART, "begin with ./",
    ),
    "chart without version": ("chart-not-installable", chart("name: web\n"), CHART, "has no version"),
    "chart of the latest version": ("chart-not-installable", chart("name: web\nversion: latest\n"), CHART, '"latest"'),
    "chart named by a path": (
        "chart-not-installable", both(chart("name: a/web\nversion: 1.2.3\n"), write("values.yaml", "pack: {namespace: a}\n")),
        CHART, "is a path",
    ),
    "library chart": ("chart-not-installable", chart(CHART_YAML + "type: library\n"), CHART, "library chart"),
    "chart of no type": ("chart-not-installable", chart(CHART_YAML + "type: app\n"), CHART, '"app"'),
    "dependency absent": (
        "chart-not-installable", chart(CHART_YAML + "dependencies:\n- {name: redis, alias: cache}\n"), CHART,
        "dependencies: redis [chart-not-installable]\n      -> run helm dependency build",
    ),
    "dependency of an old chart absent": (
        "chart-not-installable", chart(requirements_yaml="dependencies: [{name: redis}]\n"), CHART, "redis",
    ),
    "chart of another version inside": (
        "chart-version-differs", chart("name: web\nversion: 1.2.2\n"), CHART, "says version 1.2.2, its file name 1.2.3",
    ),
    "a large file in a chart": ("chart-file-large", chart(files__x="x" * (6 << 20)), CHART, '"files/x" in it is larger'),
    "two charts of one name": (
        "chart-name-twice", pack_json({"charts/two.tgz": make_chart("web")}, charts=[CHART, "charts/two.tgz"]), "pack.json:1",
        'two charts named "web"',
    ),
    "manifest no YAML": (
        "manifest-invalid", write("manifests/hello.yaml", "kind: ConfigMap\n   a: b\n"), "manifests/hello.yaml:2", "is not YAML",
    ),
    "manifest an LFS pointer": ("manifest-invalid", write("manifests/hello.yaml", LFS), "manifests/hello.yaml", "git lfs pull"),
    "manifest empty": ("manifest-empty", write("manifests/hello.yaml", ""), "manifests/hello.yaml", "it is empty"),
    "manifest of comments": ("manifest-empty", write("manifests/hello.yaml", "# x\n---\n"), "manifests/hello.yaml", "is empty"),
    "manifest without kind": ("manifest-empty", write("manifests/hello.yaml", "a: 1\n"), "manifests/hello.yaml", "has a kind"),
    "values key twice": (
        "values-duplicate-key", write("values.yaml", VALUES.replace("  namespace: hello\n", "  namespace: a\n  namespace: b\n")),
        "values.yaml:3", "pack.namespace is already in line 2",
    ),
    "values an LFS pointer": ("values-shape", write("values.yaml", LFS), "values.yaml:1", "-> git lfs pull"),
    "object without namespace": (
        "namespace-missing", manifests_only(CONFIG_MAP), "values.yaml:1",
        "sets no pack.namespace, and a ConfigMap in manifests/hello.yaml:1 has none",
    ),
    "object in a list without namespace": (
        "namespace-missing", manifests_only(f"kind: List\nitems:\n- {CONFIG_MAP.replace(chr(10), chr(10) + '  ')}"),
        "values.yaml:1", "manifests/hello.yaml:3",
    ),
    "namespace one level too deep": (
        "namespace-missing", write("values.yaml", "pack:\n  content:\n    namespace: a\n"), "values.yaml:2",
        "pack.content.namespace is one level too deep",
    ),
    "namespace without value": ("namespace-missing", write("values.yaml", "pack:\n  namespace:\n"), "values.yaml:2", "is empty"),
    "images misspelt": (
        "images-form", write("values.yaml", "pack:\n  namespace: a\n  content:\n    image: []\n"), "values.yaml:4",
        "-> did you mean images?",
    ),
    "image misspelt": (
        "images-form", write("values.yaml", "pack:\n  namespace: a\n  content:\n    images:\n    - iamge: a\n"), "values.yaml:5",
        '"iamge" instead of image',
    ),
    "image a string": (
        "images-form", write("values.yaml", "pack:\n  namespace: a\n  content:\n    images:\n    - nginx\n"), "values.yaml:5",
        "has no image",
    ),
    "image a list": (
        "images-form", write("values.yaml", "pack:\n  namespace: a\n  content:\n    images:\n    - image: [a, b]\n"), "values.yaml:5",
        "is not a single name",
    ),
    "images no list": (
        "images-form", write("values.yaml", "pack:\n  namespace: a\n  content:\n    images: a\n"), "values.yaml:4", "not a list",
    ),
    "values directly below charts": (
        "values-key-unmatched", write("values.yaml", "pack: {namespace: a}\ncharts:\n" + "".join(f"  k{n}: 1\n" for n in range(17))),
        "values.yaml:3", "none of them a chart of the pack: its charts are web [values-key-unmatched]\n      -> put them below charts.web",
    ),
    "chart key misspelt": (
        "values-key-unmatched", write("values.yaml", VALUES.replace("  web:", "  Web:")), "values.yaml:7", "-> did you mean charts.web?",
    ),
    "values at the top level": (
        "values-unused", write("values.yaml", "pack: {namespace: a}\nreplicas: 1\nimage: {}\n"), "values.yaml:2",
        "replicas, image are not below charts, so no chart gets them [values-unused]\n      -> put them below charts.web",
    ),
    "values that the chart lacks": (
        "values-unknown-to-chart", values("replicas: 1\n", "replica: 2"), "values.yaml:4", "charts.web.replica: charts/web-1.2.3.tgz",
    ),
    "values one level off": (
        "values-unknown-to-chart", values("coder: {env: [], image: x}\n", "env: [1]\nimage: y"), "values.yaml:4",
        "has no such values [values-unknown-to-chart]\n      -> did you mean charts.web.coder.env?",
    ),
    "a deeper value that the chart lacks": (
        "values-unknown-to-chart", values("image: {tag: a, pull: b}\n", "image: {tga: c}"), "values.yaml:4", "charts.web.image.tga",
    ),
    "README in another case": (
        "readme-missing", both(remove("README.md"), write("Readme.md", "x")), "", "-> rename it to README.md",
    ),
    "logo an LFS pointer": ("logo-not-png", write("logo.png", LFS), "logo.png", "-> git lfs pull"),
    "a private key": ("looks-secret", write("a/tls.key", f"x\n{KEY}"), "a/tls.key:2", "a private key"),
    "a private key in YAML": (
        "looks-secret", write("a.yaml", "key: |\n" + "".join(f"  {line}\n" for line in KEY.splitlines())), "a.yaml:2", "a private key",
    ),
    "a private key in a comment": (
        "looks-secret", write("a.yaml", "".join(f"## {line}\n" for line in KEY.splitlines())), "a.yaml:1", "a private key",
    ),
    "a private key in JSON": ("looks-secret", write("a.json", json.dumps({"key": KEY})), "a.json:1", "a private key"),
    "an encrypted key": (
        "looks-secret", write("a.pem", KEY.replace("KEY-----\n", "KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES,00\n\n", 1)),
        "a.pem:1", "a private key",
    ),
    "a chat token": ("looks-secret", write("a.yaml", f"a: 1\ntoken: {SLACK}\n"), "a.yaml:2", "a Slack token"),
    "a GitHub token": ("looks-secret", write("a.txt", "ghp_" + "aB3dE6gH9j" * 3 + "kLmNoP"), "a.txt:1", "a GitHub token"),
    "an AWS key id": ("looks-secret", write("a.txt", "\nid=AKIAABCDEFGHIJKLMNOP"), "a.txt:2", "an AWS access key id"),
}  # fmt: skip

RIGHT: dict[str, Change] = {
    "two numbers": pack_json(version="1.0"),
    "a calendar version": pack_json(version="2024.01.05"),
    "an OS's version": pack_json(version="22.04", layer="os"),
    "keys of other packs": pack_json(commit_msg="x", kubeVersion="1", readme="x"),
    "a role": pack_json({"ansible-roles/harden_os/tasks/main.yml": ""}, layer="os", ansibleRoles=["harden_os"]),
    "a chart of a short version": both(pack_json({"charts/web.tgz": make_chart("web", {
        "web/Chart.yaml": b"name: web\nversion: 1.0\n"})}, charts=["charts/web.tgz"]), remove(CHART)),
    "a chart of a version with v": both(pack_json({"charts/web-v1.2.3.tgz": make_chart("web")},
                                                  charts=["charts/web-v1.2.3.tgz"]), remove(CHART)),
    "a chart packed on Windows": write(CHART, make_chart("web", {
        "web\\Chart.yaml": CHART_YAML.encode(), "web\\values.yaml": b"replicas: 1\n",
    })),
    "a chart that says its type": chart(CHART_YAML + "type: application\n"),
    "dependencies in folders and archives": chart(
        CHART_YAML + "dependencies: [{name: redis}, {name: common}]\n", charts__redis__Chart_yaml="name: redis",
        charts__common__Chart_yaml="name: common",
    ),
    "a dependency in an archive": write(CHART, make_chart("web", {
        "web/Chart.yaml": (CHART_YAML + "dependencies: [{name: my-redis}]\n").encode(), "web/charts/my-redis-1.2.3.tgz": b"x"})),
    "a manifest of templates": write("manifests/hello.yaml", "{{ if .Values.x }}\nkind: ConfigMap\n{{ end }}\na: {{ .b }}-{{ .c }}\n"),
    "a large manifest": write("manifests/hello.yaml", "kind: x\nitems:\n" + "- {a: b, c: d}\n" * 60_000),
    "a manifest with its namespace": manifests_only(CONFIG_MAP.replace("name: a", "name: a, namespace: fixed")),
    "a manifest without namespaced objects": manifests_only("kind: ClusterRole\nmetadata: {name: a}\n---\nkind: Thing\n"),
    "a manifest with a template as namespace": manifests_only(CONFIG_MAP.replace("name: a", 'name: a, namespace: "{{ .Values.n }}"')),
    "a key in two branches of a template": write("values.yaml", VALUES.replace("  web: {replicas: 1}\n", "  web: {}\n") + (
        "# {{ if .a }}\n"
    )),
    "merge keys twice": write("values.yaml", VALUES + "x: &x {a: 1}\ny: {<<: *x, b: 1}\n"),
    "top-level values of a macro": write(
        "values.yaml", 'pack: {namespace: "{{.spectro.pack.hello.ns}}"}\nns: a\n',
    ),
    "values that the chart has": values("replicas: 1\nimage: {tag: a}\n", "replicas: 2\nimage: {tag: b}"),
    "values where the chart has none": values("env: []\nlabels: {}\nx:\n", "env: [1]\nlabels: {a: b}\nx: {y: 1}"),
    "global values": values("replicas: 1\n", "global: {registry: x}"),
    "free mappings": values(
        "resources: {limits: {cpu: 1}}\npodAnnotations: {a: b}\n", "resources: {limits: {memory: 1}}\npodAnnotations: {c: d}",
    ),
    "values that only templates use": values("replicas: 1\n", "extra: 1\nimage: x", 'a: {{ .Values.extra }}\nb: {{ get .Values "image" }}'),
    "all values are used": values("replicas: 1\n", "other: 1", "a: {{ toYaml .Values }}"),
    "values of a subchart": both(
        values("replicas: 1\n", "redis: {a: 1}\ncache: {b: 1}"),
        write(CHART, make_chart("web", {
            "web/Chart.yaml": (CHART_YAML + "dependencies: [{name: mem, alias: cache}]\n").encode(),
            "web/values.yaml": b"replicas: 1\n", "web/charts/redis/Chart.yaml": b"name: redis", "web/charts/mem-1.0.0.tgz": b"",
        })),
    ),
    "a chart without values": both(chart(), write("values.yaml", "pack: {namespace: a}\ncharts: {web: {anything: 1}}\n")),
    "a documented key": write("a.md", "-----BEGIN RSA PRIVATE KEY-----\n...\n-----END RSA PRIVATE KEY-----\nAKIAIOSFODNN7EXAMPLE"),
    "a commented header and words": write("b.yaml", "## -----BEGIN RSA PRIVATE KEY-----\n##\n## name should line up\n"),
    "a shortened key": write("b.yaml", "-----BEGIN PRIVATE KEY-----\nMHcl4wAAAA=\n...\n-----END PRIVATE KEY-----\n"),
    "placeholders of tokens": write("b.yaml", "a: ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\nb: xoxb-your-token\nc: AKIAXXXXXXXXXXXXXXXX\n"),
}  # fmt: skip
