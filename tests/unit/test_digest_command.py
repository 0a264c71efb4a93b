"""`packinfra digest`, and `packinfra check` for charts and policies: without network."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from packinfra.cli import command
from packinfra.lifecycle.artifacts.published_artifact import PublishedArtifactLifecycle
from packinfra.lifecycle.packs.published_pack import PublishedPackLifecycle
from packinfra.lifecycle.results import Lifecycle
from tests.support.artifacts import make_chart_folder, make_files, make_tgz
from tests.support.packs import make_clean_pack
from tests.support.run import new_run

ROOT = Path(__file__).parents[2]
STACK = {
    "aws:region": "eu-west-1",
    "packinfra:registry": {"kind": "ecr", "basePath": "team"},
    "packinfra:paletteApiKey": {"secure": "v1:x"},
    "packinfra:charts": ["charts/*"],
    "packinfra:policies": [{"name": "authz", "version": "1.0.0", "path": "policy"}],
    "packinfra:artifacts": [{"name": "cfg", "version": "1", "files": ["a.json"]}],
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket, "socket", None)  # nothing may be asked
    make_clean_pack(tmp_path / "packs/hello")
    make_chart_folder(tmp_path / "charts/web")
    make_files(tmp_path, {"policy/a.rego": "package a\n", "a.json": "{}", "Pulumi.yaml": "name: x\n"})
    return make_files(tmp_path, {"stacks/Pulumi.dev.yaml": yaml.safe_dump({"config": STACK})})


def digests(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, Any]]:
    assert command(["digest", "--json", *arguments]) == 0
    found: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return found


def planned(lifecycle: type[Lifecycle], repository: str, sources: list[Any]) -> dict[str, Any]:
    """What a preview plans: the only version."""
    run = new_run()
    life: Lifecycle = lifecycle(run, lambda _: None)  # type: ignore[call-arg]
    (record,) = life.check({}, {"repository": repository, "sources": sources}).inputs["versions"].values()
    run.archives.close()
    return dict(record)


def test_the_digests_of_a_stack_are_those_of_its_preview(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = {each["repository"]: each for each in digests(capsys, "--stack", "stacks/Pulumi.dev.yaml")}
    assert sorted(found) == ["artifacts/cfg", "charts/web", "policies/authz", "spectro-packs/archive/hello"]
    chart = planned(PublishedArtifactLifecycle, "h.example/charts/web", [{"kind": "chart", "path": "charts/web"}])
    pack = planned(PublishedPackLifecycle, "h.example/hello", ["packs/hello"])
    for each, record in ((found["charts/web"], chart), (found["spectro-packs/archive/hello"], pack)):
        assert (each["manifestDigest"], each["contentDigest"]) == (record["manifestDigest"], record["contentDigest"])
        assert each["layers"] == [{"digest": record["layerDigest"], "size": record["size"]}]
    assert digests(capsys, "packs/hello", "charts/web") == [found["spectro-packs/archive/hello"], found["charts/web"]]
    assert digests(capsys, "policy")[0]["kind"] == "bundle"


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["digest", "charts/web"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "charts/web  charts/web:1.0.0"
    assert [line.split()[0] for line in lines[1:]] == ["manifest", "layer", "content"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["missing"], "pack folder missing does not exist"),
        (["charts/bad"], 'chart charts/bad:\n  Chart.yaml: the name "Bad"'),
        (["--stack", "none.yaml"], "none.yaml cannot be read: No such file"),
        (["--stack", "a.json"], 'packinfra:registry: missing; for example: registry: {"kind"'),
        (["--stack", "list.yaml"], "list.yaml is not a stack file: it has no mapping with config"),
        (["--stack", "text.yaml"], "text.yaml is not a stack file: it has no mapping with config"),
        (["--stack", "date.yaml"], "date.yaml is not a stack file: it is not YAML"),
        (["--stack", "keys.yaml"], "chart 2020-01-01:\n  2020-01-01 does not exist"),
        (["node.tgz"], "chart node.tgz:\n  it contains no <chart>/Chart.yaml"),
        (["--stack", "stacks/Pulumi.dev.yaml"], 'chart charts/bad:\n  Chart.yaml: the name "Bad"'),
    ],
)
def test_what_has_no_digest(
    folder: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], expected: str
) -> None:
    make_chart_folder(folder / "charts/bad", name="Bad")
    stacks = {
        "list.yaml": "[1]", "text.yaml": "config: x", "date.yaml": "config: {a: 2020-13-01}",
        "keys.yaml": "config: {1: 2, aws:region: eu-west-1, packinfra:packs: [], packinfra:charts: 2020-01-01, "
        "packinfra:registry: {kind: ecr, basePath: team}}",
    }  # fmt: skip
    make_files(folder, {**stacks, "node.tgz": make_tgz({"package/package.json": "{}"})})
    assert command(["digest", *arguments]) == 1
    captured = capsys.readouterr()
    assert expected in captured.err
    assert captured.out == ""


@pytest.mark.parametrize("arguments", [[], ["packs/hello", "--stack", "stacks/Pulumi.dev.yaml"]])
def test_wrong_arguments(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        command(["digest", *arguments])
    assert "name sources, for example packs/* charts/*, or a stack file" in capsys.readouterr().err


# ---- packinfra check


def test_check_knows_charts_and_policies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_chart_folder(folder / "charts/bad", version="1.2.3.4", appVersion="1.10")
    make_files(folder, {"b.tar.gz": "x", "web.tgz": make_tgz({"web/Chart.yaml": "name: web\nversion: '1.0'\n"})})
    assert command(["check", "packs/hello", "charts/web", "charts/bad", "policy", "web.tgz", "b.tar.gz"]) == 1
    out = capsys.readouterr().out
    for expected in (
        "charts/bad  web 1.2.3.4: 1 error, 1 warning\n",
        '  error    Chart.yaml: the version "1.2.3.4" is not a semantic version  [chart-version]',
        "  warning  Chart.yaml:4: appVersion 1.10 is read as 1.1: quote it  [chart-value-not-text]",
        "b.tar.gz: 1 error",
        '  warning  Chart.yaml: the version "1.0": no version constraint will find it  [chart-version-not-strict]',
        "charts/web  web 1.0.0: good, 3 files",
        "policy: good, 1 file",
        "6 sources: 2 cannot be published, 1 could be better, 3 good.",
    ):
        assert expected in out, out


def test_a_file_stands_for_its_chart(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The outermost one; a file in a pack for the pack, even if it is in a chart there."""
    make_chart_folder(folder / "charts/web/charts/sub", name="sub")
    make_chart_folder(folder / "packs/hello/src")
    assert command(["check", "charts/web/charts/sub/values.yaml", "packs/hello/src/values.yaml", "a.json"]) == 0
    out = capsys.readouterr().out
    assert "charts/web  web 1.0.0: good" in out
    assert "packs/hello  hello 1.0.0: " in out


