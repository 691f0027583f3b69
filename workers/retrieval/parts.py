"""What searches and evaluations are made of, put together. Importing this imports numpy and the index."""

from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncEngine

from infra.dispatch.courtesy import Courtesy
from infra.index.evaluation_sets import EvaluationSets
from infra.index.search import Searcher
from infra.index.stores import Stores
from infra.index.versions import IndexVersions
from infra.telemetry.metrics import RetrievalMetrics
from infra.telemetry.tracing import Tracer
from workers.embedders import Embedders
from workers.retrieval.closeness import Closeness
from workers.retrieval.evaluation import Evaluation
from workers.retrieval.known_stores import KnownStores
from workers.retrieval.measuring import Measuring
from workers.retrieval.query_vectors import QueryVectors
from workers.retrieval.search import Search, SearchTools


@dataclass(frozen=True, slots=True)
class Parts:
    """They share connections, stores that are known, and postings that are remembered."""

    stores: KnownStores
    search: Search
    evaluation: Evaluation
    closeness: Closeness

    async def close(self) -> None:
        """Leave nothing running."""
        await self.evaluation.close()
        await self.stores.close()


def make_parts(
    engine: AsyncEngine, embedders: Embedders, tracer: Tracer, metrics: RetrievalMetrics, courtesy: Courtesy
) -> Parts:
    """For one process."""
    searcher, vectors = Searcher(engine), QueryVectors(embedders)
    listed = Stores(engine)
    stores = KnownStores(listed)
    search = Search(searcher, stores, vectors, SearchTools(tracer, metrics, courtesy))
    measuring = Measuring(searcher, vectors, courtesy)
    evaluation = Evaluation(stores, IndexVersions(engine), EvaluationSets(engine), measuring, metrics.quality)
    return Parts(stores, search, evaluation, Closeness(listed, search))
