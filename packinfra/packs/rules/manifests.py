"""Rules about the Kubernetes manifests that pack.json lists."""

from __future__ import annotations

from collections.abc import Iterator

from packinfra.packs.chart import LFS_POINTER, is_lfs_pointer
from packinfra.packs.contents import Contents
from packinfra.packs.rules.rule import KUBERNETES, Rule
from packinfra.packs.violations import RuleViolation
from packinfra.packs.yamltext import List, Node, child, scalar

_NAMESPACED = frozenset((
    "ConfigMap", "ControllerRevision", "CronJob", "DaemonSet", "Deployment", "EndpointSlice", "Endpoints",
    "HorizontalPodAutoscaler", "Ingress", "Job", "Lease", "LimitRange", "NetworkPolicy", "PersistentVolumeClaim", "Pod",
    "PodDisruptionBudget", "PodTemplate", "ReplicaSet", "ReplicationController", "ResourceQuota", "Role", "RoleBinding",
    "Secret", "Service", "ServiceAccount", "StatefulSet",
))  # fmt: skip
"""Of other kinds, only their definitions say whether they are in a namespace."""


def object_without_namespace(contents: Contents) -> str | None:
    """The first object of a listed manifest that lands in the namespace default: "Service in path:line"."""
    for path, text in contents.manifests.items():
        for node in _objects(text.documents):
            kind = scalar(child(node, "kind"))
            if kind in _NAMESPACED and child(node, "metadata", "namespace") is None:
                return f"a {kind} in {path}:{node.line}"
    return None


def _objects(documents: tuple[Node, ...]) -> Iterator[Node]:
    for document in documents:
        items = child(document, "items")
        if (scalar(child(document, "kind")) or "").endswith("List") and isinstance(items, List):
            yield from items.items
        else:
            yield document


def _invalid(contents: Contents) -> Iterator[RuleViolation]:
    for path, text in contents.manifests.items():
        if is_lfs_pointer((contents.files[path].data or b"")[:100]):
            yield RuleViolation("manifest-invalid", LFS_POINTER, path, remedy="git lfs pull")
        elif text.problem and not text.templated and not text.limited:
            yield RuleViolation("manifest-invalid", text.problem, path, text.line)


def _empty(contents: Contents) -> Iterator[RuleViolation]:
    for path, text in contents.manifests.items():
        if not text.problem and not any(scalar(child(node, "kind")) for node in _objects(text.documents)):
            data = contents.files[path].data
            if data is None or b"{{" in data or is_lfs_pointer(data):  # a template may become anything
                continue
            empty = all(child(node) is None for node in text.documents)
            message = "it is empty" if empty else "no object in it has a kind"
            yield RuleViolation("manifest-empty", message, path)


RULES: tuple[Rule, ...] = (
    Rule(
        "manifest-invalid", "error", "a listed manifest is YAML, perhaps with templates",
        "Kubernetes cannot read anything else", "correct the YAML", KUBERNETES, _invalid,
    ),
    Rule(
        "manifest-empty", "warning", "a listed manifest has an object with a kind",
        "kubectl reports an error for a file without objects", "fill it, or remove it from the list", KUBERNETES, _empty,
    ),
)  # fmt: skip
