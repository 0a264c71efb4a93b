"""Terminal output becomes a picture that is the same after every run."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET

import pytest

from tools import pictures

TABLE = """\
     Type                        Name   Status              Info
 +   pulumi:pulumi:Stack         local  created (2s)        
 +   └─ packinfra:EcrRegistry    packs  created ({component}s)        1 message
{rows}
Diagnostics:
{messages}

Outputs:
    readerPolicyArn: "arn:aws:iam::123456789012:policy/packs-reader-{end}"
    paletteRegistryUid: "{uid}"

Resources:
    + 3 created

Duration: {duration}s
"""  # noqa: W291 (Pulumi pads its columns)


def run(*, reverse: bool = False, **varies: str) -> str:
    rows = [
        "aws:ecr:Repository          packs  created (0.1s)      ",
        "aws:iam:Policy              read   created (0.14s)     ",
    ]
    messages = ["  a (packs):\n    hello 1.0.0: published (13.0 kB, 0.1 s)", "  b (packs):\n    done"]
    ordered = rows[::-1] if reverse else rows
    return TABLE.format(
        rows=f" +      ├─ {ordered[0]}\n +      └─ {ordered[1]}\n",
        messages="\n\n".join(messages[::-1] if reverse else messages),
        **varies,
    )


def test_two_runs_of_one_command_give_one_picture() -> None:
    first = run(component="1", end="1ecd4a6", uid="05268b463b73ad87afb771d4", duration="3")
    second = run(component="0.98", end="88156ad", uid="cc43d8cd0a768905a684e57a", duration="12", reverse=True)
    assert pictures.stable(first) == pictures.stable(second)


def test_what_a_reader_needs_stays() -> None:
    lines = pictures.stable(run(component="1", end="1ecd4a6", uid="0" * 24, duration="3")).splitlines()
    assert lines[3:6] == [
        " +      ├─ aws:ecr:Repository          packs  created",
        " +      └─ aws:iam:Policy              read   created",
        "",
    ]
    assert "    hello 1.0.0: published (13.0 kB)" in lines
    assert lines[-1] == "    + 3 created"


@pytest.mark.parametrize(
    ("recorded", "shown"),
    [
        pytest.param("one\r\ntwo\r\n", "one\ntwo\n", id="lines"),
        pytest.param("a\x1b[K\r\nb\x1b[K\r\n\r\x1b[2Ac\x1b[K\r\nd\x1b[K\r\n", "c\nd\n", id="a table drawn again"),
        pytest.param("long line\x1b[K\r\n\r\x1b[1A\x1b[K\r\n", "\n", id="a line cleared"),
        pytest.param(
            "\x1b[?25lred: \x1b[38;5;1mx\x1b[0m\x1b[?25h", "red: \x1b[38;5;1mx\x1b[0m", id="colors, no cursor"
        ),
        pytest.param("one\x1b[A", "one", id="up from the first line"),
    ],
)
def test_the_screen_shows_what_a_terminal_would(recorded: str, shown: str) -> None:
    assert pictures.screen(recorded) == shown


def test_a_picture_is_as_wide_as_its_longest_line_and_loads_nothing() -> None:
    drawn = pictures.svg("pulumi up", "\x1b[1m$ pulumi up\x1b[0m\n  a " + "b" * 30)
    assert parsed(drawn).tag == "{http://www.w3.org/2000/svg}svg"
    assert "url(" not in drawn.replace("url(#", "")
    assert width(drawn) < width(pictures.svg("pulumi up", "b" * 60)) < width(pictures.svg("pulumi up", "b" * 400))
    assert width(pictures.svg("pulumi up", "b " * 200)) == width(pictures.svg("pulumi up", "b " * 400))


def parsed(drawn: str) -> ET.Element:
    return ET.fromstring(drawn)  # noqa: S314 (our own picture)


def width(drawn: str) -> float:
    found = re.search(r'viewBox="0 0 ([\d.]+) ', drawn)
    assert found
    return float(found[1])


@pytest.mark.parametrize("name", ["up", "preview"])
def test_the_committed_pictures_show_nothing_of_the_machine(name: str) -> None:
    text = (pictures.FOLDER / f"{name}.svg").read_text(encoding="utf-8")
    shown = "".join(parsed(text).itertext()).replace("\xa0", " ")
    assert f"$ pulumi {name}" in shown
    assert not re.search(r"(?<![\w.:/])/(home|root|tmp|work|Users|private|var)\b|127\.0\.0\.1|localhost", shown)
    assert not re.search(r"\(\d[\d.]*s\)|Duration", shown)
