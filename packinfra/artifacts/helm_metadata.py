"""Chart.yaml as `helm push` stores it: the config blob, and the annotations of the manifest.

Helm parses Chart.yaml into a Go struct, cleans its texts, and writes the struct as JSON: so the order of the keys is the
struct's, unknown keys vanish, and values are texts as packinfra/artifacts/yaml_values.py says (helm's chart/metadata.go,
chart/dependency.go, registry/chart.go; facts of Helm 3.16 and 4.3 in docs/fidelity.md).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from packinfra import gojson
from packinfra.artifacts.yaml_values import TOO_MANY, ValueProblemError, mapping, plain_value, scalar_value, text_of
from packinfra.packs.yamltext import List, Map, Node, Scalar

_OCI = "org.opencontainers.image."
TITLE, VERSION, CREATED = f"{_OCI}title", f"{_OCI}version", f"{_OCI}created"
_MOST_VALUES = 100_000
"""Items of all lists, each as often as aliases repeat it."""
_GO_SPACES = re.compile("[\t\n\v\f\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")


@dataclass(frozen=True)
class Reading:
    """A key's value as Helm reads it, where that differs from what is written: a number or boolean that becomes text."""

    key: str
    written: str
    read: str
    line: int


@dataclass(frozen=True)
class Metadata:
    """A Chart.yaml, read.

    values:   what Helm keeps of it, in the order of the config
    readings: unquoted values that Helm reads as another text
    problems: (what is wrong, line) of values that Helm refuses
    """

    values: Mapping[str, Any]
    readings: Sequence[Reading]
    problems: Sequence[tuple[str, int | None]]

    def text(self, key: str) -> str:
        return str(self.values.get(key) or "")

    @property
    def config(self) -> bytes:
        """The config blob."""
        return gojson.encode(self.values)

    def annotations(self, created: str) -> dict[str, str]:
        """The manifest's annotations. Those of Chart.yaml override all but title and version, `created` too."""
        people = self.values.get("maintainers") or ()
        own: Mapping[str, str] = self.values.get("annotations") or {}
        made = {
            f"{_OCI}description": self.text("description"),
            TITLE: self.text("name"),
            VERSION: self.text("version"),
            f"{_OCI}url": self.text("home"),
            CREATED: created,
            f"{_OCI}source": (self.values.get("sources") or [""])[0],
            f"{_OCI}authors": ", ".join(_author(each) for each in people),
        }
        made = {key: value for key, value in made.items() if value.strip()}
        return made | {key: value for key, value in own.items() if key not in (TITLE, VERSION)}


def _author(person: Mapping[str, str]) -> str:
    return person.get("name", "") + (f" ({person['email']})" if person.get("email") else "")


def read_metadata(chart: Node | None, requirements: Node | None = None) -> Metadata:
    """
    chart, requirements: the trees of Chart.yaml and of requirements.yaml, from which Helm takes the dependencies if it
                         is there
    """
    reader = _Reader()
    try:
        keys = mapping(chart)
        if required := mapping(requirements).get("dependencies"):
            keys = {**keys, "dependencies": required}
        values = {key: read(reader, key, keys.get(key)) for key, read in _FIELDS.items()}
    except ValueProblemError as problem:
        return Metadata({}, (), ((problem.problem, problem.line),))
    values["apiVersion"] = values["apiVersion"] or "v1"
    return Metadata({key: value for key, value in values.items() if value}, reader.readings, reader.problems)


