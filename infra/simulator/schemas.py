"""A value that is valid for a JSON schema, chosen by a seed.

Understood: `const`, `enum`, `type` (one or several), `anyOf`, `oneOf` (taken for `anyOf`), `allOf`, `$ref` within the
schema, recursive ones too; of objects `properties`, `required`, `additionalProperties`, `patternProperties`,
`propertyNames`, `minProperties`, `maxProperties`; of arrays `items`, `prefixItems`, `minItems`, `maxItems`,
`uniqueItems`; of strings `format`, `pattern`, `minLength`, `maxLength`; of numbers `minimum`, `maximum`,
`exclusiveMinimum`, `exclusiveMaximum`, `multipleOf`. That is more than either API's structured outputs take. Other
keywords are passed over, malformed ones too.

Every property is given, optional ones too, and a value that may be null is not; only deep inside a schema are
optional ones left out and unions taken at their shortest, so that a recursive one ends.
"""

from collections.abc import Callable, Mapping
from typing import Any

from infra.simulator.fields import canonical
from infra.simulator.patterns import matching
from infra.simulator.schema_merge import count, listed, mapping, merged, resolved, unsatisfiable
from infra.simulator.schema_values import number_for, text_for
from infra.simulator.words import Draw

_DEEP = 3
_MAX_NESTING = 60
_TRIES = 64
_NO_LIMIT = 2**31
_MAX_ITEMS = 10_000
_TYPE_OF_KEYWORD: Mapping[str, str] = {
    **dict.fromkeys(("properties", "required", "additionalProperties", "minProperties"), "object"),
    **dict.fromkeys(("items", "prefixItems", "minItems", "maxItems"), "array"),
    **dict.fromkeys(("pattern", "format", "minLength", "maxLength"), "string"),
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), "number"),
}


def example(schema: Mapping[str, Any], seed: bytes) -> Any:  # noqa: ANN401  # any JSON value
    """A valid value; the same for the same schema and seed. ApiError 400 for a schema that none was found for."""
    return _Maker(schema, Draw(seed)).make(schema, 0)


