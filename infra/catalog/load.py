"""From a catalogue's text to a `Catalog`, or to the lines in which it is wrong."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from infra.catalog.errors import CatalogError, EntryError, Loc, Problem
from infra.catalog.nodes import MalformedError, construct, line_of, one_node
from infra.catalog.prices import ONE, SEVERAL
from infra.catalog.shape import Catalog
from infra.settings import SettingsError

MAX_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Loaded:
    """A catalogue and the text that it comes from. `origin` says where that is: a path, or the bucket."""

    catalog: Catalog
    raw: bytes
    origin: str
    root: yaml.Node

    def refused(self, error: EntryError) -> CatalogError:
        """The same refusal, with its line."""
        return CatalogError(self.origin, [_problem(self.root, error.loc, str(error))])


def digest_of(raw: bytes) -> str:
    """Twelve hexadecimal digits that tell one text from another."""
    return hashlib.sha256(raw).hexdigest()[:12]


def load_catalog(path: Path | None) -> Catalog:
    """Read a catalogue's file. Raises `SettingsError`; it names the file and the line that is wrong."""
    return parse_catalog(read_catalog(named(path)), str(path)).catalog


def named(path: Path | None) -> Path:
    """The path that the setting holds. Raises `SettingsError` where it holds none."""
    if path is None:
        raise SettingsError("PENSTOCK_CATALOG is not set: name a model catalogue, or run `penstock up`.")
    return path


def read_catalog(path: Path) -> bytes:
    """The bytes of a catalogue's file. Raises `SettingsError` where it can't be read or is too large."""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise SettingsError(f"the model catalogue {path} can't be read: {error.strerror}.") from None
    _refuse_too_large(raw, str(path))
    return raw


def parse_catalog(raw: bytes, origin: str) -> Loaded:
    """Validate a catalogue's text. Takes 30 ms for a hundred models, and some seconds for the largest.

    Raises `CatalogError` with every line that is wrong, `SettingsError` where the text is too large.
    """
    _refuse_too_large(raw, origin)
    try:
        root = one_node(raw)
        data = construct(root)
    except MalformedError as error:
        raise CatalogError(origin, [Problem(error.line, error.place, error.reason)]) from None
    if not isinstance(data, dict):
        raise CatalogError(origin, [Problem(1, "the file", "it holds no mapping of providers and models")])
    try:
        catalog = Catalog.model_validate(data)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise CatalogError(origin, [_problem(root, _loc(detail), detail["msg"]) for detail in details]) from None
    return Loaded(catalog, raw, origin, root)


def _loc(detail: ErrorDetails) -> Loc:
    """What we check ourselves has its place in the context: pydantic knows it only as «somewhere in the whole»."""
    context: dict[str, Any] = detail.get("ctx") or {}
    return tuple(part for part in context.get("loc") or detail["loc"] if part not in (ONE, SEVERAL))


def _problem(root: yaml.Node, loc: Loc, reason: str) -> Problem:
    return Problem(line_of(root, loc), ".".join(str(part) for part in loc) or "the file", reason)


def _refuse_too_large(raw: bytes, origin: str) -> None:
    if len(raw) > MAX_BYTES:
        raise SettingsError(f"the model catalogue {origin} is too large: {MAX_BYTES} bytes is the most.")
