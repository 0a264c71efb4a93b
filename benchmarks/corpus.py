"""Packs to measure with: the same ones on every machine, as large and as many-filed as 220 public packs are.

Of one seed, the first 20 packs of 220 are those of 20: a longer catalogue only has more.
"""

from __future__ import annotations

import io
import json
import math
import random
import tarfile
from bisect import bisect_right
from pathlib import Path

import deflate

# (share of the packs, value at that share), as measured on 220 public packs in July 2026.
_RAW_BYTES = ((0, 8_700), (0.1, 46_000), (0.5, 166_000), (0.75, 660_000), (0.9, 1.15e6), (0.95, 2.95e6), (1, 5.29e6))
_FILES = ((0, 5), (0.1, 5), (0.5, 24), (0.75, 47), (0.9, 117), (0.95, 256), (1, 426))
_LOGO_BYTES = ((0, 769), (0.1, 3_200), (0.5, 16_000), (0.75, 48_000), (0.9, 88_000), (0.95, 91_000), (1, 126_000))
_TEXT = 4 << 20
_PNG = b"\x89PNG\r\n\x1a\n"


def many_packs(folder: Path, count: int, seed: int = 5) -> list[Path]:
    """Add-on packs with one Helm chart each, packed and, as is customary, unpacked beside it; folders named as packs."""
    text = _text(random.Random(seed))
    return [_pack(folder / f"pack-{number:04}", random.Random(f"{seed} {number}"), text) for number in range(count)]


def big_pack(folder: Path, size: int, seed: int = 5) -> Path:
    """One pack of `size` bytes: half of it text, half incompressible, in files of up to 32 MiB."""
    dice = random.Random(seed)
    block = _text(dice)
    _write(folder / "pack.json", json.dumps(_metadata(folder.name)).encode())
    _write(folder / "values.yaml", b"")
    for number, start in enumerate(range(0, size, 32 << 20)):
        length = min(32 << 20, size - start)
        path = folder / f"data/part-{number:03}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as out:
            for at in range(0, length, 4 << 20):
                piece = min(4 << 20, length - at)
                out.write(dice.randbytes(piece) if number % 2 else block[:piece])
    return folder


def _pack(folder: Path, dice: random.Random, text: bytes) -> Path:
    share = dice.random()
    # Large packs have many files, but not strictly: the two are drawn near each other.
    near = min(max(dice.gauss(share, 0.1), 0.0), 1.0)
    files, raw, logo = int(_at(_FILES, near)), int(_at(_RAW_BYTES, share)), int(_at(_LOGO_BYTES, dice.random()))
    weights = [dice.lognormvariate(0, 1) for _ in range(files - 4)] or [1.0]
    size = max(raw - min(logo, raw // 3), 1000)
    name = folder.name
    chart = {"Chart.yaml": f"apiVersion: v2\nname: {name}\nversion: 1.0.0\n".encode()}  # helm package puts it first
    chart |= {
        f"templates/part-{index}.yaml": _cut(dice, text, max(int(size * 0.8 * weight / sum(weights)), 20))
        for index, weight in enumerate(weights)
    }
    _write(folder / "pack.json", json.dumps(_metadata(name) | {"charts": [f"charts/{name}.tgz"]}, indent=2).encode())
    _write(folder / "values.yaml", _values(name, _cut(dice, text, min(size // 20, 20_000))))
    _write(folder / "README.md", _cut(dice, text, min(size // 20, 5_000)))
    _write(folder / "logo.png", _PNG + dice.randbytes(min(logo, raw // 3)))
    _write(folder / f"charts/{name}.tgz", _chart(name, chart))
    if files > 5:
        for path, data in chart.items():
            _write(folder / f"charts/{name}/{path}", data)
    return folder


def _values(name: str, text: bytes) -> bytes:
    """values.yaml with the lines of `text` as values of the chart, each key once: anything else gets a warning."""
    lines = {line.partition(b":")[0]: b"    " + line for line in text.splitlines(keepends=True)}
    return b"pack:\n  namespace: bench\ncharts:\n  %s:\n%s" % (name.encode(), b"".join(lines.values()))


def _metadata(name: str) -> dict[str, object]:
    return {"name": name, "displayName": name, "version": "1.0.0", "layer": "addon", "addonType": "monitoring"}


def _at(quantiles: tuple[tuple[float, float], ...], share: float) -> float:
    """The value at `share`, between two measured ones on a logarithmic scale."""
    right = min(max(bisect_right(quantiles, share, key=lambda q: q[0]), 1), len(quantiles) - 1)
    (low, a), (high, b) = quantiles[right - 1], quantiles[right]
    return math.exp(math.log(a) + (math.log(b) - math.log(a)) * (share - low) / (high - low))


def _text(dice: random.Random) -> bytes:
    """4 MiB of YAML of random words, which compress about as well as real charts do."""
    letters = "etaoinshrdlucmfwypvbgk"
    words = ["".join(dice.choices(letters, k=dice.randrange(2, 12))) for _ in range(3_000)]
    lines: list[str] = []
    left = _TEXT
    while left > 0:
        if len(lines) > 100 and dice.random() < 0.65:  # real charts repeat themselves
            lines.append(lines[-dice.randrange(1, 100)])
        else:
            key, *value = (words[int(dice.paretovariate(0.6)) % len(words)] for _ in range(dice.randrange(2, 6)))
            lines.append(f"{key}-{dice.randrange(1_000_000) if dice.random() < 0.3 else 'x'}: {' '.join(value)}\n")
        left -= len(lines[-1])
    return "".join(lines).encode()[:_TEXT]


def _cut(dice: random.Random, text: bytes, size: int) -> bytes:
    """Whole lines of the text from anywhere in it, about `size` bytes. Repetitions are far apart for a compressor."""
    start = text.index(b"\n", dice.randrange(_TEXT // 2)) + 1
    long = text[start:] + text * (size // _TEXT + 1) if start + size > _TEXT else text[start : start + size]
    return long[:size].rpartition(b"\n")[0] + b"\n"


def _chart(name: str, files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, data in files.items():
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return bytes(deflate.gzip_compress(out.getvalue(), 6))


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
