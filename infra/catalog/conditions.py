"""Conditions of routing rules: a small language of comparisons, parsed by Python's own parser and never run by it.

    has_code and tokens > 2000
    language in ["de", "fr"] or tag.team == "support"

Names are the fields below and `tag.<name>`; values are numbers, texts, true and false, lists of these. Operators are
`and`, `or`, `not`, `==`, `!=`, `<`, `<=`, `>`, `>=`, `in`, `not in`, and brackets. Nothing can be called.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Final, TypeAlias

Value: TypeAlias = bool | int | float | str
Fields: TypeAlias = Mapping[str, Value | None]
Condition: TypeAlias = Callable[[Fields], bool]

LONGEST, MOST_PARTS = 500, 100
"""Characters of a condition, and the parts of its tree: more is a program, and belongs elsewhere."""

FIELDS: Final[Mapping[str, type]] = {
    "length": int,
    "tokens": int,
    "turns": int,
    "tools": int,
    "images": int,
    "has_code": bool,
    "has_maths": bool,
    "has_tools": bool,
    "has_images": bool,
    "json_schema": bool,
    "stream": bool,
    "language": str,
    "tenant": str,
    "lane": str,
    "api": str,
    "model": str,
}
"""What a condition may ask of a request. A tag is a text, or nothing where the request has none of that name."""

_ORDER: Mapping[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_TAG = "tag"
_CONSTANTS = {"true": True, "false": False}


def compiled(text: str) -> Condition:
    """The condition, ready to be asked. Raises `ValueError`, a sentence, for a text that is none."""
    return _compiled(text)


@lru_cache(1024)
def _compiled(text: str) -> Condition:
    if len(text) > LONGEST:
        raise ValueError(f"a condition has {LONGEST} characters at most")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ValueError(f"it is no condition: {error.msg} at character {error.offset}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ValueError("it is no condition: it is nested too deeply, or holds what is no text") from None
    if sum(1 for _ in ast.walk(tree)) > MOST_PARTS:
        raise ValueError(f"a condition has {MOST_PARTS} parts at most: make several rules of it")
    return _boolean(tree)


def _boolean(node: ast.expr) -> Condition:
    match node:
        case ast.BoolOp(op=ast.And(), values=values):
            parts = [_boolean(value) for value in values]
            return lambda fields: all(part(fields) for part in parts)
        case ast.BoolOp(values=values):
            parts = [_boolean(value) for value in values]
            return lambda fields: any(part(fields) for part in parts)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            inner = _boolean(operand)
            return lambda fields: not inner(fields)
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _comparison(left, op, right)
        case ast.Compare():
            raise ValueError("compare two things at a time, and join comparisons by and")
        case ast.Name(id=name) if FIELDS.get(name) is bool:
            return lambda fields: bool(fields.get(name))
        case ast.Name(id=name) if name in _CONSTANTS:
            return lambda _: _CONSTANTS[name]
    raise ValueError(f"«{ast.unparse(node)[:60]}» is neither true nor false: compare it with something")


def _comparison(left: ast.expr, op: ast.cmpop, right: ast.expr) -> Condition:
    name, kind = _field(left)
    if isinstance(op, ast.In | ast.NotIn):
        if not isinstance(right, ast.List | ast.Tuple):
            raise ValueError(f"behind «{name} in» stands a list, as in [1, 2]")  # noqa: TRY004 - of a text
        listed = frozenset(_value(entry, name, kind) for entry in right.elts)
        wanted = isinstance(op, ast.In)
        return lambda fields: (fields.get(name) in listed) is wanted
    value = _value(right, name, kind)
    if isinstance(op, ast.Eq | ast.NotEq):
        wanted = isinstance(op, ast.Eq)
        return lambda fields: (fields.get(name) == value) is wanted
    order = _ORDER.get(type(op))
    if order is None or kind is not int or isinstance(value, str):
        raise ValueError(f"«{name}» can't be compared like that: only numbers are more or less than others")
    number = value
    return lambda fields: order(_number(fields.get(name)), number)


def _field(node: ast.expr) -> tuple[str, type]:
    match node:
        case ast.Name(id=name) if name in FIELDS:
            return name, FIELDS[name]
        case ast.Attribute(value=ast.Name(id=tag), attr=name) if tag == _TAG:
            return f"{_TAG}.{name}", str
    known = ", ".join(FIELDS)
    raise ValueError(f"«{ast.unparse(node)[:60]}» is no field: there are {known}, and tag.NAME")


def _value(node: ast.expr, name: str, kind: type) -> Value:
    found: object = None
    match node:
        case ast.Constant(value=value):
            found = value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            found = -value
        case ast.Name(id=word):
            found = _CONSTANTS.get(word)
    fits = {int: (int, float), bool: (bool,), str: (str,)}[kind]
    if not isinstance(found, fits) or (kind is int and isinstance(found, bool)):
        what = {int: "a number", bool: "true or false", str: "a text in quotes"}[kind]
        raise ValueError(f"«{name}» is compared with {what}, not with «{ast.unparse(node)[:60]}»")
    return found


def _number(value: Value | None) -> float:
    return value if isinstance(value, int | float) else 0
