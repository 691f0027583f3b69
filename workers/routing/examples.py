"""Examples of each class of prompt: those that come with Penstock, and files of the same shape."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import Field, RootModel, ValidationError

from infra.catalog import Name
from infra.settings import SettingsError

CLASSES = ("faq", "code", "reasoning", "internal", "general")
GENERAL = "general"
"""The class of what fits no other, and of what is not clear."""
MOST_CLASSES, MOST_EXAMPLES = 32, 20_000

Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Examples = Mapping[str, Sequence[str]]
"""Texts by class."""


class _File(RootModel[dict[Name, Annotated[list[Text], Field(min_length=1)]]]):
    """A file of examples: a class's name, and its texts."""


@cache
def shipped() -> Examples:
    """The examples that come with Penstock, of the five classes; 900 texts, all written for it."""
    folder = files("workers.routing") / "examples"
    # libyaml is 15 times as fast; it may crash on hostile text, so it reads none but ours.
    fast = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return {
        name: texts
        for file in CLASSES
        for name, texts in parse((folder / f"{file}.yaml").read_text("utf-8"), file, fast).items()
    }


def read_examples(path: Path) -> Examples:
    """A file of examples. Raises `SettingsError` that says what is wrong with it."""
    try:
        return parse(path.read_text("utf-8"), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the examples {path} can't be read: {error}.") from None


def parse(text: str, origin: str, loader: type[yaml.SafeLoader] = yaml.SafeLoader) -> Examples:
    """Examples from YAML. Raises `SettingsError`, also for more than 32 classes or 20,000 texts."""
    try:
        found = _File.model_validate(yaml.load(text, loader)).root  # noqa: S506 - both are safe
    except yaml.YAMLError as error:
        raise SettingsError(f"the examples {origin} are no YAML: {error}.") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise SettingsError(f"the examples {origin} are wrong in {place}: {first['msg']}.") from None
    if len(found) > MOST_CLASSES or sum(map(len, found.values())) > MOST_EXAMPLES:
        raise SettingsError(f"the examples {origin} are too many: {MOST_CLASSES} classes of {MOST_EXAMPLES} at most.")
    return found
