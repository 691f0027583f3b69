"""The searches and evaluations of one process. What they are made of is imported at the first of them."""

from typing import TYPE_CHECKING

from contracts.retrieval import (
    ClosenessAnswered,
    ClosenessRequested,
    EvaluationAnswered,
    EvaluationRequested,
    RetrievalAnswered,
    RetrievalRequested,
)
from infra.database.engine import create_engine
from infra.dispatch.courtesy import Courtesy
from infra.settings import Settings
from infra.telemetry.metrics import RetrievalMetrics
from infra.telemetry.tracing import TraceContext, Tracer
from workers.late import Late

if TYPE_CHECKING:
    from workers.embedders import Embedders
    from workers.retrieval.parts import Parts

_CONNECTIONS = 8
"""Six for searches, two for evaluations."""


class Service:
    """A process that only serves prompts has no index in its memory, nor the numpy that it needs."""

    def __init__(
        self,
        settings: Settings,
        embedders: "Embedders",
        tracer: Tracer,
        metrics: RetrievalMetrics,
        courtesy: Courtesy,
    ) -> None:
        self._engine = create_engine(settings, pool_size=_CONNECTIONS)

        def make() -> "Parts":
            from workers.retrieval.parts import make_parts

            return make_parts(self._engine, embedders, tracer, metrics, courtesy)

        self._parts = Late(make)

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        """What was found, or in `error` why nothing could be. A store without an index is an empty one."""
        return await (await self._parts.get()).search.search(tenant, request, parent)

    async def evaluate(
        self, tenant: str, request: EvaluationRequested, parent: TraceContext | None = None
    ) -> EvaluationAnswered:
        """What was measured, or in `error` why nothing could be."""
        return await (await self._parts.get()).evaluation.evaluate(tenant, request, parent)

    async def closeness(
        self, tenant: str, request: ClosenessRequested, parent: TraceContext | None = None
    ) -> ClosenessAnswered:
        """How close texts are to the tenant's confidential stores. Raises `PenstockError`."""
        return await (await self._parts.get()).closeness.of(tenant, request, parent)

    async def close(self) -> None:
        """Leave nothing open."""
        if self._parts.made is not None:
            await self._parts.made.close()
        await self._engine.dispose()
