"""Charts, policies and artifacts of both registry components, with Pulumi's mocks: names, inputs, all mistakes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pulumi
import pytest

from packinfra import BasicPackRegistry, EcrPackRegistry
from packinfra.settings import RepositorySettings
from tests.support.artifacts import make_chart_folder, make_files, make_tgz
from tests.support.components import HOST, Recording, declares
from tests.support.packs import make_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A chart, an archived one, policies and files; beside the pack of conftest.py."""
    make_chart_folder(tmp_path / "charts/web")
    archive = make_tgz({"db/Chart.yaml": "apiVersion: v2\nname: db\nversion: 2.0.0\n"})
    return make_files(
        tmp_path,
        {"charts/db-2.0.0.tgz": archive, "charts/README.md": "x", "policy/a.rego": "package a\n", "a.json": "{}"},
    )


ALL: dict[str, Any] = {
    "charts": ["charts/*", {"path": "charts/web", "keepVersions": 3}],
    "policies": [
        {"name": "authz", "version": "1.0.0", "path": "policy"},
        {"name": "authz", "version": "1.1.0", "path": "policy", "format": "conftest", "unpublish": ["0.9.0"]},
    ],
    "artifacts": [
        {"name": "team/cfg", "version": "1", "files": [{"path": "a.json", "mediaType": "application/json"}],
         "artifactType": "application/vnd.acme.cfg", "deleteAdopted": True},
    ],
}  # fmt: skip
PATHS = ["artifacts/team/cfg", "charts/db", "charts/web", "policies/authz"]


def test_ecr(mocks: Recording, folder: Path) -> None:
    settings = RepositorySettings(protect=True, import_repositories=("charts/web",))

    @declares
    def program() -> Any:
        registry = EcrPackRegistry(
            "c", base_path="team", repositories=settings, removed_artifacts=["charts/old"], **ALL
        )
        assert registry.artifacts
        return registry.exports["artifacts"].apply(_check)

    def _check(artifacts: dict[str, Any]) -> None:
        assert artifacts == {
            path: {"repository": f"{HOST}/team/{path}", "versions": {"1.0.0": "sha256:abc"}} for path in PATHS
        }

    program()
    published = {name: inputs for (kind, name), inputs in mocks.declared.items() if kind == "PublishedArtifact"}
    assert published.keys() == {f"c-{path}" for path in PATHS}
    assert published["c-charts/web"]["sources"] == [{"kind": "chart", "path": "charts/web"}]
    assert published["c-charts/web"]["keepVersions"] == 3
    assert [source["kind"] for source in published["c-policies/authz"]["sources"]] == ["opa", "conftest"]
    assert published["c-policies/authz"]["unpublish"] == ["0.9.0"]
    assert published["c-artifacts/team/cfg"]["deleteAdopted"] is True
    for path in PATHS:
        assert mocks.declared["Repository", f"c-{path}@team"]["name"] == f"team/{path}"
        assert published[f"c-{path}"]["repository"] == f"{HOST}/team/{path}"
    names = mocks.declared["PublishedNames", "c"]
    assert names["artifacts"]["policies/authz"] == {"versions": ["1.0.0", "1.1.0"], "unpublish": ["0.9.0"]}
    assert names["removedArtifacts"] == ["charts/old"]
    removal = mocks.declared["RemovalCheck", "c"]["artifacts"]
    assert removal["team/charts/web"] == {"goes": ["sha256:abc"], "stays": []}
    order = list(mocks.declared)
    first = min(order.index(each) for each in order if each[0] in ("Repository", "PublishedArtifact"))
    assert order.index(("PublishedNames", "c")) < first


def test_basic(mocks: Recording, folder: Path) -> None:
    declares(lambda: BasicPackRegistry("b", host="h", base_path="team", **ALL))()
    published = {name: inputs for (kind, name), inputs in mocks.declared.items() if kind == "PublishedArtifact"}
    assert {name: inputs["repository"] for name, inputs in published.items()} == {
        f"b-{path}": f"h/team/{path}" for path in PATHS
    }
    order = list(mocks.declared)
    assert order.index(("PublishedNames", "b")) < order.index(("PublishedArtifact", "b-charts/web"))


