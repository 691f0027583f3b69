"""What another catalogue changes, for people to read."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.catalog.router import Router
from infra.catalog.shape import Catalog, Model, Provider


def changes(before: Catalog | None, after: Catalog) -> list[str]:
    """A line for each provider and model that is added (+), removed (-) or changed (~, with the fields that differ)."""
    return [
        *_lines("provider", _entries(before.providers if before else ()), _entries(after.providers)),
        *_lines("model", _entries(before.models if before else ()), _entries(after.models)),
        *_lines("router", _section(before), _section(after)),
    ]


def _entries(listed: Iterable[Provider | Model]) -> dict[str, dict[str, Any]]:
    return {entry.name: entry.model_dump(mode="json") for entry in listed}


def _section(catalog: Catalog | None) -> dict[str, dict[str, Any]]:
    """Named «section»; one without anything in it is none."""
    return {"section": catalog.router.model_dump(mode="json")} if catalog and catalog.router != Router() else {}


def _lines(kind: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    return [
        *(f"+ {kind} {name}" for name in after if name not in before),
        *(f"- {kind} {name}" for name in before if name not in after),
        *(
            f"~ {kind} {name}: {', '.join(field for field in entry if entry[field] != before[name][field])}"
            for name, entry in after.items()
            if name in before and entry != before[name]
        ),
    ]