def test_archives_of_something_else_are_ignored(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A pre-commit hook names them too."""
    make_files(folder, {"backup.tar.gz": make_tgz({"a/b": "x"}), "node.tgz": make_tgz({"package/package.json": "{}"})})
    assert command(["check", "backup.tar.gz", "node.tgz"]) == 0
    assert capsys.readouterr().out == "no pack or chart contains these files: nothing to check\n"


@pytest.mark.parametrize("format_", ["json", "sarif", "github", "gitlab", "junit"])
def test_formats(folder: Path, capsys: pytest.CaptureFixture[str], format_: str) -> None:
    make_chart_folder(folder / "charts/bad", name="Bad")
    make_chart_folder(folder / "charts/bad", {"charts/x": "x"}, name="Bad")
    assert command(["check", "--format", format_, "packs/hello", "charts/bad"]) == 1
    out = capsys.readouterr().out
    if format_ == "sarif":
        (run,) = json.loads(out)["runs"]
        rules = run["tool"]["driver"]["rules"]
        assert [rules[result["ruleIndex"]]["id"] for result in run["results"]] == [
            "chart-name",
            "chart-subchart-invalid",
        ]
    if format_ == "json":
        assert [each["kind"] for each in json.loads(out)["packs"]] == ["pack", "chart"]
    assert "charts/bad" in out


def test_check_needs_nothing_of_publishing(folder: Path) -> None:
    program = """
import sys
for name in ("pulumi", "pulumi_aws", "boto3", "botocore", "oras", "requests", "urllib3", "pydantic", "grpc"):
    sys.modules[name] = None
from packinfra.cli import command
sys.exit(command(["check", *sys.argv[1:]]))
"""
    paths = [str(folder / path) for path in ("charts/web", "policy", "packs/hello")]
    done = subprocess.run(
        [sys.executable, "-c", program, *paths], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
