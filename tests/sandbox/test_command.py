"""The command line: start, reuse, stop, death, ports, isolation."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.aws import Caller, rejected
from tests.support.sandbox import PYTHON, ROOT, Sandbox, running_sandbox, sandbox_command

pytestmark = pytest.mark.sandbox


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a sandbox, with a name that a shell would split."""
    folder = tmp_path / "a sandbox"
    yield folder
    sandbox_command("stop", "--dir", folder)


def _start(folder: Path, *options: str) -> tuple[int, bool]:
    response = json.loads(sandbox_command("start", "--dir", folder, "--json", *options).stdout)
    assert response["dir"] == str(folder)
    return response["pid"], response["reused"]


def _alive(pid: int) -> bool:
    """Whether it runs, and is not a zombie."""
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def _caller(folder: Path) -> Caller:
    sandbox = Sandbox(folder, 0, **json.loads((folder / "environment.json").read_text()))
    return Caller(sandbox, sandbox.variables["AWS_ACCESS_KEY_ID"], sandbox.variables["AWS_SECRET_ACCESS_KEY"])


def test_says_how_to_use_it() -> None:
    text = sandbox_command().stdout
    for word in ("start", "stop", "status", "env", "behaviour.md"):
        assert word in text


def test_life(folder: Path) -> None:
    begin = time.monotonic()
    pid, reused = _start(folder)
    assert time.monotonic() - begin < 3
    assert (_alive(pid), reused) == (True, False)
    assert _start(folder) == (pid, True)
    assert f"pid {pid}" in sandbox_command("status", "--dir", folder).stdout
    assert stat.S_IMODE((folder / "environment.json").stat().st_mode) == 0o600
    assert f"pid {pid}" in sandbox_command("stop", "--dir", folder).stdout
    assert not _alive(pid)
    assert sorted(path.name for path in folder.iterdir()) == ["proxy.log", "sandbox.log"]
    assert "none was running" in sandbox_command("stop", "--dir", folder).stdout
    stopped = sandbox_command("status", "--dir", folder, check=False)
    assert stopped.returncode == 1
    assert "python -m sandbox start" in stopped.stderr


def test_death_is_noticed(folder: Path) -> None:
    first, _ = _start(folder)
    os.kill(first, signal.SIGKILL)
    while "died" not in (status := sandbox_command("status", "--dir", folder, check=False)).stderr:
        assert status.returncode == 0  # not reaped yet
    second = sandbox_command("start", "--dir", folder)
    assert f"(pid {first}) has died, and its content is gone" in second.stdout
    assert _caller(folder).ecr.describe_repositories()["repositories"] == []


@pytest.mark.parametrize("content", ["", "nonsense", str(os.getpid())], ids=["empty", "nonsense", "reused"])
def test_stale_pid_file(folder: Path, content: str) -> None:
    """The number may belong to another process now, here the tests' own."""
    folder.mkdir()
    (folder / "sandbox.pid").write_text(content)
    assert sandbox_command("status", "--dir", folder, check=False).returncode == 1
    sandbox_command("stop", "--dir", folder)
    (folder / "sandbox.pid").write_text(content)
    pid, reused = _start(folder)
    assert (_alive(pid), reused) == (True, False)


def test_hung_sandbox_is_replaced(folder: Path) -> None:
    first, _ = _start(folder)
    os.kill(first, signal.SIGSTOP)
    second = sandbox_command("start", "--dir", folder)
    assert "does not respond; replacing it" in second.stdout
    assert not _alive(first)


def test_starts_at_the_same_time(folder: Path) -> None:
    command = [str(PYTHON), "-m", "sandbox", "start", "--dir", str(folder), "--json"]
    starts = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    pids = {json.loads(start.communicate(timeout=60)[0])["pid"] for start in starts}
    assert len(pids) == 1
    sandbox_command("stop", "--dir", folder)
    deadline = time.monotonic() + 10
    while (
        str(folder) in subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    ):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("option", ["--proxy-port", "--tls-port"])
