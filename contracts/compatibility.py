"""What may change within a version: only what neither side has to know of.

Old and new workers run side by side, and producers and consumers in other languages hold the old schema. So a change
must hold in both directions: what a new process writes an old one reads, and the other way round. Whatever is not
known to be harmless is refused: also a keyword that this module has never heard of.
"""

import json
from collections.abc import Iterator
from typing import Any

from contracts.schema import STREAM_KEYWORD, SUBJECT_KEYWORD, Schema

_HARMLESS = frozenset({"title", "description", "examples", "$comment", "deprecated", "$defs", "definitions"})
_SUBSCHEMAS = frozenset(
    {"additionalProperties", "contains", "else", "if", "items", "not", "propertyNames", "then"}
    | {"unevaluatedItems", "unevaluatedProperties"}
)
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_MAPS = frozenset({"dependentSchemas", "patternProperties", "properties"})
_UNORDERED = frozenset({"enum", "required", "type"})
_RESTRICTING = frozenset(
    {"additionalProperties", "patternProperties", "propertyNames", "unevaluatedProperties", "dependentSchemas"}
    | {"$ref", "allOf", "anyOf", "oneOf", "not", "if"}
)
"""Where one of these stands, a property that nobody described may still be forbidden or described."""
_INTO = {"items": "[*]", "additionalProperties": ".*"}
_CALLED = {SUBJECT_KEYWORD: "subject", STREAM_KEYWORD: "stream"}

_Node = Schema | bool


class SchemaError(ValueError):
    """A document that is no JSON Schema, or that refers to a place in itself which isn't there."""


def incompatibilities(old: Schema, new: Schema) -> list[str]:
    """One sentence for each change that is not additive, with the JSON path of the value that it is about.

    References within a schema are followed: where a definition stands and what it is called makes no difference.
    Raises `SchemaError`.
    """
    return list(_compare(_normal(old, old, ()), _normal(new, new, ()), "$"))


def _compare(old: _Node, new: _Node, path: str, *, optional: bool = False) -> Iterator[str]:
    """`optional`: the value may be absent, so that a default may begin to say what its absence means."""
    if isinstance(old, bool) or isinstance(new, bool):
        if old is not new:
            yield f"{path}: it changed from {_shown(old)} to {_shown(new)}"
        return
    if ("anyOf" in old) != ("anyOf" in new):
        old, new = _as_alternatives(old), _as_alternatives(new)
    yield from _compare_defaults(old, new, path, optional=optional)
    yield from _compare_properties(old, new, path)
    for keyword in sorted((old.keys() | new.keys()) - {"default", "properties", "required"}):
        yield from _compare_keyword(keyword, old, new, path)


