"""How close texts are to a tenant's confidential stores."""

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import ErrorBody
from contracts.retrieval import ClosenessRequested, Hit, RetrievalAnswered, RetrievalRequested
from infra.telemetry.tracing import TraceContext
from workers.retrieval.closeness import Closeness


class Stores:
    """Stores by tenant, and what each finds: a cosine, nothing, or an error."""

    def __init__(self, found: dict[str, float | ErrorCode | None]) -> None:
        self._found = found
        self.asked: list[RetrievalRequested] = []

    async def confidential(self, tenant: str) -> tuple[str, ...]:
        return tuple(self._found) if tenant == "acme" else ()

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        self.asked.append(request)
        found = self._found[request.store]
        if isinstance(found, ErrorCode):
            return RetrievalAnswered(error=ErrorBody(code=found, message="m", stage="retrieval"))
        hit = Hit(document_id="d", filename="f", attributes={}, score=found or 0, text="t", start=0, end=1, ordinal=0)
        return RetrievalAnswered(store_id=request.store, hits=() if found is None else (hit,))


async def closest(stores: Stores, tenant: str = "acme") -> tuple[float | None, str]:
    answer = await Closeness(stores, stores).of(tenant, ClosenessRequested(texts=("one", "two")))
    return answer.closest, answer.store_id


async def test_the_nearest_chunk_of_all_stores_decides():
    stores = Stores({"vs_a": 0.4, "vs_b": 0.8, "vs_empty": None})
    assert await closest(stores) == (0.8, "vs_b")
    assert {(asked.mode, asked.limit, asked.queries) for asked in stores.asked} == {("vector", 1, ("one", "two"))}


async def test_a_tenant_without_confidential_stores_is_asked_nothing():
    stores = Stores({"vs_a": 0.9})
    assert await closest(stores, "other") == (None, "")
    assert stores.asked == []


async def test_a_store_that_was_deleted_meanwhile_holds_nothing():
    assert await closest(Stores({"vs_gone": ErrorCode.NOT_FOUND, "vs_a": 0.2})) == (0.2, "vs_a")


async def test_a_store_that_can_not_be_searched_is_not_taken_for_one_that_holds_nothing():
    with pytest.raises(PenstockError) as raised:
        await closest(Stores({"vs_a": 0.1, "vs_b": ErrorCode.PIPELINE_UNAVAILABLE}))
    assert raised.value.code is ErrorCode.PIPELINE_UNAVAILABLE
