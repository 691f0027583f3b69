"""Searches as a test makes them: over the index that `tests.support.index` fills, with the vectors it gives texts."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.retrieval import EvaluationAnswered, EvaluationRequested, Hit, RetrievalAnswered, RetrievalRequested
from infra.dispatch.courtesy import Courtesy
from infra.telemetry.metrics import RetrievalMetrics
from infra.telemetry.tracing import Tracer
from ingestion.embedding import EmbeddingModel
from tests.support.index import SPEC, STORE, TENANT, embed
from workers.retrieval.parts import Parts, make_parts


@dataclass
class StandInEmbedders:
    """Gives a text the vector that the index's tests give it, and remembers what it was asked. `model` and `revision`
    are what it is; an error is raised where one is set.
    """

    model: str = SPEC.model
    revision: str = SPEC.revision
    error: PenstockError | None = None
    asked: list[str] = field(default_factory=list)
    real: EmbeddingModel | None = None

    @classmethod
    def of(cls, model: EmbeddingModel | None) -> "StandInEmbedders":
        """In the place of a real model, which does the work."""
        return cls() if model is None else cls(model.name, model.revision, real=model)

    async def embed(
        self, tenant: str, model: str, texts: Sequence[str], *, revision: str | None = None, **_: Any
    ) -> NDArray[np.float32]:
        if self.error is not None:
            raise self.error
        if (model, revision) != (self.model, self.revision):
            message = f"{model} is not what made the index: re-index it"
            raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage="embedding")
        self.asked += texts
        if self.real is not None:
            return await self.real.embed(texts)
        return np.array([embed(text) for text in texts]).reshape(len(texts), SPEC.dimension)


@dataclass
class Retrieval:
    """The retrieval worker's own parts, asked without a broker."""

    parts: Parts
    embedders: StandInEmbedders
    registry: CollectorRegistry

    @classmethod
    def on(cls, engine: AsyncEngine, model: EmbeddingModel | None = None) -> "Retrieval":
        """A new one, which knows nothing yet; `model` is what embeds its queries, if not the index's tests' own."""
        embedders, registry = StandInEmbedders.of(model), CollectorRegistry()
        metrics, tracer = RetrievalMetrics(registry), Tracer("retrieval", None)
        return cls(make_parts(engine, embedders, tracer, metrics, Courtesy()), embedders, registry)  # type: ignore[arg-type]

    async def answer(self, *queries: str, tenant: str = TENANT, **fields: Any) -> RetrievalAnswered:
        """What a search answers; `fields` are those of the request."""
        request = RetrievalRequested.model_validate({"store": STORE, "queries": queries, **fields})
        return await self.parts.search.search(tenant, request)

    async def hits(self, *queries: str, tenant: str = TENANT, **fields: Any) -> tuple[Hit, ...]:
        """What a search finds; it must not fail."""
        answer = await self.answer(*queries, tenant=tenant, **fields)
        assert answer.error is None, answer.error
        return answer.hits

    async def texts(self, *queries: str, tenant: str = TENANT, **fields: Any) -> list[str]:
        """The texts of those hits."""
        return [hit.text for hit in await self.hits(*queries, tenant=tenant, **fields)]

    async def evaluate(self, tenant: str = TENANT, **fields: Any) -> EvaluationAnswered:
        """What an evaluation answers."""
        request = EvaluationRequested.model_validate({"store": STORE, **fields})
        return await self.parts.evaluation.evaluate(tenant, request)