class _Reader:
    def __init__(self) -> None:
        self.readings: list[Reading] = []
        self.problems: list[tuple[str, int | None]] = []
        self._left = _MOST_VALUES

    def text(self, key: str, node: Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, Scalar):
            self.problems.append((f"{key} must be a text", node.line))
            return ""
        value = scalar_value(node)
        if value is None:
            return ""
        read = text_of(value)
        if not isinstance(value, str) and read != node.text:
            self.readings.append(Reading(key, node.text, read, node.line))
        return read

    def clean(self, key: str, node: Node | None) -> str:
        """Helm makes a blank of all white space, and drops what isn't printable."""
        return "".join(c for c in _GO_SPACES.sub(" ", self.text(key, node)) if c.isprintable())

    def exact_texts(self, key: str, node: Node | None) -> dict[str, str]:
        texts = {inner: self.text(f"{key}.{inner}", value) for inner, value in self.keys(key, node).items()}
        return dict(sorted(texts.items()))

    def cleans(self, key: str, node: Node | None) -> list[str]:
        return [self.clean(f"{key}[{index}]", item) for index, item in enumerate(self.items(key, node))]

    def flag(self, key: str, node: Node | None) -> bool:
        value = scalar_value(node) if isinstance(node, Scalar) else node
        if value is None or isinstance(value, bool):
            return bool(value)
        self.problems.append((f"{key} must be true or false", node.line if node else None))
        return False

    def anything(self, key: str, node: Node | None) -> list[Any]:
        return [plain_value(item) for item in self.items(key, node)]

    def items(self, key: str, node: Node | None) -> Sequence[Node]:
        if isinstance(node, List):
            self._left -= len(node.items)
            if self._left < 0:
                raise ValueProblemError(TOO_MANY, node.line)
            return node.items
        self._refuse(key, node, "a list")
        return ()

    def keys(self, key: str, node: Node | None) -> Mapping[str, Node]:
        if not isinstance(node, Map):
            self._refuse(key, node, "keys and values")
        return mapping(node)

    def maintainers(self, key: str, node: Node | None) -> list[dict[str, str]]:
        return [
            _filled(
                {field: self.clean(f"{key}[{index}].{field}", keys.get(field)) for field in ("name", "email", "url")}
            )
            for index, keys in self._mappings(key, node)
        ]

    def dependencies(self, key: str, node: Node | None) -> list[dict[str, Any]]:
        dependencies = []
        for index, keys in self._mappings(key, node):
            values = {
                field: read(self, f"{key}[{index}].{field}", keys.get(field)) for field, read in _DEPENDENCY.items()
            }
            dependencies.append({field: value for field, value in values.items() if value or field in _ALWAYS})
        return dependencies

    def _mappings(self, key: str, node: Node | None) -> Iterator[tuple[int, Mapping[str, Node]]]:
        for index, item in enumerate(self.items(key, node)):
            if isinstance(item, Map):
                yield index, mapping(item)
            else:
                self.problems.append((f"{key}[{index}] must have keys and values", item.line))

    def _refuse(self, key: str, node: Node | None, wanted: str) -> None:
        if node is not None and not (isinstance(node, Scalar) and node.null):
            self.problems.append((f"{key} must be {wanted}", node.line))


def _filled(values: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in values.items() if value}


_FIELDS: Mapping[str, Callable[[_Reader, str, Node | None], Any]] = {
    "name": _Reader.clean,
    "home": _Reader.clean,
    "sources": _Reader.cleans,
    "version": _Reader.text,
    "description": _Reader.clean,
    "keywords": _Reader.cleans,
    "maintainers": _Reader.maintainers,
    "icon": _Reader.clean,
    "apiVersion": _Reader.text,
    "condition": _Reader.clean,
    "tags": _Reader.clean,
    "appVersion": _Reader.clean,
    "deprecated": _Reader.flag,
    "annotations": _Reader.exact_texts,
    "kubeVersion": _Reader.clean,
    "dependencies": _Reader.dependencies,
    "type": _Reader.text,
}
"""In the order of the config."""
_DEPENDENCY: Mapping[str, Callable[[_Reader, str, Node | None], Any]] = {
    "name": _Reader.clean,
    "version": _Reader.clean,
    "repository": _Reader.clean,
    "condition": _Reader.clean,
    "tags": _Reader.cleans,
    "enabled": _Reader.flag,
    "import-values": _Reader.anything,
    "alias": _Reader.text,
}
_ALWAYS = ("name", "repository")
"""Keys of a dependency that are written even if they are empty."""
