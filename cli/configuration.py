"""docs/configuration.md: every setting, out of the settings model itself."""

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo
from pydantic_core import Url

from infra.settings import Settings

Units = tuple[tuple[str, int], ...]
_SIZES: Units = (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10))
REFERENCE = "docs/configuration.md"
_INTRODUCTION = """\
# Configuration

Generated from `infra/settings.py` by `penstock config reference` (`make schemas`); a test compares them.

A process reads the environment when it starts, and nothing else. A value that can't be used stops the start with a
sentence that names it. Durations are in seconds, sizes in bytes. `penstock up` sets URLs, ports and paths for its
children itself and passes the rest on. What changes while processes run is not here, but in the
[model catalogue](catalog.md) and the database ([keys](access.md), [limits](limits.md), [budgets](budgets.md)).
"""
_OTHERS = """\
## What is not Penstock's own
| variable | |
|---|---|
| `OTEL_EXPORTER_OTLP_ENDPOINT` and OpenTelemetry's others | where traces and metrics go; `OTEL_BSP_*`: their queue |
| `OPENAI_API_KEY` and what else an `api_key_env` names | keys of providers: for provider and embedding workers alone |
| `PENSTOCK_BASE_URL`, `PENSTOCK_API_KEY` | of commands that ask over HTTP: the API with its `/v1`, and a key |
"""


def reference() -> str:
    """The whole document."""
    rows = "\n".join(_row(name, field) for name, field in Settings.model_fields.items())
    return f"{_INTRODUCTION}\n| variable | value | default | meaning |\n|---|---|---|---|\n{rows}\n\n{_OTHERS}"


def _row(name: str, field: FieldInfo) -> str:
    units = _SIZES if name.endswith("_bytes") else ()
    told = (_kind(field, units), _default(field.default, units), field.description or "")
    cells = (f"`PENSTOCK_{name.upper()}`", *told)
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _kind(field: FieldInfo, units: Units) -> str:
    """What is accepted: the type and its bounds."""
    bounds = {sign: getattr(each, name) for each in field.metadata for name, sign in _BOUNDS if hasattr(each, name)}
    return " ".join([_type(field.annotation), *(f"{sign} {_number(bound, units)}" for sign, bound in bounds.items())])


_BOUNDS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
_WORDS = {bool: "true or false", int: "whole number", float: "number", str: "text"}


def _type(annotation: Any) -> str:  # noqa: ANN401 - a type as it is annotated
    kinds = [each for each in get_args(annotation) if each is not NoneType]
    if get_origin(annotation) is Literal:
        return ", ".join(f"`{each}`" for each in kinds)
    if get_origin(annotation) in {Union, UnionType}:
        return _type(kinds[0])
    if hasattr(annotation, "__metadata__"):
        return _type(annotation.__origin__)
    if annotation in _WORDS:
        return _WORDS[annotation]
    return "path" if annotation.__name__ == "Path" else "URL"


def _default(value: object, units: Units) -> str:
    if value is None:
        return "none"
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"`{_number(value, units)}`"
    return f"`{_text(value)}`"


def _text(value: object) -> str:
    return (
        str(value).lower()
        if isinstance(value, bool)
        else value.unicode_string()
        if isinstance(value, Url)
        else str(value)
    )


def _number(value: float, units: Units) -> str:
    whole = int(value)
    for unit, size in units:
        if value == whole and whole >= size and whole % size == 0:
            return f"{whole} ({whole // size} {unit})"
    return f"{whole}" if value == whole else f"{value:g}"
