"""Pulumi, crane, helm, opa, oras, actionlint, registries and the conformance suite for them, built from their Go modules.

Each folder below `tools/` with a `go.mod` pins one program and, in `go.sum`, every byte of its sources. A binary gets its
name in `.tools/bin` when it is complete, and its stamp last. So an interrupted build leaves nothing incomplete, and the
next one continues with Go's build cache.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from tools.steps import StepError, run, say

GO_MINIMUM = (1, 25, 11)
GO_OF_READERS = (1, 26, 7)  # only `make test-readers` needs it
PULUMI_MINIMUM = (3, 219, 0)  # error hooks; ReadResult.inputs, on which drift repair stands, since 3.216
SDK = "github.com/pulumi/pulumi/sdk/v3"
# The programs that the engine starts for Python and dynamic resources; Pulumi's releases have all of them.
HOSTS = ("pulumi-language-python", "pulumi-language-python-exec", "pulumi-resource-pulumi-python")

GET_GO = "Go {} or newer from https://go.dev/dl/ (unpacking it is enough, no root needed: put its bin folder on PATH)"
GET_PULUMI = "Pulumi {} or newer from https://www.pulumi.com/docs/install/ (it brings its Python language host)"

NETWORK = (
    "The Go modules could not be reached. Connect to the network (or, behind a company's proxy or mirror, set "
    "HTTPS_PROXY or GOPROXY as your company requires) and run the same command again: it continues.\n"
    'A shell with `eval "$(make env)"` reaches nothing but the stand-ins: use another one.'
)
REMEDIES = {
    "dial tcp": NETWORK,
    "no such host": NETWORK,
    "connection refused": NETWORK,
    "i/o timeout": NETWORK,
    "proxyconnect": NETWORK,
    "GOPROXY=off": "GOPROXY=off forbids downloads: unset it (also `go env -u GOPROXY`) and run the command again.",
    "x509": "Go does not trust the server's certificate: behind a company's proxy, set SSL_CERT_FILE to its CA.",
    "checksum mismatch": "A download differs from go.sum: do not use it; check GOPROXY, or `go clean -modcache`.",
    "no space left on device": "The disk is full (a first build needs about 4 GB): make room, then run it again.",
}


@dataclass(frozen=True)
class Build:
    module: str  # the folder below tools/ with its go.mod
    package: str
    binary: str
    flags: tuple[str, ...] = ()


# The recipe for the engine is that of its own release build. The language host is a nested module without tags that
# does not build through the module proxy since 3.85: the last sdk that still contains it is 3.78.1, and its protocol
# serves today's engine.
ENGINE = Build("pulumi", "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi", "pulumi", ("-tags", "grpcnotrace osusergo"))
LANGUAGE_HOST = Build("language-python", f"{SDK}/python/cmd/pulumi-language-python", "pulumi-language-python")
CRANE = Build("crane", "github.com/google/go-containerregistry/cmd/crane", "crane")
REGISTRY = Build("registry", "github.com/distribution/distribution/v3/cmd/registry", "registry")
ACTIONLINT = Build("actionlint", "github.com/rhysd/actionlint/cmd/actionlint", "actionlint")
REGISTRY_2 = Build("registry2", ".", "registry2")  # a main of our own around the handlers of distribution 2.8
CONFORMANCE = Build("conformance", "github.com/opencontainers/distribution-spec/conformance", "conformance")
OPA = Build("opa", "github.com/open-policy-agent/opa", "opa")
ORAS = Build("oras", "oras.land/oras/cmd/oras", "oras")
HELM = Build("helm", "helm.sh/helm/v3/cmd/helm", "helm")


def version_of(text: str) -> tuple[int, ...] | None:
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in match.groups()) if match else None


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def go_environment() -> dict[str, str]:
    """The user's environment, so that GOPROXY, GONOSUMDB and proxies work, without variables that change the result."""
    dropped = {"GOOS", "GOARCH", "GOBIN", "GOEXPERIMENT", "GO111MODULE"}
    return {
        **{name: value for name, value in os.environ.items() if name not in dropped},
        "GOTOOLCHAIN": "local",  # never download another Go behind the user's back
        "GOWORK": "off",
        "GOFLAGS": "-mod=readonly",  # not empty: then `go env -w GOFLAGS=...` would count
        "CGO_ENABLED": "0",  # needs no C compiler, not even a broken one (macOS without its developer tools)
    }


