"""Each row of the sandbox's behaviour.md files is named by a test."""

import re
from pathlib import Path

HERE = Path(__file__).parent
TABLES = (HERE.parents[1] / "sandbox").rglob("behaviour.md")
ROW = re.compile(r"^\| ([A-Z]+-\d+) \|", re.MULTILINE)


def test_every_row_is_named_by_a_test() -> None:
    rows = ROW.findall("".join(path.read_text() for path in TABLES))
    tests = " ".join(path.read_text() for path in HERE.glob("test_*.py"))
    named = set(re.findall(r"\b[A-Z]{3,4}-\d+\b", tests))
    assert len(rows) == len(set(rows))
    assert sorted(set(rows) - named) == []
    assert sorted(named - set(rows)) == []
