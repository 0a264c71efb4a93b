"""`packinfra check`, alias `python -m packinfra.packs`: what people and CI systems see of the rules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from packinfra.cli import command
from packinfra.packs import PackError, read_catalogue, read_pack
from packinfra.packs.check_command import main
from tests.support.packs import make_clean_pack

ROOT = Path(__file__).parents[2]
WITHOUT_PULUMI = """
import runpy, sys
for name in ("pulumi", "pulumi_aws", "boto3", "botocore", "oras", "requests", "urllib3", "pydantic", "grpc"):
    sys.modules[name] = None
"""
MODULE = 'runpy.run_module("packinfra.packs", run_name="__main__", alter_sys=True)'
SCRIPT = "from packinfra.cli import main; main()"


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """good (left out: .DS_Store), warned (no README), broken (two errors)."""
    monkeypatch.chdir(tmp_path)
    make_clean_pack(tmp_path / "good", {".DS_Store": "x"}, name="good")
    make_clean_pack(tmp_path / "warned", name="warned")
    (tmp_path / "warned/README.md").unlink()
    make_clean_pack(tmp_path / "broken", name="broken", layer="app")
    (tmp_path / "broken/values.yaml").write_text("pack:\n  namespace: [\n")
    return tmp_path


def test_report(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["good", "warned", "broken", "absent"]) == 1
    good, warned = (read_pack(packs / name) for name in ("good", "warned"))
    captured = capsys.readouterr()
    assert captured.err == ""
    assert (
        captured.out
        == f"""\
broken  broken 1.0.0: 2 errors
  error    pack.json:1: "layer" is "app", not one of kernel, os, k8s, cni, csi, addon  [layer-unknown]
           -> use "addon" for anything that is not part of the cluster itself
  error    values.yaml:3: it is not YAML: did not find expected node content  [values-invalid]
           -> correct the YAML

absent: 1 error
  error    pack folder absent does not exist  [folder-missing]
           -> give the folder that contains pack.json

warned  warned 1.0.0: 1 warning, 7 files, {sum(f.size for f in warned.files)} B
  warning  the folder has no README.md  [readme-missing]
           -> add README.md

good  good 1.0.0: good, 8 files, {sum(f.size for f in good.files)} B, without .DS_Store

