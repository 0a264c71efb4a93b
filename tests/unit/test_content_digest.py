"""The content digest, computed a second time by hand: docs/content-digest.md is its definition."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

from packinfra.packs import read_pack
from packinfra.packs.contents import PackFile, content_digest

DOC = (Path(__file__).parents[2] / "docs/content-digest.md").read_text()


def test_the_documented_example(tmp_path: Path) -> None:
    """A shell, which knows nothing of packinfra, gets the documented digest; so does packinfra from the folder."""
    for path, content in re.findall(r"^\| `(.+)` \| `(.+)` \|$", DOC, re.MULTILINE):
        file = tmp_path / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{content}\n")
    (tmp_path / "hooks/größe.sh").chmod(0o755)
    (digest,) = re.findall(r"`sha256:([0-9a-f]{64})`", DOC)
    (script,) = re.findall(r"```sh\n(.+?)```", DOC, re.DOTALL)
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[0] == digest
    assert read_pack(tmp_path).content_digest == f"sha256:{digest}"


def test_no_text_passes_for_other_fields() -> None:
    """Names that imitate the framing, as a foreign archive may hold them."""
    hash_ = hashlib.sha256(b"").hexdigest()

    def file(path: str) -> PackFile:
        return PackFile(path, 0, hash_, executable=False)

    whole = content_digest("n", "1", [file("a"), file("b")])
    assert content_digest("n", "1", [file(f"a,{hash_}-1:b")]) != whole
    assert content_digest("n", "1", [file(f"a\n{hash_} - b")]) != whole
    assert content_digest("n,1:1", "", [file("a"), file("b")]) != whole
    assert content_digest("n", f"1,{hash_}-1:a", [file("b")]) != whole
    assert content_digest("n\n1", "", [file("a")]) != content_digest("n", "1\n", [file("a")])
