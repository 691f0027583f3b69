"""The stores that searches name: each resolved about once a second, and noted as used about once a minute."""

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass

from contracts.errors import PenstockError
from infra.index.stores import Store, Stores
from infra.runtime import end_tasks
from workers.retrieval.errors import refused

_FRESH, _TOUCHED = 1.0, 60.0
_MOST = 10_000


@dataclass(slots=True)
class _Entry:
    store: Store
    read_at: float


class KnownStores:
    """Resolves stores. What is remembered is remembered by tenant and name, and serves nobody else."""

    def __init__(self, stores: Stores) -> None:
        self._stores = stores
        self._entries: dict[tuple[str, str], _Entry] = {}
        self._touched: dict[tuple[str, str], float] = {}
        self._touching: set[asyncio.Task[None]] = set()

    async def find(self, tenant: str, name: str, *, anew: bool = False) -> Store:
        """The store of that id or name, as it was a second ago at most; `anew`, as it is.

        Raises `PenstockError`: `not_found`, `invalid_request` for one that has expired, `pipeline_unavailable`.
        """
        entry = self._entries.get((tenant, name))
        if anew or entry is None or time.monotonic() - entry.read_at > _FRESH:
            entry = await self._read(tenant, name)
        if entry.store.is_expired():
            raise refused(f"the vector store {entry.store.id!r} has expired")
        self._touch(tenant, entry.store.id)
        return entry.store

    async def close(self) -> None:
        """Leave nothing running."""
        await end_tasks(*self._touching)

    async def _read(self, tenant: str, name: str) -> _Entry:
        if len(self._entries) >= _MOST:
            self._entries.clear()
        entry = _Entry(await self._stores.resolve(tenant, name), time.monotonic())
        self._entries[tenant, name] = entry
        return entry

    def _touch(self, tenant: str, store_id: str) -> None:
        now = time.monotonic()
        if now - self._touched.get((tenant, store_id), -_TOUCHED) < _TOUCHED:
            return
        if len(self._touched) >= _MOST:
            self._touched.clear()
        self._touched[tenant, store_id] = now
        task = asyncio.create_task(self._note(tenant, store_id))
        self._touching.add(task)
        task.add_done_callback(self._touching.discard)

    async def _note(self, tenant: str, store_id: str) -> None:
        # An expiry is a matter of days: the next search but a minute notes it as well.
        with suppress(PenstockError):
            await self._stores.touch(tenant, store_id)
