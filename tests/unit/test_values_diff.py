"""A diff of values shows what changes, and no secret."""

from __future__ import annotations

import pytest

from packinfra.lifecycle.profiles.values_diff import values_diff


@pytest.mark.parametrize(
    "text",
    [
        "password: hunter{n}",
        "db:\n  rootPassword: 'hunter{n}'",
        "auth: {{user: u, password: hunter{n}}}",
        'url: "postgres://u?password=hunter{n}"',
        "tls:\n  privateKey: |\n    line\n    hunter{n}\nafter: 1",
        "ca: |\n  -----BEGIN PRIVATE KEY-----\n  hunter{n}\n  -----END PRIVATE KEY-----\n",
        "env:\n- name: DB_PASSWORD\n  value: hunter{n}",
        "apiToken:\n  - hunter{n}",
        "env:\n- value: hunter{n}\n  name: DB_PASSWORD",
        "url: postgres://me:hunter{n}@db/app",
        "pwd: hunter{n}",
        "args: ['--password', hunter{n}]",
        "args:\n- --db-password\n- hunter{n}",
        "command: run --token hunter{n} now",
        "apiVersion: v1\nkind: Secret\ndata:\n  x: hunter{n}",
        "stringData:\n  x: hunter{n}",
        "tls.key: hunter{n}",
        "'.dockerconfigjson': hunter{n}",
        "Authorization: Basic hunter{n}",
        "aws: AKIAQWERTYUIOPASDF{n}hunter",
    ],
)
def test_no_secret_is_shown(text: str) -> None:
    diff = values_diff(text.format(n=2), text.format(n=3))
    assert diff, "that something changes is shown"
    assert "hunter" not in "\n".join(diff) or "AKIA" in text


def test_changes_are_shown() -> None:
    assert values_diff("a: 1\nb: 2\n", "a: 1\nb: 3\n") == ["-b: 2", "+b: 3"]


def test_it_is_bounded() -> None:
    old, new = ("\n".join(f"key{n}: {value}" for n in range(500)) for value in (1, 2))
    diff = values_diff(old, new)
    assert len(diff) == 31
    assert diff[-1].startswith("... and 9")
    assert values_diff("a" * 300_000, "b" * 300_000) == ["(the values are too large to show what changes)"]
    old, new = ("\n".join(f"k{n % 50}: {n % m}" for n in range(20_000)) for m in (3, 4))
    assert values_diff(old, new) == ["(the values are too large to show what changes)"]
    long = "ab1" * 60_000  # one line, in which every character could begin a secret's name
    assert len(values_diff(f"a: {long}", f"a: {long}2")) == 2
    assert max(map(len, values_diff("a: " + "x" * 5000, "a: y"))) < 200


def test_foreign_control_characters() -> None:
    assert values_diff("a: 1", "a: \x1b[2J") == ["-a: 1", "+a: \\x1b[2J"]
