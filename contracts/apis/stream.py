"""From the events of one API's stream to those of another's."""

from collections.abc import Iterable
from typing import Protocol

from contracts.apis.fields import Json


class StreamTranslator(Protocol):
    """Holds what is known of one stream so far."""

    def events(self, event: Json) -> Iterable[Json]:
        """What one event becomes: none, one or several. Raises `KeyError`, `TypeError` or `ValueError` for no event."""
        ...

    def end(self) -> Iterable[Json]:
        """What is still owed when the source has ended well."""
        ...
