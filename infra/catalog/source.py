"""The catalogue that is in force, for everyone in a process who needs it."""

from collections.abc import Awaitable, Callable

from infra.catalog.shape import Catalog

OnCatalog = Callable[[Catalog], Awaitable[None]]


class CatalogSource:
    """Holds one catalogue at a time.

    Take `current` where a piece of work begins and keep it to its end: the next look may find another.
    """

    def __init__(self, catalog: Catalog) -> None:
        self._current = catalog
        self._changes: list[OnCatalog] = []

    @property
    def current(self) -> Catalog:
        """What is in force now."""
        return self._current

    def on_change(self, callback: OnCatalog) -> None:
        """Await `callback` each time another catalogue has come into force, in the order of registration."""
        self._changes.append(callback)

    async def swap(self, catalog: Catalog) -> None:
        """Put another catalogue into force: all of it at once, and no work is done with half of it."""
        self._current = catalog
        for changed in self._changes:
            await changed(catalog)