def test_taken_port(folder: Path, option: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        failed = sandbox_command("start", "--dir", folder, option, port, check=False)
    assert failed.returncode == 1
    assert f"{option} {port}: Address already in use. Choose another port" in failed.stderr
    assert "Traceback" not in failed.stderr
    _start(folder)


def test_chosen_ports_and_region(folder: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    _start(folder, "--proxy-port", port, "--region", "us-gov-west-1", "--account", "999999999999")
    variables = _caller(folder).sandbox.variables
    assert variables["HTTPS_PROXY"] == f"http://127.0.0.1:{port}"
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-gov-west-1"
    identity = _caller(folder).client("sts", "us-gov-west-1").get_caller_identity()
    assert identity["Account"] == "999999999999"


@pytest.mark.parametrize("options", [["--region", "mars"], ["--account", "12"], ["--proxy-port", "x"]])
def test_bad_options(folder: Path, options: list[str]) -> None:
    failed = sandbox_command("start", "--dir", folder, *options, check=False)
    assert failed.returncode == 2
    assert options[0] in failed.stderr


def test_does_not_hold_the_callers_pipe(folder: Path) -> None:
    """``make up | cat`` ends, and the sandbox is in its own session."""
    command = f'"{PYTHON}" -m sandbox start --json --dir "{folder}" 2>&1 | cat'
    done = subprocess.run(["sh", "-c", command], cwd=ROOT, check=True, capture_output=True, text=True, timeout=20)
    assert os.getsid(json.loads(done.stdout)["pid"]) != os.getsid(0)


def test_env_for_a_shell(folder: Path) -> None:
    _start(folder)
    mine = {"AWS_PROFILE": "mine", "AWS_ENDPOINT_URL": "x", "https_proxy": "http://elsewhere", "SPECTROCLOUD_HOST": "x"}
    user = {**os.environ, **mine, "SPECTROCLOUD_APIKEY": "mine"}
    script = f'eval "$("{PYTHON}" -m sandbox env --dir "{folder}")"; env'
    printed = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env=user, check=True, capture_output=True, text=True
    ).stdout
    shell = dict(line.partition("=")[::2] for line in printed.splitlines())
    assert not set(mine) & set(shell)
    variables = _caller(folder).sandbox.variables
    assert {name: shell[name] for name in variables} == dict(variables)
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        assert Path(variables[name]).read_text() == ""


def test_users_environment_does_not_reach_it(folder: Path) -> None:
    """Neither settings of another ministack nor AWS credentials, which would change its behaviour."""
    command = [str(PYTHON), "-m", "sandbox", "start", "--dir", str(folder)]
    user = {
        **os.environ,
        "AUTH": "false",
        "MINISTACK_ACCOUNT_ID": "1",
        "AWS_ACCESS_KEY_ID": "root",
        "PERSIST_STATE": "1",
    }
    subprocess.run(command, cwd=ROOT, env=user, check=True, capture_output=True, timeout=30)
    stranger = Caller(_caller(folder).sandbox, "root", "any")
    with rejected("UnrecognizedClientException", "InvalidClientTokenId"):
        stranger.ecr.describe_repositories()


def test_two_side_by_side(tmp_path: Path, owner: Caller) -> None:
    with running_sandbox(tmp_path / "other") as other:
        second = Caller(other, other.variables["AWS_ACCESS_KEY_ID"], other.variables["AWS_SECRET_ACCESS_KEY"])
        second.ecr.create_repository(repositoryName="s/only-here")
        with rejected("RepositoryNotFoundException"):
            owner.ecr.describe_repositories(repositoryNames=["s/only-here"])
        with rejected("UnrecognizedClientException", "InvalidClientTokenId"):
            Caller(owner.sandbox, second.access_key, second.secret_key).ecr.describe_repositories()


def test_listens_on_loopback_only(sandbox: Sandbox) -> None:
    """Every listening socket of the process, from the kernel's table."""
    links = [os.readlink(link) for link in Path(f"/proc/{sandbox.pid}/fd").iterdir() if link.is_symlink()]
    inodes = {match[1] for link in links if (match := re.fullmatch(r"socket:\[(\d+)\]", link))}
    rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    listening = [row[1].partition(":")[0] for row in rows if row[9] in inodes and row[3] == "0A"]
    assert listening == ["0100007F"] * 2
    udp = [line.split() for name in ("udp", "udp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]
    assert not [row for row in udp if row[9] in inodes]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/",
        "https://amazonaws.com.example.com/",
        "https://console.spectrocloud.com/",
        "https://api.spectrocloud.com.example.com/",
        "https://api.spectrocloud.com:8443/",
        "https://eu-west-1.amazonaws.com:8443/",
        "http://ecr.eu-west-1.amazonaws.com/?secret=x",
        "http://169.254.169.254/latest/meta-data/",
    ],
)
def test_other_hosts_are_rejected(sandbox: Sandbox, url: str) -> None:  # HOST-3
    proxies = dict.fromkeys(("http", "https"), sandbox.variables["HTTPS_PROXY"])
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.get(url, proxies=proxies, verify=sandbox.ca, timeout=10)
        except requests.exceptions.ProxyError as error:
            assert "403" in str(error)
        else:
            assert response.status_code == 403
    line = (sandbox.dir / "proxy.log").read_text().splitlines()[-1]
    assert line.endswith(" rejected")
    assert url.split("/")[2] in line
    assert "secret" not in line


def test_other_services_do_not_exist(owner: Caller) -> None:  # HOST-2
    with rejected("UnknownOperationException") as messages:
        owner.client("dynamodb").list_tables()
    assert "dynamodb.eu-west-1.amazonaws.com" in messages[0]
