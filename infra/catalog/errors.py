"""What is wrong with a catalogue, and where."""

from typing import NamedTuple

from infra.settings import SettingsError

Loc = tuple[int | str, ...]
"""The way to an entry, as pydantic has it: `("models", 0, "deployments", 1, "provider")`."""


class Problem(NamedTuple):
    """One thing to mend. Lines count from 1; `place` is the way to the entry, empty where the file is no YAML."""

    line: int
    place: str
    reason: str


class EntryError(SettingsError):
    """One entry of a catalogue can't be used. `loc` leads to it."""

    def __init__(self, reason: str, loc: Loc) -> None:
        super().__init__(reason)
        self.loc = loc


class CatalogError(SettingsError):
    """A catalogue is refused. `problems` come in the order of their lines, and there is one at least."""

    def __init__(self, origin: str, problems: list[Problem]) -> None:
        self.origin = origin
        self.problems = sorted(problems)
        first = self.problems[0]
        wrong = f"wrong in line {first.line} ({first.place})" if first.place else f"no YAML in line {first.line}"
        more = f" It is wrong in {len(problems)} places." if len(problems) > 1 else ""
        super().__init__(f"the model catalogue {origin} is {wrong}: {first.reason.rstrip('.')}.{more}")