4 packs: 2 cannot be published, 1 could be better, 1 good.
"""
    )


def test_json(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--json", "good", "broken", "absent"]) == 1
    good, broken, absent = json.loads(capsys.readouterr().out)["packs"]
    digest = read_pack(packs / "good").content_digest
    assert good == {
        "path": "good", "kind": "pack", "name": "good", "version": "1.0.0", "contentDigest": digest, "problems": [],
        "leftOut": [{"path": ".DS_Store", "reason": "junk"}],
    }  # fmt: skip
    assert broken["contentDigest"].startswith("sha256:")
    assert broken["problems"][1] == {
        "rule": "values-invalid", "severity": "error", "file": "values.yaml", "line": 3,
        "message": "it is not YAML: did not find expected node content", "remedy": "correct the YAML",
    }  # fmt: skip
    assert absent["name"] == absent["version"] == ""
    assert absent["contentDigest"] is None
    assert [p["rule"] for p in absent["problems"]] == ["folder-missing"]


def test_exit_codes_and_settings(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["good"]) == 0
    assert main(["warned"]) == 0
    assert main(["--rule", "readme-missing=error", "warned"]) == 1
    assert main(["--rule", "readme-missing=off", "warned"]) == 0
    assert capsys.readouterr().out.endswith("1 pack: 1 good.\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name at least one pack folder"),
        (["--rule", "readme-mising=off", "good"], "did you mean readme-missing?"),
        (["--rule", "readme-missing", "good"], "the severity is missing"),
        (["--rule", "values-invalid=off", "good"], "always an error"),
        (["--archive", "x.tar.gz", "good", "warned"], "one file, but there are 2 packs"),
        (["--archive", "good/out", "good"], "is inside the pack good"),
        (["--archive", "good", "good"], "is inside the pack good"),
        (["--jason", "good"], "unrecognized arguments: --jason"),
    ],
)
def test_wrong_calls(arguments: list[str], message: str, packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_files_stand_for_their_packs(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """As pre-commit gives them: changed files, some of no pack."""
    (packs / "README.md").write_text("x")
    assert main(["README.md"]) == 0
    assert capsys.readouterr().out == "no pack contains this file: nothing to check\n"
    assert main(["--json", "README.md", "good/values.yaml", "good/manifests/hello.yaml", "broken/pack.json"]) == 1
    assert [pack["path"] for pack in json.loads(capsys.readouterr().out)["packs"]] == ["good", "broken"]
    assert main(["--json", str(packs / "good/charts/web-1.2.3.tgz")]) == 0
    assert json.loads(capsys.readouterr().out)["packs"][0]["path"] == str(packs / "good")
    os.chdir("good/manifests")
    assert main(["--json", "hello.yaml", "../pack.json"]) == 0
    assert [pack["path"] for pack in json.loads(capsys.readouterr().out)["packs"]] == [".."]


def test_rule_file(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Severities for all packs below, and for one; the command line overrides them, as a stack file does."""
    Path("packinfra.toml").write_text('rules.readme-missing = "error"\npacks.broken.layer-unknown = "error"\n')
    assert main(["warned"]) == 1
    assert main(["--rule", "readme-missing=off", "warned"]) == 0
    assert [problem.severity for problem in read_pack(packs / "warned").problems] == ["error"]
    with pytest.raises(PackError, match="readme-missing"):
        read_catalogue(packs, ["warned"])
    Path("packinfra.toml").write_text('packs.warned = {readme-missing = "off"}\n')
    assert main(["warned"]) == 0
    (packs / "warned/packinfra.toml").write_text("no TOML, but a file of the pack\n")
    assert read_pack(packs / "warned").problems == ()
    Path(".git").mkdir()
    make_clean_pack(packs / "deep/er/pack")
    (packs / "deep/er/pack/README.md").unlink()
    Path("deep/packinfra.toml").write_text('rules.readme-missing = "off"')
    assert read_pack(packs / "deep/er/pack").problems == ()
    Path("deep/er/.git").write_text("another repository")
    assert len(read_pack(packs / "deep/er/pack").problems) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("rules", "is not TOML"),
        (b"\xff", "is not TOML"),
        ("rule.a = 1", "has the unknown key rule; it can have rules and packs"),
        ("rules = 1", "rules is not a table"),
        ("packs.a = 1", "packs.a is not a table"),
        ('rules.readme-mising = "off"', "did you mean readme-missing?"),
        ('packs.a.values-invalid = "off"', "packs.a: rule values-invalid is always an error"),
        ("a = " + "[" * 5000, "TOML"),
    ],
    ids=["no TOML", "no UTF-8", "unknown key", "no table", "no inner table", "unknown rule", "an error", "nested"],
)
def test_wrong_rule_files(text: str | bytes, message: str, packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("packinfra.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(SystemExit) as caught:
        main(["good"])
    assert caught.value.code == 2
    error = capsys.readouterr().err
    assert message in error
    assert f"{packs}/packinfra.toml" in error
    with pytest.raises(PackError, match=r"packinfra\.toml") as refused:
        read_catalogue(packs, ["good", "warned"])
    assert str(refused.value).count("packinfra.toml") == 1


def test_archives(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--archive", "out/deep", "good", "warned", "broken"]) == 1
    assert sorted(os.listdir("out/deep")) == ["good-1.0.0.tar.gz", "warned-1.0.0.tar.gz"]
    assert "  archive  out/deep/good-1.0.0.tar.gz, sha256:" in capsys.readouterr().out
    assert main(["--archive", "one.tar.gz", "good"]) == 0
    assert Path("one.tar.gz").read_bytes() == Path("out/deep/good-1.0.0.tar.gz").read_bytes()
    subprocess.run(["tar", "-xzf", "one.tar.gz"], check=True)
    assert Path("good-1.0.0/pack.json").read_bytes() == Path("good/pack.json").read_bytes()


def test_no_half_archives(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("file").write_text("x")
    assert main(["--archive", "file/out", "good"]) == 1
    assert "file/out cannot be created: Not a directory" in capsys.readouterr().err
    assert main(["--archive", "x" * 300 + ".tar.gz", "good"]) == 1
    assert "could not be written: File name too long" in capsys.readouterr().err
    make_clean_pack(packs / "big", {"noise": os.urandom(100_000)}, name="big")
    before = sorted(os.listdir())
    limited = subprocess.run(  # a limit on the size of files stands for a full disk
        ["bash", "-c", f"trap '' XFSZ; ulimit -f 1; exec {sys.executable} -B -m packinfra.packs --archive . big"],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert limited.returncode == 1
    assert "big-1.0.0.tar.gz could not be written: File too large" in limited.stderr
    assert "Traceback" not in limited.stderr
    assert sorted(os.listdir()) == before


def test_one_version_in_two_folders(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_clean_pack(packs / "again", name="good")
    assert main(["--archive", "out", "good", "again"]) == 1
    assert "good 1.0.0 is in 2 folders: good, again" in capsys.readouterr().err
    assert not Path("out").exists()


def run(*arguments: str, cwd: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **options}
    return subprocess.run(
        [sys.executable, *arguments], cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("call", [(MODULE,), (SCRIPT, "check")], ids=["module", "script"])
def test_works_without_pulumi(call: tuple[str, ...], packs: Path) -> None:
    done = run("-c", WITHOUT_PULUMI + call[0], *call[1:], "good", "broken", cwd=packs)
    assert done.stderr == ""
    assert done.returncode == 1
    assert done.stdout.endswith("2 packs: 1 cannot be published, 1 good.\n")


def test_the_command(packs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(["check", "--json", "good"]) == 0
    assert json.loads(capsys.readouterr().out)["packs"][0]["name"] == "good"
    for arguments, code, text in (
        (["--version"], 0, "packinfra"),
        (["--help"], 0, "check    validate packs, charts and policies"),
        (["check", "--help"], 0, "usage: packinfra check"),
        ([], 2, "required: COMMAND"),
        (["chekc"], 2, "invalid choice: 'chekc'"),
    ):
        with pytest.raises(SystemExit) as caught:
            command(arguments)
        output = capsys.readouterr()
        assert (caught.value.code, text in output.out + output.err) == (code, True), arguments


def test_prints_on_any_terminal(packs: Path) -> None:
    make_clean_pack(packs / "größe", {"ü\u202e.txt": "x"}, name="\ud800")
    (packs / "größe" / "link").symlink_to("/\x1b[2J")
    done = run(
        "-m",
        "packinfra.packs",
        "größe",
        cwd=packs,
        LC_ALL="C",
        PYTHONUTF8="0",
        PYTHONCOERCECLOCALE="0",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 1
    assert done.stderr == ""
    assert "\x1b" not in done.stdout
    assert "[name-not-a-repository]" in done.stdout


def test_locale_is_not_in_the_identity(packs: Path) -> None:
    folder = make_clean_pack(packs / "größe", {"ü/日本.txt": "x", "z": "y"})
    done = run(
        "-m", "packinfra.packs", "--json", "größe", "--archive", "out", cwd=packs,
        LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0",
    )  # fmt: skip
    assert json.loads(done.stdout)["packs"][0]["contentDigest"] == read_pack(folder).content_digest
    assert main(["--archive", "out2", "größe"]) == 0
    assert (packs / "out/hello-1.0.0.tar.gz").read_bytes() == (packs / "out2/hello-1.0.0.tar.gz").read_bytes()


def test_a_closed_pipe_is_no_traceback(packs: Path) -> None:
    command = f"{sys.executable} -m packinfra.packs good warned broken | true"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
