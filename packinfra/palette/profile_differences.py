"""What differs between two versions of a cluster profile, in words.

    >>> old = ProfileVersion("web", "1.0.0", layers=(Layer("hello", "1.0.0", values="a: 1  # why"),))
    >>> new = ProfileVersion("web", "1.0.0", layers=(Layer("hello", "1.1.0", values="{a: 1}"),))
    >>> differences(old, new)
    ['layer hello: 1.0.0 -> 1.1.0']

Palette returns other things than it was given, none of which is a change:

- values and manifests without blank ends, and their YAML perhaps in another order (terraform-provider-spectrocloud #951);
- sensitive defaults as a row of asterisks (the same, #921);
- tags and variables in any order; what has its default is left out.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from packinfra.palette.profile import Layer, ProfileVersion, Variable, variables_body
from packinfra.palette.responses import is_mask
from packinfra.text import printable, quoted


def differences(old: ProfileVersion, new: ProfileVersion) -> list[str]:
    """What changes from old to new, in words, without values and defaults; empty if nothing that Palette keeps does.

    An empty registry or pack uid, or layer, is not known, and no difference.
    """
    found = [
        f"{what}: {before} -> {after}"
        for what, before, after in (
            ("type", old.type, new.type),
            ("cloud", old.cloud, new.cloud),
            ("description", _description(old), _description(new)),
        )
        if before != after
    ]
    found += [
        f"tag {key}: {_tag(old.tags, key)} -> {_tag(new.tags, key)}"
        for key in sorted({**old.tags, **new.tags})
        if (key in old.tags) != (key in new.tags) or old.tags.get(key) != new.tags.get(key)
    ]
    found += [*_layer_differences(old.layers, new.layers), *_variable_differences(old.variables, new.variables)]
    return [printable(text) for text in found]


def same_text(old: str, new: str) -> bool:
    """Whether two YAML texts say the same: apart from blank ends, comments and the order of keys."""
    if old.strip() == new.strip():
        return True
    before, after = _parsed(old), _parsed(new)
    return before is not None and before == after


def _description(version: ProfileVersion) -> str:
    text = version.description.strip()
    return quoted(text) if text else "none"


def _tag(tags: Mapping[str, str | None], key: str) -> str:
    return "none" if key not in tags else tags[key] or "without a value"


def _layer_differences(old: Sequence[Layer], new: Sequence[Layer]) -> list[str]:
    before, after = {layer.name: layer for layer in old}, {layer.name: layer for layer in new}
    found = [f"layer {name} {layer.version}: removed" for name, layer in before.items() if name not in after]
    found += [f"layer {name} {layer.version}: added" for name, layer in after.items() if name not in before]
    if [name for name in before if name in after] != [name for name in after if name in before]:
        found.append(f"order of the layers: {', '.join(before)} -> {', '.join(after)}")
    for name in (name for name in after if name in before):
        found += [f"layer {name}: {text}" for text in _one_layer(before[name], after[name])]
    return found


def _one_layer(old: Layer, new: Layer) -> list[str]:
    found = [f"{old.version} -> {new.version}"] if old.version != new.version else []
    if old.type != new.type:
        found.append(f"pack type: {old.type} -> {new.type}")
    for what, before, after in (
        ("layer", old.layer, new.layer),
        ("registry", old.registry_uid, new.registry_uid),
        # of another version or registry it is another one anyway
        ("pack", "" if found or old.registry_uid != new.registry_uid else old.pack_uid, new.pack_uid),
    ):
        if before and after and before != after:
            found.append(f"{what}: {before} -> {after}")
    if not same_text(old.values, new.values):
        found.append("its values change")
    before_, after_ = ({each.name: each.content for each in layer.manifests} for layer in (old, new))
    for name in sorted({**before_, **after_}):
        if name not in after_ or name not in before_:
            found.append(f"manifest {name}: {'removed' if name in before_ else 'added'}")
        elif not same_text(before_[name], after_[name]):
            found.append(f"manifest {name} changes")
    return found


def _variable_differences(old: Sequence[Variable], new: Sequence[Variable]) -> list[str]:
    before, after = {each.name: each for each in old}, {each.name: each for each in new}
    found = [f"variable {name}: removed" for name in sorted(before) if name not in after]
    found += [f"variable {name}: added" for name in sorted(after) if name not in before]
    for name in sorted(name for name in after if name in before):
        ours, theirs = variables_body([before[name], after[name]])["variables"]
        masked = [is_mask(each.default) for each in (before[name], after[name]) if each.sensitive]
        for key in sorted({**ours, **theirs}):
            if ours.get(key) != theirs.get(key) and not (key == "defaultValue" and any(masked)):
                found.append(f"variable {name}: {key} changes")
    return found


def _parsed(text: str) -> Any:
    """None if it isn't YAML: a template without quotes, for example."""
    try:
        return [_typed(document) for document in yaml.safe_load_all(text)]
    except (yaml.YAMLError, ValueError, TypeError, RecursionError):  # ValueError: 2001-99-99; TypeError: odd keys
        return None


def _typed(value: Any) -> Any:
    """So that 1 differs from true and "1", but not from 1.0: a server may write numbers its own way."""
    if isinstance(value, dict):
        return {_typed(key): _typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_typed(each) for each in value]
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return type(value).__name__, repr(value)  # repr: nan is not equal to itself


def fingerprint(version: ProfileVersion) -> str:
    """The same for two versions without differences, as long as their uids are the same."""
    variables = [
        {key: value for key, value in body.items() if key != "defaultValue" or not body.get("isSensitive")}
        for body in variables_body(sorted(version.variables, key=lambda each: each.name))["variables"]
    ]
    layers = [
        [
            layer.name, layer.version, layer.type, layer.layer, layer.registry_uid, layer.pack_uid, _canonical(layer.values),
            sorted((each.name, _canonical(each.content)) for each in layer.manifests),
        ]
        for layer in version.layers
    ]  # fmt: skip
    head = [version.type, version.cloud, version.description.strip(), sorted(version.tags.items())]
    return f"sha256:{hashlib.sha256(repr([head, layers, variables]).encode()).hexdigest()}"


def _canonical(text: str) -> Any:
    parsed = _parsed(text)
    return text.strip() if parsed is None else _sorted(parsed)


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return sorted((repr(key), _sorted(each)) for key, each in value.items())
    return [_sorted(each) for each in value] if isinstance(value, list) else value