def _compare_keyword(keyword: str, old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get(keyword), new.get(keyword)
    if before is not None and after is not None:
        if keyword in _INTO:
            yield from _compare(before, after, path + _INTO[keyword])
            return
        if keyword in ("anyOf", "oneOf"):
            yield from _compare_alternatives(before, after, path)
            return
        if keyword == "patternProperties" and before.keys() == after.keys():
            for pattern in before:
                yield from _compare(before[pattern], after[pattern], f"{path}[/{pattern}/]")
            return
    for what in changed(keyword, old, new):
        yield f"{path}: {what}"


def _compare_properties(old: Schema, new: Schema, path: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        if name not in after:
            yield f"{child_path(path, name)}: the property was removed or renamed"
            continue
        yield from _compare(before[name], after[name], child_path(path, name), optional=name not in needed_after)
        if (name in needed_before) != (name in needed_after):
            yield f"{child_path(path, name)}: it {'became' if name in needed_after else 'stopped being'} required"
    for name in after:
        if name not in before and name in needed_after:
            yield f"{child_path(path, name)}: the new property is required; only an optional one is additive"
        elif name not in before and old.keys() & _RESTRICTING:
            yield f"{child_path(path, name)}: the new property is one that the old schema refuses or restricts"
    for name in sorted((needed_before ^ needed_after) - before.keys() - after.keys()):
        yield f"{child_path(path, name)}: it {'became' if name in needed_after else 'stopped being'} required"


def _compare_alternatives(old: list[_Node], new: list[_Node], path: str) -> Iterator[str]:
    """Pair the alternatives in any order: those that fit first, then those of one type, for the better sentence."""
    left, right = list(old), list(new)
    for fits in (_same, _compatible, _same_type):
        for before in tuple(left):
            after = next((candidate for candidate in right if fits(before, candidate)), None)
            if after is not None:
                left.remove(before)
                right.remove(after)
                yield from _compare(before, after, path)
    if len(left) == len(right) == 1:
        yield from _compare(left[0], right[0], path)
        return
    for alternative in left:
        yield f"{path}: it can't be {_named(alternative)} any more"
    for alternative in right:
        yield f"{path}: it can now be {_named(alternative)} as well"


def _compatible(old: _Node, new: _Node) -> bool:
    return next(_compare(old, new, ""), None) is None


def _same_type(old: _Node, new: _Node) -> bool:
    return isinstance(old, dict) and isinstance(new, dict) and "type" in old and _same(old["type"], new.get("type"))


def _compare_defaults(old: Schema, new: Schema, path: str, *, optional: bool) -> Iterator[str]:
    if "default" in old and "default" in new:
        if not _still(old["default"], new["default"], old):
            yield from (f"{path}: {what}" for what in changed("default", old, new))
    elif "default" in old or ("default" in new and not optional):
        yield from (f"{path}: {what}" for what in changed("default", old, new))


def _still(old: Any, new: Any, schema: _Node) -> bool:  # noqa: ANN401 - any JSON
    """Whether a default says what it said; one that is an object also gives the defaults of its new properties."""
    if not (isinstance(old, dict) and isinstance(new, dict) and isinstance(schema, dict)):
        return _same(old, new)
    known = schema.get("properties", {})
    kept = all(name in new and _still(old[name], new[name], known.get(name, {})) for name in old)
    return kept and not any(name in known for name in new.keys() - old.keys())


def changed(keyword: str, old: Schema, new: Schema) -> Iterator[str]:
    """At most one sentence: how the value of `keyword` differs."""
    called = _CALLED.get(keyword, keyword)
    before, after = old.get(keyword), new.get(keyword)
    if keyword not in old and keyword not in new:
        return
    if keyword not in old:
        yield f"{called} {_shown(after)} was added"
    elif keyword not in new:
        yield f"{called} {_shown(before)} was removed"
    elif not _same(before, after):
        yield f"{called} changed from {_shown(before)} to {_shown(after)}"


def _as_alternatives(node: Schema) -> Schema:
    """A schema without `anyOf` as the only alternative of one that has it: `string` against `string or null`."""
    if "anyOf" in node:
        return node
    default = {"default": node["default"]} if "default" in node else {}
    return {"anyOf": [{key: value for key, value in node.items() if key != "default"}], **default}


def _normal(node: object, root: Schema, inside: tuple[str, ...]) -> _Node:
    """A schema without what is harmless: references and single `allOf`s resolved, sets sorted, empty rules left out.

    A reference to a definition that it stands in (`inside`) becomes the number of references to go up.
    """
    if isinstance(node, bool):
        return {} if node else False
    if not isinstance(node, dict):
        raise SchemaError(f"{_shown(node)} is no schema")
    rest = {key: _normal_value(key, value, root, inside) for key, value in node.items() if key not in _HARMLESS}
    ref = rest.get("$ref")
    if isinstance(ref, str) and ref.startswith("#"):
        del rest["$ref"]
        part: _Node = {"$ref": len(inside) - inside.index(ref)} if ref in inside else _target(ref, root, inside)
        rest = _both(part, rest)
    alone = rest.get("allOf", ())
    if len(alone) == 1:
        del rest["allOf"]
        rest = _both(alone[0], rest)
    open_ones = [key for key in ("additionalProperties", "items") if rest.get(key) == {}]
    empty = [key for key in ("properties", "required") if not rest.get(key, True)]
    return {key: value for key, value in rest.items() if key not in (*open_ones, *empty)}


def _target(ref: str, root: Schema, inside: tuple[str, ...]) -> _Node:
    found: Any = root if ref == "#" or ref.startswith("#/") else None
    for token in ref.split("/")[1:]:
        found = found.get(token.replace("~1", "/").replace("~0", "~")) if isinstance(found, dict) else None
    if found is None:
        raise SchemaError(f"$ref {ref} leads nowhere")
    return _normal(found, root, (*inside, ref))


def _both(part: _Node, rest: Schema) -> Schema:
    """One schema that demands both; `allOf` keeps them apart where they say something about the same keyword."""
    twice = () if isinstance(part, bool) else (part.keys() & rest.keys()) - {"default"}
    if isinstance(part, bool) or any(not _same(part[key], rest[key]) for key in twice):
        return rest | {"allOf": [*rest.get("allOf", ()), part]}
    return part | rest


def _normal_value(key: str, value: Any, root: Schema, inside: tuple[str, ...]) -> Any:  # noqa: ANN401 - any JSON
    if key in _SUBSCHEMAS:
        return _normal(value, root, inside)
    if key in _LISTS:
        return [_normal(item, root, inside) for item in _expect(list, key, value)]
    if key in _MAPS:
        return {name: _normal(item, root, inside) for name, item in _expect(dict, key, value).items()}
    if key in _UNORDERED and not (key == "type" and isinstance(value, str)):
        return sorted(_expect(list, key, value), key=_shown)
    return value


def _expect(kind: type, key: str, value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, kind):
        return value
    raise SchemaError(f"{key} can't be {_shown(value)}")


def _same(old: object, new: object) -> bool:
    """Equal as JSON: 1 is 1.0, and neither is true."""
    if isinstance(old, dict) and isinstance(new, dict):
        return old.keys() == new.keys() and all(_same(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(_same(*pair) for pair in zip(old, new, strict=True))
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def _named(alternative: _Node) -> str:
    if isinstance(alternative, dict) and isinstance(alternative.get("type"), str) and len(alternative) == 1:
        return str(alternative["type"])
    return _shown(alternative)


def _shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def child_path(path: str, name: str) -> str:
    """The JSON path of a property: `$.usage`, `$['ce-id']`."""
    return f"{path}.{name}" if name.isidentifier() else f"{path}['{name}']"
