"""The rules for charts, policies and files, one entry each; docs/artifacts.md has them as a table."""

from __future__ import annotations

from packinfra.packs.rules.rule import HELM, Problem, Rule
from packinfra.text import printable

_OPA = "OPA documentation, Bundles; OPA 1.22"
_CONFTEST = "conftest 0.71"
_ORAS = "ORAS 1.0 and 1.3"
_ECR = "Amazon ECR, seen in public threads"
_SPEC = "OCI distribution and image specifications 1.1"

RULES: tuple[Rule, ...] = (
    Rule("source-missing", "error", "the folder or file exists", "there is nothing to publish", "correct the path", ""),
    Rule(
        "file-unusable", "error", "files can be read, are regular, and have names in UTF-8 without control characters",
        "other programs could read something else", "rename or remove the file", _SPEC,
    ),
    Rule(
        "lfs-pointer", "error", "files are no Git LFS pointers", "the pointer would be published instead of the file",
        "git lfs pull", "Git LFS documentation",
    ),
    Rule(
        "link-leaves-folder", "error", "no link leads out of the folder",
        "it could publish a private file; Helm only logs that it follows it", "copy the target into the folder", HELM,
    ),
    Rule("link-inside", "warning", "files are no links", "their targets are published as copies", "replace the link", HELM),
    Rule(
        "chart-invalid", "error", "Chart.yaml is there and has the values that Helm expects", "Helm refuses the chart",
        "correct Chart.yaml", HELM,
    ),
    Rule(
        "chart-name", "error", "a chart's name can be the last part of a repository's name",
        "helm push puts the chart there", "use lower-case letters and digits, with single . _ - between them", HELM,
    ),
    Rule(
        "chart-version", "error", "a chart's version is a semantic version and fits into a tag of 128 characters",
        "Helm refuses the chart", "write it as 1.2.3", HELM,
    ),
    Rule(
        "chart-version-not-strict", "warning", "a chart's version has three numbers and no leading v or zeros",
        "no version constraint, nor `latest`, will ever find it: Helm lists tags by strict SemVer", "write it as 1.2.3", HELM,
    ),
    Rule(
        "chart-value-not-text", "warning", "numbers and booleans in Chart.yaml are in quotes where Helm wants text",
        "YAML makes another text of them", "quote the value", HELM,
    ),
    Rule(
        "chart-dependency-missing", "error", "every dependency in Chart.yaml is in charts/", "helm package refuses it",
        "run helm dependency build", HELM,
    ),
    Rule(
        "chart-subchart-invalid", "error", "charts/ contains only charts", "helm package refuses other files there",
        "move the file out of charts/, or name it in .helmignore", HELM,
    ),
    Rule(
        "chart-ignore-invalid", "error", "the patterns in .helmignore are those that Helm knows", "Helm refuses the file",
        "correct the pattern: * stops at a /, and there is no **", HELM,
    ),
    Rule(
        "chart-large", "error", "no file in a chart is larger than 5 MiB, and all together have at most 100 MiB",
        "Helm does not unpack it", "name what isn't needed in .helmignore", HELM,
    ),
    Rule(
        "chart-archive-unreadable", "error", "a chart's archive is a gzip tar archive with `<chart>/Chart.yaml`",
        "Helm can install nothing else", "create it again with helm package", HELM,
    ),
    Rule(
        "chart-provenance", "error", "a .prov file belongs to an archive, and names its sha256",
        "helm pull --verify would fail", "sign again (helm package --sign), and publish the .tgz, not the folder", HELM,
    ),
    Rule(
        "bundle-unreadable", "error", "a bundle's archive is a gzip tar archive", "OPA reads nothing else",
        "create it with opa build, or name the folder", _OPA,
    ),
    Rule(
        "bundle-empty", "error", "a bundle contains policies (.rego, policy.wasm, plan.json) or data (data.json, data.yaml)",
        "OPA would load nothing", "name the folder that has them", _OPA,
    ),
    Rule("bundle-manifests", "error", "a bundle has at most one .manifest", "OPA refuses it", "keep the one at the top", _OPA),
    Rule(
        "bundle-file", "error", "a bundle's policies are not empty; its data and .manifest are JSON or YAML, objects at the top",
        "OPA refuses the whole bundle", "correct the file", _OPA,
    ),
    Rule(
        "policy-empty", "error", "a policy folder contains .rego files, and none of its files is empty",
        "conftest push refuses it", "remove the empty file, or name the folder with the policies", _CONFTEST,
    ),
    Rule(
        "version-no-tag", "error", "a version can be a tag: letters, digits, _ . -, not first . or -, at most 128",
        "a registry takes nothing else", "write it without other characters", _SPEC,
    ),
    Rule(
        "file-title", "error", "titles are relative paths without .., and each is there once",
        "oras pull refuses the others", "give the file another title", _ORAS,
    ),
    Rule(
        "file-empty", "warning", "no file is empty", "ECR refuses empty blobs, so there it is an error",
        "write something into it, or leave it out", _ECR,
    ),
    Rule(
        "media-type", "error", "media types and artifactType are `type/subtype` of RFC 6838", "registries refuse others",
        "write for example application/json", "RFC 6838",
    ),
    Rule(
        "artifact-shape", "error", "imageSpec, config, artifactType and files fit together",
        "image-spec 1.1 demands artifactType with an empty config; 1.0 has no artifactType beside a config, and no artifact "
        "without files that ECR takes", "see docs/artifacts.md, Files", _SPEC,
    ),
)  # fmt: skip
_BY_ID = {rule.id: rule for rule in RULES}


def problem(
    rule: str, message: str, file: str | None = None, line: int | None = None, *, remedy: str | None = None
) -> Problem:
    found = _BY_ID[rule]
    assert found.severity != "off"  # noqa: S101 - for the type checker
    return Problem(rule, found.severity, printable(message), printable(remedy or found.remedy), file, line)
