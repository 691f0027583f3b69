"""Files of prompts with a label each: JSON lines, or CSV with a header."""

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from cli.failures import CommandError

_PROMPTS = ("prompt", "text", "question", "query", "input")
_LABELS = ("label", "class", "category")


class Labelled(NamedTuple):
    """One prompt and the class that it is of; None where the file doesn't say."""

    prompt: str
    label: str | None


def read_labelled(path: Path, prompt: str | None = None, label: str | None = None) -> list[Labelled]:
    """The prompts of a file in their order. `prompt` and `label` name the fields, where they have unusual names.

    Raises `CommandError` that names the line that is wrong.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = csv.DictReader(file) if path.suffix.lower() == ".csv" else map(_object, file)
            return list(_labelled(path, enumerate(lines, 1), prompt, label))
    except (OSError, ValueError, csv.Error) as error:
        raise CommandError(f"{path} can't be read as prompts: {error}.") from None


def _labelled(
    path: Path, lines: Iterator[tuple[int, Mapping[str, object]]], prompt: str | None, label: str | None
) -> Iterator[Labelled]:
    for number, line in lines:
        if not line:
            continue
        text = _first(line, (prompt,) if prompt else _PROMPTS)
        if not isinstance(text, str):
            raise CommandError(f"{path}: record {number} has no text in {prompt or ' or '.join(_PROMPTS)}.")
        found = _first(line, (label,) if label else _LABELS)
        yield Labelled(text, None if found is None else str(found))


def _object(line: str) -> Mapping[str, object]:
    found = json.loads(line) if line.strip() else {}
    if not isinstance(found, dict):
        raise ValueError(f"«{line.strip()[:40]}» is no JSON object")  # noqa: TRY004 - as json raises
    return found


def _first(line: Mapping[str, object], names: tuple[str, ...]) -> object:
    return next((line[name] for name in names if line.get(name) is not None), None)
