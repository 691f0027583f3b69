"""Vectors for many documents at once: one look at what is kept, one embedding of what is not, one keeping of it."""

from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.dispatch.courtesy import Courtesy
from infra.index.embeddings import Embeddings
from infra.telemetry import names
from infra.telemetry.metrics import EmbeddingMetrics
from infra.telemetry.tracing import AttributeValue, Span, Tracer
from workers.batch_spans import batch_span
from workers.batchers import Batchers
from workers.embedders import Embedders
from workers.embedding.asked import Asked, Vector, texts_of

STAGE = "embedding"
_LARGEST, _LINGER = 64, 0.01
"""Documents, and seconds until the next one: a batch costs as much as some ten of its documents."""


class Kind(NamedTuple):
    """What documents must have in common to be embedded together."""

    tenant: str
    model: str
    revision: str
    dimension: int
    lane: Lane


class EmbeddingBatches:
    """Gives documents their vectors."""

    def __init__(
        self,
        engine: AsyncEngine,
        embedders: Embedders,
        tracer: Tracer,
        metrics: EmbeddingMetrics,
        courtesy: Courtesy,
    ) -> None:
        self._embeddings = Embeddings(engine)
        self._embedders = embedders
        self._tracer = tracer
        self._metrics = metrics
        self._batchers: Batchers[Kind, Asked] = Batchers(self._embed, _LARGEST, _LINGER, courtesy)

    async def add(self, tenant: str, lane: Lane, asked: Asked) -> None:
        """Return once the document has its vectors. What passes, such as a provider's rate limit, is waited out.

        Raises `PenstockError`: what the model says of these texts, and `pipeline_unavailable`.
        """
        if asked.shas:
            document = asked.document
            kind = Kind(tenant, document.model, document.revision, document.dimension, lane)
            await self._batchers.add(kind, lane, asked)

    async def _embed(self, kind: Kind, batch: list[Asked]) -> None:
        attributes: dict[str, AttributeValue] = {names.TENANT: kind.tenant, names.GEN_AI_REQUEST_MODEL: kind.model}
        with batch_span(self._tracer, "embed documents", [one.span for one in batch], attributes) as span:
            texts = texts_of(batch)
            vectors = await self._embeddings.find(kind.tenant, kind.model, kind.revision, list(texts))
            # In one order everywhere: two who keep the same texts must not wait for each other.
            new = sorted(texts.keys() - vectors.keys())
            if new:
                vectors |= await self._made(kind, {sha: texts[sha] for sha in new}, span)
            span.attributes |= {names.EMBEDDED: len(new), names.REUSED: len(texts) - len(new)}
        uncounted = set(new)
        for one in batch:
            one.take(vectors, uncounted)
            self._metrics.count(kind.model, embedded=one.embedded, reused=one.reused)

    async def _made(self, kind: Kind, texts: dict[bytes, str], span: Span) -> dict[bytes, Vector]:
        """New vectors, which are kept."""
        tenant, model, revision, dimension, lane = kind
        rows = await self._embedders.embed(
            tenant,
            model,
            list(texts.values()),
            lane=lane,
            parent=span.context,
            revision=revision,
            patient=True,
        )
        if rows.shape != (len(texts), dimension):
            message = f"the embedding model {model} gave vectors of {rows.shape[1]}, and the index holds {dimension}"
            raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param="embedding_model")
        await self._embeddings.keep(tenant, model, revision, list(texts), rows)
        return dict(zip(texts, rows, strict=True))
