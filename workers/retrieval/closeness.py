"""How close a prompt's texts are to what a tenant's confidential stores hold: the nearest chunk decides."""

import asyncio
import time
from typing import Protocol

from contracts.errors import ErrorCode
from contracts.retrieval import ClosenessAnswered, ClosenessRequested, RetrievalAnswered, RetrievalRequested
from infra.telemetry.tracing import TraceContext

_FRESH = 1.0
"""Seconds for which a tenant's confidential stores are remembered: one that becomes confidential counts as soon."""
_MOST_TENANTS = 10_000


class Lists(Protocol):
    """Whoever knows a tenant's stores."""

    async def confidential(self, tenant: str) -> tuple[str, ...]:
        """The ids of its confidential stores that have not expired."""
        ...


class Searches(Protocol):
    """Whoever searches one store."""

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        """What was found, or in `error` why nothing could be."""
        ...


class Closeness:
    """Compares. A tenant without a confidential store costs a look into a dictionary."""

    def __init__(self, stores: Lists, searches: Searches) -> None:
        self._stores = stores
        self._searches = searches
        self._known: dict[str, tuple[float, tuple[str, ...]]] = {}

    async def of(
        self, tenant: str, request: ClosenessRequested, parent: TraceContext | None = None
    ) -> ClosenessAnswered:
        """The largest cosine between one of the texts and a chunk of a confidential store; None where there is none.

        Raises `PenstockError` where a store can't be searched: nobody knows then whether something is close.
        """
        stores = await self._confidential(tenant)
        asked = (self._searches.search(tenant, _search(store, request.texts), parent) for store in stores)
        closest: float | None = None
        of_store = ""
        for answer in await asyncio.gather(*asked):
            if answer.error is not None:
                if answer.error.code == ErrorCode.NOT_FOUND:
                    continue
                raise answer.error.to_error()
            if answer.hits and (closest is None or answer.hits[0].score > closest):
                closest, of_store = answer.hits[0].score, answer.store_id
        return ClosenessAnswered(closest=closest, store_id=of_store)

    async def _confidential(self, tenant: str) -> tuple[str, ...]:
        read_at, stores = self._known.get(tenant, (0.0, ()))
        now = time.monotonic()
        if tenant not in self._known or now - read_at > _FRESH:
            stores = await self._stores.confidential(tenant)
            if len(self._known) >= _MOST_TENANTS:
                self._known.clear()
            self._known[tenant] = now, stores
        return stores


def _search(store: str, texts: tuple[str, ...]) -> RetrievalRequested:
    return RetrievalRequested(store=store, queries=texts, mode="vector", limit=1)
