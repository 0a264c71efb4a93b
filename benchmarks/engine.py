"""The real Pulumi engine with packs, compared with the same resources that do nothing."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import yaml

from benchmarks import floor
from benchmarks.measure import Cost, interleaved, run
from benchmarks.publish import ROOT, counted
from benchmarks.results import Case
from tests.support.registry import RealRegistry, real_registry
from tests.support.sandbox import running_sandbox
from tools.workspace import Workspace

OURS, EMPTY, BARE = "packinfra", "empty resources", "repositories only"
STEPS = ("preview", "first up", "no-op up", "one changed", "refresh", "destroy")
STACK = "bench"
NOTES = """\
Engine: real Pulumi, state in a folder. "empty resources" are the same resources with dynamic ones that do nothing in \
place of packs; "repositories only" are the same AWS resources without packs. up, refresh and destroy without preview.
Basic: distribution's registry. ECR: the sandbox without ECR's pace, whose stand-in for Pulumi's AWS plugin takes most \
of the time. State is that of the whole stack after the first up, divided by its packs. CPU of processes that the \
engine kills is what was last seen of it.
Ways of a first up: "without checkpoints" is PULUMI_EXPERIMENTAL=1 PULUMI_SKIP_CHECKPOINTS=true. "two stacks" are half \
of the packs each, as in examples/split, one after the other."""


class Stack:
    """A project of its own. program: the text of __main__.py; config: of the stack file."""

    def __init__(self, folder: Path, sandbox: Path, program: str, config: Mapping[str, object]) -> None:
        self._workspace = Workspace(ROOT, folder / "project", folder / "local", sandbox, STACK)
        self.project = folder / "project"
        self.flags: Sequence[str] = ()  # of `pulumi up`
        self.variables: Mapping[str, str] = {}
        (self.project / "stacks").mkdir(parents=True)
        (self.project / ".venv").symlink_to(ROOT / ".venv")
        described = yaml.safe_load((ROOT / "Pulumi.yaml").read_text())
        del described["config"]  # the floor has other keys
        (self.project / "Pulumi.yaml").write_text(yaml.safe_dump(described))
        (self.project / "__main__.py").write_text(program)
        self._config = self.project / "stacks" / f"Pulumi.{STACK}.yaml"
        self._config.write_text(yaml.safe_dump({"config": dict(config)}))
        (self.project / floor.TEXT).write_text("")
        self._workspace.install_plugin()
        self._workspace.select_stack()

    def pulumi(self, *arguments: str) -> Cost:
        environment = {**self._workspace.environment(), **self.variables}
        pulumi = shutil.which("pulumi", path=environment["PATH"])
        command = [str(pulumi), *arguments, "--stack", STACK, "--non-interactive"]
        return run(command, cwd=self.project, env=environment)

    def step(self, name: str) -> Cost:
        match name:
            case "preview":
                return self.pulumi("preview")
            case "refresh" | "destroy":
                return self.pulumi(name, "--yes", "--skip-preview")
            case _:
                return self.pulumi("up", "--yes", "--skip-preview", *self.flags)

    def change(self, version: str) -> None:
        """The first pack gets another version; of the empty resources, the first another input."""
        (self.project / floor.TEXT).write_text(version)
        metadata = self.project / "packs" / "pack-0000" / "pack.json"
        if metadata.exists():
            text = json.dumps(json.loads(metadata.read_text()) | {"version": version}, indent=2)
            metadata.unlink()  # a link into the folder that all projects share
            metadata.write_text(text)

    def move(self, base_path: str) -> None:
        """To where nothing was published yet."""
        described = yaml.safe_load(self._config.read_text())
        if where := described["config"].get("packinfra:registry"):
            where["basePath"] = base_path
            self._config.write_text(yaml.safe_dump(described))

    def state(self) -> Path:
        return next((self._workspace.local / "state" / ".pulumi" / "stacks").glob(f"*/{STACK}.json"))

    def kinds(self) -> Counter[str]:
        """The number of resources of each kind; dynamic ones count as one kind, components as another."""
        resources = json.loads(self.state().read_text())["checkpoint"]["latest"]["resources"]
        types = [str(resource["type"]) for resource in resources]
        return Counter("dynamic" if "dynamic" in t else "component" if ":index:" in t else t for t in types)

    def close(self) -> None:
        self._workspace.end_orphans()


def basic(folder: Path, packs: Sequence[Path], rounds: int) -> list[Case]:
    """Without AWS: a Basic registry's packs, against as many empty resources."""
    with _running(folder) as (sandbox, stack), real_registry(folder / "registry", tls=False) as registry:
        where = {"kind": "basic", "host": registry.host, "plainHttp": True}
        stacks = {
            OURS: _packinfra(folder / OURS, sandbox, packs, {"packinfra:registry": where}),
            EMPTY: _floor(folder / EMPTY, sandbox, len(packs), "", empty=True),
        }
        for made in stacks.values():
            stack.callback(made.close)
        return _cases("engine, Basic", stacks, len(packs), rounds, registry)


