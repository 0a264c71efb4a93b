"""The result of `packinfra check` for CI systems: what each of them reads."""

from __future__ import annotations

import json
import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from pydantic import ValidationError
from pydantic_sarif.model import StaticAnalysisResultsFormatSarifVersion210JsonSchema as Sarif

from packinfra.packs.check_command import main
from packinfra.packs.report_formats import FORMATS
from packinfra.packs.rules import RULES
from tests.support.packs import make_clean_pack


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """packs/good; packs/wärned, with no README; packs/broken, with an error in line 1 and one in no file."""
    monkeypatch.chdir(tmp_path)
    make_clean_pack(tmp_path / "packs/good", {".DS_Store": "x"}, name="good")
    make_clean_pack(tmp_path / "packs/wärned", name="warned")
    (tmp_path / "packs/wärned/README.md").unlink()
    make_clean_pack(tmp_path / "packs/broken", name="broken", layer="a,b: 100%")
    (tmp_path / "packs/broken/values.yaml").unlink()
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    main([*arguments, "packs/good", "packs/wärned", "packs/broken", "./packs/absent/"])
    return capsys.readouterr().out


def test_json(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, "--format", "json")
    assert output == printed(capsys, "--json")
    good, warned, *_ = json.loads(output)["packs"]
    assert good["leftOut"] == [{"path": ".DS_Store", "reason": "junk"}]
    assert [problem["rule"] for problem in warned["problems"]] == ["readme-missing"]


def test_github(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = printed(capsys, "--format", "github").splitlines()
    commands = [line for line in lines if line.startswith("::")]
    assert commands[1] == (
        '::error file=packs/broken/pack.json,line=1,title=layer-unknown::"layer" is "a,b: 100%25", not one of kernel, os, '
        'k8s, cni, csi, addon -> use "addon" for anything that is not part of the cluster itself'
    )
    assert [re.sub("::.*", "", command[2:]) for command in commands] == [
        "warning file=packs/wärned/pack.json,title=readme-missing",
        "error file=packs/broken/pack.json,line=1,title=layer-unknown",
        "error file=packs/broken/pack.json,title=values-missing",
        "error file=packs/absent/,title=folder-missing",
    ]
    assert lines[-1] == "4 packs: 2 cannot be published, 1 could be better, 1 good."


def test_github_escapes(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_clean_pack(packs / "a,b: c%", layer="x")
    main(["--format", "github", "a,b: c%"])
    assert "file=a%2Cb%3A c%25/pack.json,line=1" in capsys.readouterr().out


def test_gitlab(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    issues = json.loads(printed(capsys, "--format", "gitlab"))
    assert [
        (i["severity"], i["check_name"], i["location"]["path"], i["location"]["lines"]["begin"]) for i in issues
    ] == [
        ("minor", "readme-missing", "packs/wärned/pack.json", 1),
        ("critical", "layer-unknown", "packs/broken/pack.json", 1),
        ("critical", "values-missing", "packs/broken/pack.json", 1),
        ("critical", "folder-missing", "packs/absent/", 1),
    ]
    assert len({issue["fingerprint"] for issue in issues}) == 4
    (packs / "packs/broken/pack.json").write_text("\n" + (packs / "packs/broken/pack.json").read_text())
    again = json.loads(printed(capsys, "--format", "gitlab"))
    assert again[1]["location"]["lines"]["begin"] == 2
    assert [issue["fingerprint"] for issue in again] == [issue["fingerprint"] for issue in issues]


def test_sarif(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = printed(capsys, "--format", "sarif")
    Sarif.model_validate_json(output)
    (run,) = json.loads(output)["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == [rule.id for rule in RULES]
    places = [result["locations"][0]["physicalLocation"] for result in run["results"]]
    assert places[:2] == [
        {"artifactLocation": {"uri": "packs/w%C3%A4rned/pack.json"}},
        {"artifactLocation": {"uri": "packs/broken/pack.json"}, "region": {"startLine": 1}},
    ]
    for result in run["results"]:
        assert RULES[result["ruleIndex"]].id == result["ruleId"]
    with pytest.raises(ValidationError):  # the models reject what the schema doesn't have
        Sarif.model_validate_json(output.replace('"ruleIndex"', '"ruleIndx"'))


def test_junit(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (suite,) = ET.fromstring(printed(capsys, "--format", "junit"))  # noqa: S314 - our own
    assert (suite.get("tests"), suite.get("failures")) == ("4", "2")
    good, warned, broken, _ = suite
    assert len(good) == 0
    assert [child.tag for child in warned] == ["system-out"]
    failure = broken.find("failure")
    assert failure is not None
    assert failure.get("message") == "2 errors"
    assert 'pack.json:1: "layer" is "a,b: 100%"' in (failure.text or "")


def test_names_that_no_format_can_hold(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters and half surrogates in names: each format stays what it is."""
    make_clean_pack(packs / "o\x1bdd<&>", {"ü\u202e<.txt": "x"}, name="\ud800")
    for name in FORMATS:
        main(["--format", name, "o\x1bdd<&>"])
        output = capsys.readouterr().out
        assert "\x1b" not in output
        if name in ("json", "gitlab", "sarif"):
            json.loads(output)
        if name == "sarif":
            Sarif.model_validate_json(output)
        if name == "junit":
            ET.fromstring(output)  # noqa: S314 - our own
