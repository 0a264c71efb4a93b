"""What `docker login`, `podman login`, Kubernetes and CI templates leave in files, and credential helpers of all kinds."""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from packinfra.oci.auth.credential_helper import HelperFailed, ask_helper
from packinfra.oci.auth.credentials import Credentials, CredentialsError, RegistryCredentials
from packinfra.oci.auth.docker_config import DockerLogins, candidates

HOST = "registry.example.com"
TEAM = "team/spectro-packs/archive/hello"
SECRET = "s3cret-of-the-file"


def auth(user: str, password: str) -> str:
    return base64.b64encode(f"{user}:{password}".encode()).decode()


def entry(user: str, password: str = SECRET) -> dict[str, str]:
    return {"auth": auth(user, password)}


class Home:
    """A home folder with Docker's and podman's files, and a folder on PATH with credential helpers."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.programs = folder, folder / "bin"
        self.programs.mkdir()
        self.environment = {"HOME": str(folder), "PATH": f"{self.programs}:{os.environ['PATH']}"}

    def write(self, content: object, path: str = ".docker/config.json") -> str:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content if isinstance(content, str) else json.dumps(content))
        return str(file)

    def helper(self, name: str, body: str) -> None:
        """body: Python, with `server` as it came in"""
        program = self.programs / f"docker-credential-{name}"
        program.write_text(f"#!{sys.executable}\nimport json, os, sys, time\nserver = sys.stdin.read()\n{body}\n")
        program.chmod(0o755)

    def store(self, name: str, known: Mapping[str, tuple[str, str]]) -> None:
        """A helper that knows these servers, and notes what it was asked for."""
        self.helper(
            name,
            f"open({str(self.folder / 'asked')!r}, 'a').write(server + '\\n')\n"
            f"known = {dict(known)!r}\n"
            "if server not in known: print('credentials not found in native keychain'); sys.exit(1)\n"
            "print(json.dumps({'ServerURL': server, 'Username': known[server][0], 'Secret': known[server][1]}))",
        )

    @property
    def asked(self) -> list[str]:
        file = self.folder / "asked"
        return file.read_text().split() if file.exists() else []

    def find(self, repository: str = TEAM, host: str = HOST) -> Credentials | None:
        return DockerLogins(host, self.environment).find(repository)

    def fails(self, repository: str = TEAM) -> str:
        """The message, which holds no secret, on printable lines."""
        with pytest.raises(CredentialsError) as caught:
            self.find(repository)
        message = str(caught.value)
        assert SECRET not in message
        assert all(line.isprintable() for line in message.split("\n"))
        assert message.startswith(f"no credentials for {HOST}: ")
        assert "\n  -> " in message
        assert "PACKINFRA_REGISTRY_USERNAME" in message
        return message


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    home = Home(tmp_path)
    monkeypatch.setenv("PATH", home.environment["PATH"])
    return home


# ---- entries

USED: dict[str, tuple[dict[str, Any], str]] = {
    "auth": ({HOST: entry("me")}, "me"),
    "auth without padding": ({HOST: {"auth": auth("me2", SECRET).rstrip("=")}}, "me2"),
    "auth with NULs, as old Dockers pad it": ({HOST: {"auth": auth("me", f"{SECRET}\0\0")}}, "me"),
    "no auth (kubewarden#1734, Kubernetes secrets)": ({HOST: {"username": "me", "password": SECRET}}, "me"),
    "auth empty (go-containerregistry#555)": ({HOST: {"auth": "", "username": "me", "password": SECRET}}, "me"),
    "an identity token that is empty": ({HOST: {**entry("me"), "identitytoken": ""}}, "me"),
    "fields in other letter case": ({HOST: {"Username": "me", "Password": SECRET}}, "me"),
    "auth wins over user name and password": ({HOST: {**entry("me"), "username": "x", "password": "y"}}, "me"),
    "a host in other letter case": ({"Registry.Example.COM": entry("me")}, "me"),
    "a scheme": ({f"https://{HOST}": entry("me")}, "me"),
    "a scheme and Docker's old path": ({f"https://{HOST}/v1/": entry("me")}, "me"),
    "Docker's old path": ({f"{HOST}/v2/": entry("me")}, "me"),
    "a scheme and a path: the host alone, as Docker": ({f"https://{HOST}/other": entry("me")}, "me"),
    "the default port": ({f"{HOST}:443": entry("me")}, "me"),
    "a stranger's empty entry (kaniko#670)": ({HOST: entry("me"), "other.example.com": {"auth": ""}}, "me"),
    "a stranger's broken entries": ({"a": "x", "b": {"auth": "%"}, "c": 1, "": [], HOST: entry("me")}, "me"),
    "an empty entry beside ours": ({f"https://{HOST}": {}, HOST: entry("me")}, "me"),
    "spelled as the host": ({f"{HOST}:443": entry("other"), HOST: entry("me")}, "me"),
    "the longest path (skopeo#773)": ({HOST: entry("x"), f"{HOST}/a": entry("a"), f"{HOST}/team": entry("me")}, "me"),
    "a longer path": ({f"{HOST}/team": entry("x"), f"{HOST}/team/spectro-packs": entry("me")}, "me"),
    "the whole repository": ({f"{HOST}/{TEAM}": entry("me"), f"{HOST}/team": entry("x")}, "me"),
    "a path with a slash at its end": ({f"{HOST}/team/": entry("me")}, "me"),
    "a broken entry of another path": ({f"{HOST}/a": {"auth": "%"}, HOST: entry("me")}, "me"),
}  # fmt: skip


@pytest.mark.parametrize("case", USED)
def test_entries_that_are_used(home: Home, case: str) -> None:
    entries, user = USED[case]
    file = home.write({"auths": entries})
    found = home.find()
    assert found == Credentials(user, SECRET)
    assert found
    assert file in found.source
    assert SECRET not in repr(found)


NOBODY: dict[str, Any] = {
    "no file": None,
    "an empty file": "",
    "an empty object": {},
    "no entries": {"auths": None, "credHelpers": {}, "credsStore": ""},
    "an empty entry, as Docker writes beside credsStore": {"auths": {HOST: {}}},
    "an entry that is null": {"auths": {HOST: None}},
    "another host": {"auths": {"example.com": entry("x"), f"x{HOST}": entry("x"), f"{HOST}.evil": entry("x")}},
    "another port": {"auths": {f"{HOST}:5000": entry("x")}},
    "another path": {"auths": {f"{HOST}/a": entry("x")}},
    "a path that only begins alike": {"auths": {f"{HOST}/tea": entry("x"), f"{HOST}/{TEAM}-2": entry("x")}},
}


@pytest.mark.parametrize("case", NOBODY)
def test_files_without_a_login_for_us(home: Home, case: str) -> None:
    if NOBODY[case] is not None:
        home.write(NOBODY[case])
    assert home.find() is None


BROKEN: dict[str, tuple[Any, str]] = {
    "no JSON": ('{"auths": {' + SECRET, "is not JSON (line 1)"),
    "a list": ([SECRET], "is not a Docker config"),
    "nested without end": ("[" * 100_000, "is not a Docker config"),
    "not UTF-8": ("\udcff", "is not a Docker config"),
    "auths is a list": ({"auths": [SECRET]}, "auths in "),
    "an entry is text": ({"auths": {HOST: SECRET}}, f'auths entry "{HOST}" in '),
    "no colon": ({"auths": {HOST: {"auth": "bm8tY29sb24="}}}, "is not the base64 of USER:PASSWORD"),
    "no user": ({"auths": {HOST: {"auth": auth("", SECRET)}}}, "is not the base64 of USER:PASSWORD"),
    "no base64": ({"auths": {HOST: {"auth": f"!{SECRET}"}}}, "is not the base64 of USER:PASSWORD"),
    "no text in it": ({"auths": {HOST: {"auth": "gICA"}}}, "is not the base64 of USER:PASSWORD"),
    "a number": ({"auths": {HOST: {"username": "me", "password": 12345}}}, "holds something else than text"),
    "no password": ({"auths": {HOST: {"username": "me"}}}, "has no password"),
    "a password alone": ({"auths": {HOST: {"password": SECRET}}}, "has no user name"),
    "a registry token": ({"auths": {HOST: {"registrytoken": SECRET}}}, "which can't be renewed"),
    "an escape in the key": ({"auths": {f"https://{HOST}/\x1b[2J": {"auth": "%"}}}, r"/\x1b[2J"),
    "our path's entry": ({"auths": {HOST: entry("x"), f"{HOST}/team": {"auth": "%"}}}, f'"{HOST}/team"'),
    "a helper without a name": ({"credHelpers": {HOST: 1}}, f"credHelpers: {HOST} in "),
    "a helper elsewhere": ({"credsStore": "../../evil"}, "has a name that no program has"),
    "a helper with an escape": ({"credsStore": "a\x1b[2J"}, r"docker-credential-a\x1b[2J"),
    "credHelpers is text": ({"credHelpers": SECRET}, "credHelpers in "),
}


@pytest.mark.parametrize("case", BROKEN)
def test_a_login_that_is_there_but_unusable(home: Home, case: str) -> None:
    content, message = BROKEN[case]
    if content == "\udcff":
        file = home.write("")
        Path(file).write_bytes(b"\xff")
    else:
        file = home.write(content)
    text = home.fails()
    assert message in text
    assert file in text


def test_a_file_that_must_not_be_read(home: Home) -> None:
    (home.folder / ".docker/config.json").mkdir(parents=True)
    assert "config.json can't be read: Is a directory" in home.fails()


def test_identity_tokens(home: Home) -> None:
    """`az acr login` writes one beside an auth that is of no use."""
    home.write({"auths": {HOST: {**entry("00000000-0000-0000-0000-000000000000", ""), "identitytoken": SECRET}}})
    assert home.find() == Credentials("", "", SECRET)
    home.write({"credsStore": "all"})
    home.store("all", {HOST: ("<token>", SECRET)})
    assert home.find() == Credentials("", "", SECRET)


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
def test_docker_hub_has_names_of_its_own(home: Home, host: str) -> None:
    home.write({"auths": {"https://index.docker.io/v1/": entry("me")}})
    assert home.find(host=host) == Credentials("me", SECRET)
    home.write({"credsStore": "all"})
    home.store("all", {"https://index.docker.io/v1/": ("hub", SECRET)})
    assert home.find(host=host) == Credentials("hub", SECRET)


# ---- files


def test_the_order_of_files(home: Home) -> None:
    """Each may have a login for another host; the first that has ours counts."""
    environment = home.environment | {
        "DOCKER_CONFIG": f"{home.folder}/ci", "REGISTRY_AUTH_FILE": f"{home.folder}/auth.json",
        "XDG_RUNTIME_DIR": f"{home.folder}/run",
    }  # fmt: skip
    files = ["ci/config.json", "auth.json", "run/containers/auth.json", ".config/containers/auth.json"]
    assert candidates(environment) == [f"{home.folder}/{file}" for file in files]
    assert candidates(home.environment) == [
        f"{home.folder}/.docker/config.json", f"{home.folder}/.config/containers/auth.json"
    ]  # fmt: skip
    home.environment = environment
    for number, file in reversed([*enumerate(files)]):
        home.write({"auths": {HOST: entry(f"user{number}")}}, file)
        assert home.find() == Credentials(f"user{number}", SECRET)
    home.write({"auths": {"other.example.com": entry("x")}}, files[0])
    home.write("{", files[2])
    assert home.find() == Credentials("user1", SECRET), "a file that isn't needed isn't read"
    home.write("{", files[0])
    assert f"{files[0]} is not JSON" in home.fails()


# ---- helpers


def test_helpers_come_before_entries(home: Home) -> None:
    config = {"auths": {HOST: entry("file")}, "credsStore": "all"}
    home.write(config)
    home.store("all", {HOST: ("store", SECRET)})
    home.store("one", {HOST: ("helper", SECRET)})
    assert home.find() == Credentials("store", SECRET)
    home.write({**config, "credHelpers": {HOST: "one"}})
    found = home.find()
    assert found == Credentials("helper", SECRET)
    assert found
    assert f"docker-credential-one (credHelpers: {HOST} in {home.folder}/.docker/config.json)" in found.source
    home.store("all", {})
    home.write(config)
    assert home.find() == Credentials("file", SECRET), "the store has none"


def test_a_helper_for_a_path_and_for_another_host(home: Home) -> None:
    home.write({"credHelpers": {f"{HOST}/team": "team", HOST: "host", "other.example.com": "broken"}})
    for name in ("team", "host"):
        home.store(name, {HOST: (name, SECRET)})
    assert home.find() == Credentials("team", SECRET)
    assert home.find("another/pack") == Credentials("host", SECRET)


def test_a_helper_is_asked_once_for_all_repositories(home: Home) -> None:
    home.write({"credsStore": "all"})
    home.store("all", {HOST: ("me", SECRET)})
    login = RegistryCredentials(HOST, environment=home.environment)
    first = login.get("a")
    assert first == login.get("b") == login.get("a") == Credentials("me", SECRET)
    assert home.asked == [HOST]
    home.store("all", {HOST: ("me", "renewed")})
    assert login.get("b") == first
    assert login.get("a", rejected=first) == login.get("b", rejected=first) == Credentials("me", "renewed")
    assert home.asked == [HOST] * 2


FAILURES: dict[str, tuple[str, str]] = {
    "says why": ("print('no network today'); sys.exit(1)", "failed: no network today"),
    "says why on stderr": ("sys.stderr.write('no \\x1b[31mnetwork'); sys.exit(3)", r"failed: no \x1b[31mnetwork"),
    "speaks of secrets": (
        "print('The name org.freedesktop.secrets was not provided'); sys.exit(1)",
        "failed: The name org.freedesktop.secrets",
    ),
    "says nothing": ("sys.exit(3)", "failed: exit code 3"),
    "dies": ("os.kill(os.getpid(), 9)", "failed: exit code -9"),
    "fails, and prints the secret": (f"print({json.dumps({'Secret': SECRET})!r}); sys.exit(1)", "failed: exit code 1"),
    "prints no JSON": (f"print('password: {SECRET}')", "printed something else than the JSON of a credential helper"),
    "prints a warning before": (f"print('update me'); print({json.dumps({'Secret': SECRET})!r})", "printed something"),
    "prints a list": ("print('[]')", "printed something else"),
    "prints no secret": ("print(json.dumps({'Username': 'me'}))", "printed something else"),
    "prints a number": ("print(json.dumps({'Username': 'me', 'Secret': 1}))", "printed something else"),
    "prints nothing": ("", "printed something else"),
    "prints bytes": ("sys.stdout.buffer.write(bytes(range(256)))", "printed something else"),
    "prints without end": ("while True: print('x' * 10_000)", "printed more than 64 KiB"),
    "warns without end": ("while True: sys.stderr.write('x' * 10_000)", "printed more than 64 KiB"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_helper_that_fails(home: Home, case: str) -> None:
    body, message = FAILURES[case]
    home.helper("bad", body)
    file = home.write({"credsStore": "bad", "auths": {HOST: entry("x")}})
    text = home.fails()
    assert f"the credential helper docker-credential-bad (credsStore in {file}) {message}" in text
    assert f"echo {HOST} | docker-credential-bad get" in text


def test_a_helper_that_is_not_installed_or_no_program(home: Home) -> None:
    home.write({"credsStore": "absent"})
    assert "docker-credential-absent (credsStore in " in home.fails()
    assert "install docker-credential-absent" in home.fails()
    program = home.programs / "docker-credential-absent"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    assert "can't be started: Exec format error" in home.fails()


def test_a_helper_that_warns_and_works(home: Home) -> None:
    home.helper("chatty", "sys.stderr.write('deprecated\\n'); print(json.dumps({'Username': 'me', 'Secret': 's'}))")
    assert ask_helper("chatty", HOST) == ("me", "s")


def test_a_helper_that_reads_nothing(home: Home) -> None:
    program = home.programs / "docker-credential-deaf"
    program.write_text('#!/bin/sh\nexec 0<&-\necho \'{"Username": "me", "Secret": "s"}\'\n')
    program.chmod(0o755)
    assert ask_helper("deaf", HOST) == ("me", "s")


def test_a_helper_that_hangs_is_ended_with_its_children(home: Home) -> None:
    pid = home.folder / "pid"
    program = home.programs / "docker-credential-hangs"
    program.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {pid}.new\nmv {pid}.new {pid}\nwait\n")
    program.chmod(0o755)
    now = [0.0]

    def clock() -> float:
        """Time passes only when the child is there."""
        now[0] += 100.0 if pid.exists() else 0.0
        return now[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "monotonic", clock)
        with pytest.raises(HelperFailed, match="took longer than 30 s"):
            ask_helper("hangs", HOST)
    assert _ends(int(pid.read_text()))


def test_a_helper_that_leaves_an_agent_behind(home: Home) -> None:
    """As gpg-agent, which keeps the pipes open: the response is there when the helper ends."""
    pid = home.folder / "pid"
    program = home.programs / "docker-credential-pass"
    program.write_text(f'#!/bin/sh\nsleep 600 &\necho $! > {pid}\necho \'{{"Username": "me", "Secret": "s"}}\'\n')
    program.chmod(0o755)
    try:
        assert ask_helper("pass", HOST) == ("me", "s")
    finally:
        os.kill(int(pid.read_text()), 9)


def _ends(pid: int) -> bool:
    """A process whose parent is gone may be a zombie for a moment, until init reaps it."""
    for _ in range(1000):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False
