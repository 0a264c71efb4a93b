"""The rules: a pack that conforms to all of them, and for each rule packs that violate this one and no other."""

from __future__ import annotations

import os
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
from tests.support.packs import make_clean_pack
from tests.support.rule_cases import BROKEN, KEPT
from tests.support.rule_cases_deploy import RIGHT, WRONG

ROOT = Path(__file__).parents[2]
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


@pytest.mark.parametrize(("rule", "violate", "place", "message"), WRONG.values(), ids=WRONG)
def test_wrong(rule: str, violate: Callable[[Path], object], place: str, message: str, tmp_path: Path) -> None:
    """One mistake, one problem, whose message or remedy names the cause."""
    folder = make_clean_pack(tmp_path / "pack")
    violate(folder)
    problems = read_pack(folder).problems
    assert [(p.rule, p.place) for p in problems] == [(rule, place)], [str(p) for p in problems]
    assert message in str(problems[0])


@pytest.mark.parametrize("change", RIGHT.values(), ids=RIGHT)
def test_right(change: Callable[[Path], object], tmp_path: Path) -> None:
    folder = make_clean_pack(tmp_path / "pack")
    change(folder)
    assert [str(problem) for problem in read_pack(folder).problems] == []


def test_every_rule_is_broken_somewhere() -> None:
    broken = {rule for rule, *_ in (*BROKEN.values(), *WRONG.values())}
    assert [rule.id for rule in RULES if rule.id not in broken | ELSEWHERE.keys()] == []
    assert len({rule.id for rule in RULES}) == len(RULES)


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
    ("rules", "message"),
    [
        ({"readme-mising": "off"}, 'no rule "readme-mising"; did you mean readme-missing?'),
        ({"xyz": "off"}, 'no rule "xyz"; docs/rules.md has all'),
        ({"readme-missing": "warn"}, "can be error, warning or off"),
        ({"values-invalid": "off"}, "values-invalid is always an error"),
        ({"a": "off", "values-invalid": "warning"}, '"a"; docs/rules.md has all; rule values-invalid'),
    ],
)
def test_wrong_settings(rules: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(RuleError) as caught:
        read_pack(make_clean_pack(tmp_path / "pack"), rules)
    assert message in str(caught.value)


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
