"""The catalogue that is in force, for everyone in a process who needs it."""

import asyncio
from collections.abc import Awaitable, Callable

from infra.catalog.shape import Catalog

OnCatalog = Callable[[Catalog], Awaitable[None]]


class CatalogSource:
    """Holds one catalogue at a time.

    Take `current` where a piece of work begins and keep it to its end: the next look may find another.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._current = catalog
        self._checks: list[OnCatalog] = []
        self._changes: list[OnCatalog] = []
        self._swapping = asyncio.Lock()

    @property
    def current(self) -> Catalog:
        """What is in force now."""
        return self._current

    def on_check(self, check: OnCatalog) -> None:
        """Await `check` before a catalogue comes into force. It has no effect; to refuse it raises `SettingsError`."""
        self._checks.append(check)

    def on_change(self, callback: OnCatalog) -> None:
        """Await `callback` each time another catalogue has come into force, in the order of registration."""
        self._changes.append(callback)

    async def swap(self, catalog: Catalog) -> None:
        """Put another catalogue into force, whole or not at all. Raises `SettingsError` where a check refuses it."""
        async with self._swapping:
            for check in self._checks:
                await check(catalog)
            self._current = catalog
            for changed in self._changes:
                await changed(catalog)