class _Maker:
    """One value. A method's `depth` is how many objects and arrays are around what it makes."""

    def __init__(self, root: Mapping[str, Any], draw: Draw) -> None:
        self._root = root
        self._draw = draw
        self._nesting = 0

    def make(self, schema: object, depth: int) -> Any:  # noqa: ANN401
        self._nesting += 1
        if self._nesting > _MAX_NESTING:
            raise unsatisfiable("it has no value of finite depth")
        made = self._made(resolved(schema, self._root), depth)
        self._nesting -= 1
        return made

    def _made(self, schema: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._pick(listed(schema, "enum"))
        for union in ("anyOf", "oneOf"):
            if union in schema:
                rest = {name: value for name, value in schema.items() if name != union}
                return self.make(merged(rest, self._branch(listed(schema, union), depth)), depth)
        return self._typed(schema, depth)

    def _pick(self, values: list[Any]) -> Any:  # noqa: ANN401
        if not values:
            raise unsatisfiable("there is nothing to choose from")
        return self._draw.pick(values)

    def _branch(self, branches: list[Any], depth: int) -> Mapping[str, Any]:
        found = [resolved(branch, self._root) for branch in branches if branch is not False]
        if found and depth >= _DEEP:
            return min(found, key=_weight)
        chosen: Mapping[str, Any] = self._pick([branch for branch in found if branch.get("type") != "null"] or found)
        return chosen

    def _typed(self, schema: Mapping[str, Any], depth: int) -> Any:  # noqa: ANN401
        makers: Mapping[object, Callable[[], Any]] = {
            "object": lambda: self._object(schema, depth),
            "array": lambda: self._array(schema, depth),
            "integer": lambda: number_for(schema, self._draw, whole=True),
            "number": lambda: number_for(schema, self._draw, whole=False),
            "boolean": lambda: self._draw.below(2) == 1,
            "null": lambda: None,
            "string": lambda: text_for(schema, self._draw),
        }
        kind = str(self._type(schema, depth))
        if kind not in makers:
            raise unsatisfiable(f"{kind!r:.40} is no type")
        return makers[kind]()

    def _type(self, schema: Mapping[str, Any], depth: int) -> object:
        kind = schema.get("type")
        if isinstance(kind, list):
            if depth >= _DEEP and "null" in kind:
                return "null"
            return self._pick([one for one in kind if one != "null"] or kind)
        return kind or next((shape for keyword, shape in _TYPE_OF_KEYWORD.items() if keyword in schema), "string")

    def _object(self, schema: Mapping[str, Any], depth: int) -> dict[str, Any]:
        properties = mapping(schema, "properties")
        least, most = count(schema, "minProperties", 0), count(schema, "maxProperties", _NO_LIMIT)
        required = [name for name in listed(schema, "required") if isinstance(name, str)]
        optional = [name for name, value in properties.items() if name not in required and value is not False]
        wanted = least if depth >= _DEEP else len(properties)
        chosen = {*required, *optional[: max(0, min(wanted, most) - len(required))]}
        # In the schema's own order, which is the one a model writes them in.
        made = {name: self.make(value, depth + 1) for name, value in properties.items() if name in chosen}
        for name in required:
            if name not in made:
                made[name] = self.make(self._value_schema(schema), depth + 1)
        if not properties and isinstance(self._value_schema(schema), Mapping) and depth < _DEEP:
            least = max(least, min(1, most))
        return self._filled(made, schema, least, depth)

    def _filled(self, made: dict[str, Any], schema: Mapping[str, Any], least: int, depth: int) -> dict[str, Any]:
        """The object with as many properties more as it must have; they have no names of their own."""
        for _ in range(_TRIES + min(least, _MAX_ITEMS)):
            if len(made) >= least:
                return made
            name = self._key(schema)
            if name not in made:
                made[name] = self.make(self._value_schema(schema), depth + 1)
        raise unsatisfiable("an object must have more properties than there are names for")

    def _value_schema(self, schema: Mapping[str, Any]) -> object:
        patterned = mapping(schema, "patternProperties")
        return next(iter(patterned.values())) if patterned else schema.get("additionalProperties", True)

    def _key(self, schema: Mapping[str, Any]) -> str:
        if patterned := mapping(schema, "patternProperties"):
            found = matching(next(iter(patterned)), self._draw, 0, _NO_LIMIT)
            if found is None:
                raise unsatisfiable("no name was found for a pattern property")
            return found
        return str(self.make({"type": "string", **mapping(schema, "propertyNames")}, 0))

    def _array(self, schema: Mapping[str, Any], depth: int) -> list[Any]:
        first = listed(schema, "prefixItems")
        least, most = count(schema, "minItems", 0), count(schema, "maxItems", _NO_LIMIT)
        items = schema.get("items", not first)
        if least > _MAX_ITEMS:
            raise unsatisfiable(f"an array of {least} items is too long")
        more = 0 if items is False else 1 + self._draw.below(2)
        wanted = min(most, least if depth >= _DEEP else max(least, len(first) + more))
        made: list[Any] = []
        seen: set[bytes] = set()
        for _ in range(_TRIES + wanted):
            if len(made) >= wanted or (items is False and len(made) >= len(first)):
                break
            value = self.make(first[len(made)] if len(made) < len(first) else items, depth + 1)
            if schema.get("uniqueItems") is not True or canonical(value) not in seen:
                made.append(value)
                seen.add(canonical(value))
        if len(made) < least:
            raise unsatisfiable("an array must have more different items than there are")
        return made


def _weight(branch: Mapping[str, Any]) -> int:
    """How far from an end a branch of a union leads: nothing nested is the nearest."""
    if branch.get("type") == "null" or "const" in branch or "enum" in branch:
        return 0
    if branch.get("type") in ("object", "array") or "anyOf" in branch or "properties" in branch:
        return 2 + len(listed(branch, "required"))
    return 1