def test_without_artifacts_nothing_is_new(mocks: Recording) -> None:
    declares(lambda: EcrPackRegistry("c", base_path="team"))()
    assert "artifacts" not in mocks.declared["PublishedNames", "c"]
    assert "artifacts" not in mocks.declared["RemovalCheck", "c"]
    assert not [kind for kind, _ in mocks.declared if kind == "PublishedArtifact"]


def test_all_mistakes_at_once(mocks: Recording, folder: Path) -> None:
    make_pack(folder / "packs/broken", version="")
    make_chart_folder(folder / "charts/bad", name="Bad")
    make_chart_folder(folder / "again")
    make_files(folder, {"empty.json": ""})
    with pytest.raises(pulumi.RunError) as caught:
        EcrPackRegistry(
            "c", base_path="team", charts=["charts/*", "again", "none/*"], removed_artifacts=["charts/db"],
            policies=[{"name": "p", "version": "1", "path": "missing"}],
            artifacts=[{"name": "a", "version": "1", "files": ["empty.json"]}],
        )  # fmt: skip
    text = str(caught.value)
    for expected in (
        "pack packs/broken",
        'charts: "none/*" matches no chart below',
        'chart charts/bad:\n  Chart.yaml: the name "Bad" cannot be part of a repository\'s name [chart-name]',
        "bundle missing (p 1):\n  missing does not exist [source-missing]",
        "artifact empty.json (a 1):\n  empty.json: it is empty [file-empty]",
        "charts/web 1.0.0 is there 2 times: charts/web, again",
        "charts/db is in removedArtifacts, but charts/db-2.0.0.tgz holds it",
    ):
        assert expected in text, text
    assert not mocks.declared


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"charts": [{"path": "x", "keepVersions": 0}]}, "charts.0.keepVersions: 0 is wrong: at least 1"),
        ({"policies": [{"name": "A", "version": "1", "path": "x"}]}, 'policies.0.name: "A" is wrong: use lower-case'),
        ({"policies": [{"name": "a", "version": 1.0, "path": "x"}]}, "policies.0.version: 1.0 is wrong: write a text"),
        (
            {"policies": [{"name": "a", "version": "1", "path": "x", "format": "rego"}]},
            'policies.0.format: "rego" is wrong',
        ),
        ({"artifacts": [{"name": "a", "version": "1+b"}]}, 'artifacts.0.version: "1+b" is wrong: a version is a tag'),
        ({"artifacts": [{"name": "a", "version": "1", "zzz": 1}]}, "artifacts.0.zzz: no such key"),
        ({"artifacts": [{"name": "a/../b", "version": "1"}]}, 'artifacts.0.name: "a/../b" is wrong'),
        (
            {"removed_artifacts": ["web"]},
            'removedArtifacts.0: "web" is wrong: write its repository below the base path',
        ),
        ({"removed_artifacts": ["spectro-packs/web"]}, 'removedArtifacts.0: "spectro-packs/web" is wrong'),
        (
            {"repositories": RepositorySettings(import_repositories=("charts/no",))},
            "importRepositories: charts/no: no such",
        ),
    ],
)
def test_wrong_arguments(mocks: Recording, change: dict[str, Any], expected: str) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        EcrPackRegistry("c", base_path="team", **change)
    assert expected in str(caught.value)
    assert not mocks.declared


def test_globs(mocks: Recording, folder: Path) -> None:
    """** finds charts, and no subcharts."""
    sub = make_tgz({"sub/Chart.yaml": "name: sub\nversion: 1.0.0\n"})
    make_files(
        folder, {"charts/web/charts/sub-1.0.0.tgz": sub, "charts/web/charts/x/Chart.yaml": "name: x\nversion: 1.0.0\n"}
    )
    declares(lambda: BasicPackRegistry("b", host="h", base_path="team", charts="**"))()
    found = [name for kind, name in mocks.declared if kind == "PublishedArtifact"]
    assert sorted(found) == ["b-charts/db", "b-charts/web"]
