"""What is wrong with a catalogue, and where."""

from infra.settings import SettingsError

Loc = tuple[int | str, ...]
"""The way to an entry, as pydantic has it: `("models", 0, "deployments", 1, "provider")`."""


class EntryError(SettingsError):
    """One entry of a catalogue can't be used. `loc` leads to it."""

    def __init__(self, reason: str, loc: Loc) -> None:
        super().__init__(reason)
        self.loc = loc