def find_go() -> tuple[str, tuple[int, ...]] | None:
    go = shutil.which("go")
    if not go:
        return None
    try:
        # outside of any module: a go.mod must have no effect
        result = subprocess.run(
            [go, "version"], capture_output=True, text=True, env=go_environment(), cwd="/", check=False
        )
    except OSError:  # built for another machine
        return None
    version = version_of(result.stdout.replace("go version", ""))
    return (go, version) if version else None


class GoTools:
    """The programs in `.tools/bin` of one checkout."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.bin = checkout / ".tools" / "bin"

    def ensure_pulumi(self) -> None:
        binaries = [ENGINE.binary, *HOSTS]
        if self._is_current("pulumi", binaries, [ENGINE, LANGUAGE_HOST]):
            return
        reason = self.why_not_from_path()
        if reason is None:
            for name in binaries:  # an outdated build of our own must not hide the user's Pulumi
                (self.bin / name).unlink(missing_ok=True)
            return
        go, go_version = self._go(f"{reason}, and building it needs Go", pulumi_helps=True)
        say(f"{reason}: building it from its Go modules into .tools/bin")
        say("this happens once and takes 2-3 minutes on 2 cores, plus the download of its modules")
        version = self._go_list(go, "{{.Version}}")
        stamp = f"-X {SDK}/go/common/version.Version={version}"
        self._build(go, ENGINE, f"-s -w {stamp}", f"Pulumi engine {version}")
        self._build(go, LANGUAGE_HOST, "-s -w", "Python language host")
        sdk = Path(self._go_list(go, "{{.Dir}}")) / "python"
        self._copy(sdk / "cmd" / "pulumi-language-python-exec")
        self._copy(sdk / "dist" / "pulumi-resource-pulumi-python")
        self._stamp_file("pulumi").write_text(self._expected_stamp([ENGINE, LANGUAGE_HOST], go_version))

    def ensure_crane(self) -> None:
        self._ensure(CRANE, "the tests read the registry back with crane", "under half a minute")

    def ensure_helm(self) -> None:
        self._ensure(HELM, "the tests push to the stand-in with helm", "about a minute")

    def ensure_readers(self) -> None:
        """Not part of `make test`: building opa takes longer than many of its tests."""
        for build, why, usually in (
            (ORAS, "make test-readers pulls files with oras", "under half a minute"),
            (OPA, "make test-readers loads bundles with opa", "two to three minutes"),
        ):
            self._ensure(build, why, usually, GO_OF_READERS)

    def ensure_actionlint(self) -> None:
        self._ensure(ACTIONLINT, "make check reads the CI workflow with actionlint", "under half a minute")

    def ensure_registries(self) -> None:
        self._ensure(REGISTRY, "the tests push to distribution's registry", "one to two minutes")
        self._ensure(REGISTRY_2, "the tests push to distribution 2.8, too", "under half a minute")

    def ensure_conformance(self) -> None:
        self._ensure(CONFORMANCE, "the tests run the distribution specification's conformance suite", "a few seconds")

    def _ensure(self, build: Build, why: str, usually: str, minimum: tuple[int, ...] = GO_MINIMUM) -> None:
        if self._is_current(build.binary, [build.binary], [build], minimum):
            return
        go, version = self._go(f"{why}, and building it needs Go", minimum=minimum)
        say(f"building {build.binary} from its Go module into .tools/bin (once; usually {usually})")
        self._build(go, build, "-s -w", build.binary)
        self._stamp_file(build.binary).write_text(self._expected_stamp([build], version))

    # ---- existing programs

    def _stamp_file(self, name: str) -> Path:
        return self.bin.parent / f"{name}.stamp"

    def _recipe(self, builds: list[Build]) -> str:
        parts = [platform.system(), platform.machine(), repr(builds)]
        for build in builds:
            folder = self.checkout / "tools" / build.module
            parts += [(folder / name).read_text() for name in ("go.mod", "go.sum")]
            parts += [path.read_text() for path in sorted(folder.glob("*.go"))]
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()

    def _expected_stamp(self, builds: list[Build], go: tuple[int, ...]) -> str:
        return f"recipe sha256:{self._recipe(builds)}\ngo {dotted(go)}\n"

    def _is_current(
        self, name: str, binaries: list[str], builds: list[Build], minimum: tuple[int, ...] = GO_MINIMUM
    ) -> bool:
        if not all(os.access(self.bin / binary, os.X_OK) for binary in binaries):
            return False
        try:
            stamp = self._stamp_file(name).read_text()
        except OSError:
            return False
        go = find_go()
        if go is None or go[1] < minimum:  # it can't be built again, so the Go of the build doesn't matter
            return stamp.startswith(f"recipe sha256:{self._recipe(builds)}\n")
        return stamp == self._expected_stamp(builds, go[1])

    def why_not_from_path(self) -> str | None:
        """None if the user's own Pulumi is usable, otherwise the reason why not."""
        # inside `eval "$(make env)"` our own folder is on PATH as well
        folders = [entry for entry in os.get_exec_path() if Path(entry) != self.bin]
        pulumi = shutil.which("pulumi", path=os.pathsep.join(folders))
        if pulumi is None:
            return "pulumi is not on PATH"
        home = {"PULUMI_HOME": str(self.checkout / ".local" / "pulumi-home"), "PULUMI_SKIP_UPDATE_CHECK": "1"}
        try:
            result = subprocess.run(
                [pulumi, "version"], capture_output=True, text=True, env={**os.environ, **home}, timeout=60, check=False
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            return f"{pulumi} does not work ({error})"
        version = version_of(result.stdout)
        if version is None:
            return f"{pulumi} does not print its version"
        if version < PULUMI_MINIMUM:
            return f"{pulumi} is {dotted(version)}, older than {dotted(PULUMI_MINIMUM)}"
        beside = [os.path.dirname(pulumi), os.path.dirname(os.path.realpath(pulumi)), *folders]
        missing = [name for name in HOSTS if not shutil.which(name, path=os.pathsep.join(beside))]
        if missing:
            return f"{pulumi} lacks {', '.join(missing)}"
        say(f"using pulumi {dotted(version)} ({pulumi})")
        return None

    # ---- building

    def _go(
        self, why: str, *, pulumi_helps: bool = False, minimum: tuple[int, ...] = GO_MINIMUM
    ) -> tuple[str, tuple[int, ...]]:
        go = find_go()
        if go and go[1] >= minimum:
            return go
        state = f"{go[0]} is {dotted(go[1])}, too old" if go else "go is not on PATH"
        remedies = [GET_GO.format(dotted(minimum))]
        if pulumi_helps:
            remedies.insert(0, GET_PULUMI.format(dotted(PULUMI_MINIMUM)))
        raise StepError(f"{why}; {state}.\nInstall {', or '.join(remedies)}, then run the same command again.")

    def _folder(self, build: Build) -> Path:
        return self.checkout / "tools" / build.module

    def _build(self, go: str, build: Build, ldflags: str, label: str) -> None:
        self.bin.mkdir(parents=True, exist_ok=True)
        new = self.bin / f".{build.binary}.new"
        flags = ["-trimpath", "-buildvcs=false", *build.flags, "-ldflags", ldflags]
        try:
            run(
                label,
                [go, "build", *flags, "-o", str(new), build.package],
                self.bin.parent / "log" / f"{build.module}.log",
                env=go_environment(),
                cwd=self._folder(build),
                remedies=REMEDIES,
            )
            new.replace(self.bin / build.binary)
        finally:
            new.unlink(missing_ok=True)

    def _copy(self, script: Path) -> None:
        new = self.bin / f".{script.name}.new"
        new.write_bytes(script.read_bytes())  # not copy(): the module cache is read-only, mode included
        new.chmod(0o755)
        new.replace(self.bin / script.name)

    def _go_list(self, go: str, template: str) -> str:
        """A fact about the sdk module that the engine is built with."""
        command = [go, "list", "-m", "-f", template, SDK]
        cwd = self._folder(ENGINE)
        result = subprocess.run(command, capture_output=True, text=True, env=go_environment(), cwd=cwd, check=False)
        if result.returncode or not result.stdout.strip():
            raise StepError(f"{' '.join(command)} failed in {cwd}:\n{result.stderr.strip()}")
        return result.stdout.strip()