def ecr(folder: Path, packs: Sequence[Path], rounds: int, *, empty: bool) -> list[Case]:
    """With the repositories of ECR, in the sandbox, against the same without packs and, if wanted, with empty
    resources."""
    with _running(folder) as (sandbox, stack):
        aws = {"aws:region": "eu-west-1", "aws:allowedAccountIds": ["123456789012"]}
        where = {"kind": "ecr"}
        stacks = {
            OURS: _packinfra(folder / OURS, sandbox, packs, {**aws, "packinfra:registry": where}),
            BARE: _floor(folder / BARE, sandbox, len(packs), "bare", empty=False, **aws),
        }
        if empty:
            stacks[EMPTY] = _floor(folder / EMPTY, sandbox, len(packs), "empty", empty=True, **aws)
        for made in stacks.values():
            stack.callback(made.close)
        return _cases("engine, ECR", stacks, len(packs), rounds)


def advice(folder: Path, packs: Sequence[Path], rounds: int) -> Case:
    """A first up with settings of the engine, or with more than one stack."""
    with _running(folder) as (sandbox, stack), real_registry(folder / "registry", tls=False) as registry:
        config = {"packinfra:registry": {"kind": "basic", "host": registry.host, "plainHttp": True}}

        def made(name: str, packs: Sequence[Path]) -> Stack:
            made = _packinfra(folder / name, sandbox, packs, config)
            stack.callback(made.close)
            return made

        half = len(packs) // 2
        ways = {
            "one stack": [made("one", packs)],
            "--parallel 4": [made("parallel-4", packs)],
            "--parallel 64": [made("parallel-64", packs)],
            "without checkpoints": [made("checkpoints", packs)],
            "two stacks": [made("first", packs[:half]), made("second", packs[half:])],
        }
        ways["--parallel 4"][0].flags = ("--parallel", "4")
        ways["--parallel 64"][0].flags = ("--parallel", "64")
        ways["without checkpoints"][0].variables = {"PULUMI_EXPERIMENTAL": "1", "PULUMI_SKIP_CHECKPOINTS": "true"}

        def first_up(way: str, number: int) -> dict[str, float]:
            costs = []
            for each, project in enumerate(ways[way]):
                project.move(f"{way.replace(' ', '-').strip('-')}-{number}-{each}")
                costs.append(project.step("first up"))
                project.step("destroy")
            wall, cpu = sum(cost.wall for cost in costs), sum(cost.cpu for cost in costs)
            return {"wall": wall, "cpu": cpu, "peak": max(cost.peak for cost in costs)}

        figures = interleaved({way: partial(first_up, way) for way in ways}, rounds)
    return Case("ways of a first up, Basic", counted(len(packs)), figures, size=len(packs))


@contextmanager
def _running(folder: Path) -> Iterator[tuple[Path, ExitStack]]:
    """A sandbox, in which no engine outlives a run; and the folder's end."""
    with ExitStack() as stack:
        folder.mkdir()
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        sandbox = stack.enter_context(running_sandbox(folder / "sandbox", "--put-image-rate", "0"))
        yield sandbox.dir, stack


def _packinfra(folder: Path, sandbox: Path, packs: Sequence[Path], config: Mapping[str, object]) -> Stack:
    stack = Stack(folder, sandbox, (ROOT / "__main__.py").read_text(), {**config, "packinfra:packs": ["packs/*"]})
    for pack in packs:  # links, since they are many; a hard link is a file like any other
        shutil.copytree(pack, stack.project / "packs" / pack.name, copy_function=os.link)
    return stack


def _floor(folder: Path, sandbox: Path, count: int, base: str, *, empty: bool, **config: object) -> Stack:
    program = "from benchmarks.floor import declare\n\ndeclare()\n"
    params = {"bench:packs": str(count), "bench:base": base, "bench:empty": str(empty).lower()}
    return Stack(folder, sandbox, program, {**config, **params})


def _cases(
    section: str, stacks: Mapping[str, Stack], count: int, rounds: int, registry: RealRegistry | None = None
) -> list[Case]:
    by_step: dict[str, dict[str, list[dict[str, float]]]] = {step: {way: [] for way in stacks} for step in STEPS}
    for number in range(rounds):
        for stack in stacks.values():
            stack.move(f"bench-{number}")
            stack.change("1.0.0")
        for step in STEPS:
            for way, stack in stacks.items():
                if step == "one changed":
                    stack.change("1.0.1")
                before = len(registry.requests) if registry else 0
                figures = stack.step(step).figures()
                if registry:
                    figures["requests"] = len(registry.requests) - before
                if step == "first up":
                    figures["state"] = stack.state().stat().st_size / 1000 / count
                by_step[step][way].append(figures)
            if step == "first up":
                _same_resources(stacks)
    return [Case(section, f"{step}, {counted(count)}", ways, size=count) for step, ways in by_step.items()]


def _same_resources(stacks: Mapping[str, Stack]) -> None:
    """The floor would be none if it had other resources than ours."""
    ours = stacks[OURS].kinds()
    if empty := stacks.get(EMPTY):
        assert empty.kinds() == ours, (ours, empty.kinds())
    if bare := stacks.get(BARE):
        del ours["dynamic"]
        del ours["pulumi:providers:pulumi-python"]
        assert bare.kinds() == ours, (ours, bare.kinds())
