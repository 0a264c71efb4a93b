"""The measuring itself: that corpus, link, figures and table are what the benchmarks take them for. Nothing is timed
but the slow link, whose slowness is what it is for."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from benchmarks.corpus import big_pack, many_packs
from benchmarks.link import measured
from benchmarks.measure import CommandError, Spread, interleaved, run
from benchmarks.results import Case, Results, table
from packinfra.packs import read_pack


def test_the_same_packs_everywhere_and_more_of_them_begin_alike(tmp_path: Path) -> None:
    few, more = many_packs(tmp_path / "few", 2), many_packs(tmp_path / "more", 3)
    read = [read_pack(folder) for folder in (*few, *more)]
    assert [pack.errors for pack in read] == [()] * 5
    digests = [pack.content_digest for pack in read]
    assert digests[:2] == digests[2:4]
    assert len(set(digests)) == 3
    assert digests[0] == "sha256:b2d2add87d8a387196938899a33499fba3e830eb0a7b6455a7ad0b2789b54b13"


def test_a_big_pack_has_the_size_asked_for(tmp_path: Path) -> None:
    pack = read_pack(big_pack(tmp_path / "big", (32 << 20) + 5))
    assert pack.errors == ()
    assert [file.size for file in pack.files if file.path.startswith("data/")] == [32 << 20, 5]


def test_the_slow_link_is_as_slow_as_requested() -> None:
    """How much slower it is beside other work is the machine's: only `make bench`, which prints both, can tell."""
    rate, round_trip = measured(50e6, 0.05)
    assert 0 < rate < 55e6
    assert round_trip >= 0.05


def test_a_command_is_counted_with_all_its_processes(tmp_path: Path) -> None:
    burn = (
        "import time; x = bytearray(60 << 20); end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"
    )
    cost = run(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {burn!r}])"],
        cwd=tmp_path,
    )
    assert cost.cpu >= 0.3
    assert cost.wall >= 0.3
    assert cost.peak > 60


def test_a_failed_command_says_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=r"exit code 3\nno way"):
        run([sys.executable, "-c", "print('no way'); raise SystemExit(3)"], cwd=tmp_path)


def test_an_interrupted_measurement_leaves_no_process(tmp_path: Path) -> None:
    script = (
        "import os, subprocess; p = subprocess.Popen(['sleep', '60']); open('pid', 'w').write(str(p.pid)); p.wait()"
    )

    def interrupt() -> None:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run([sys.executable, "-c", script], cwd=tmp_path)
    thread.join()
    stat = Path(f"/proc/{(tmp_path / 'pid').read_text()}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"  # nobody may be there to reap it


def test_ways_take_turns() -> None:
    turns: list[str] = []

    def way(name: str) -> dict[str, float]:
        turns.append(name)
        return {"wall": float(len(turns))}

    found = interleaved({"a": lambda _: way("a"), "b": lambda _: way("b")}, 2)
    assert turns == ["a", "b", "b", "a"]
    assert found == {"a": [{"wall": 1.0}, {"wall": 4.0}], "b": [{"wall": 2.0}, {"wall": 3.0}]}


def test_a_table_has_medians_with_spread_and_ratios_round_by_round() -> None:
    ours = [{"wall": 1.0, "requests": 8.0}, {"wall": 2.0, "requests": 8.0}, {"wall": 4.0, "requests": 8.0}]
    theirs = [{"wall": 3.0}, {"wall": 4.0}, {"wall": 16.0}]
    assert table([Case("publish", "20 packs", {"ours": ours, "theirs": theirs})]).splitlines() == [
        "| case | who | s | requests | x first | s over first | rounds |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| 20 packs | ours | 2 (1..4) | 8 |  |  | 3 |",
        "|  | theirs | 4 (3..16) |  | 3 (2..4) | +2.00 | 3 |",
    ]


def test_figures_are_short() -> None:
    assert [str(Spread.of([value])) for value in (0.01234, 1.2345, 98.7, 1234.5)] == ["0.0123", "1.23", "98.7", "1,234"]


def test_results_are_written_for_programs_and_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = Results()
    results.add(Case("publish", "1 pack", {"ours": [{"wall": 1.0}]}, size=1))
    results.profiles["publish"] = "all in one place"
    results.write(tmp_path)
    assert "1 pack" in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["profile-publish.txt", "results.json", "results.md"]
    assert "## publish" in (tmp_path / "results.md").read_text()
