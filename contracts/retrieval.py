"""The contracts of searching: request and reply over core NATS, because there is nothing to lose."""

from typing import Annotated, Any, Literal

from pydantic import Field

from contracts.documents import Attributes
from contracts.inference import Contract, ErrorBody

Mode = Literal["hybrid", "vector", "text", "rrf"]
MOST_RESULTS = 50
MOST_TEXTS = 16


class RetrievalRequested(Contract):
    """A search in a store's live version, or in the one that is named. Each of `queries` is searched for, and the best
    of all are answered.
    """

    store: Annotated[str, Field(min_length=1, max_length=256, description="A store's id, or its name.")]
    queries: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_TEXTS)]
    mode: Annotated[Mode, Field(description="hybrid is a convex combination of both legs, rrf one of their ranks.")] = (
        "hybrid"
    )
    limit: Annotated[int, Field(ge=1, le=MOST_RESULTS)] = 10
    filters: Annotated[dict[str, Any] | None, Field(description="As OpenAI's vector stores take them.")] = None
    score_threshold: Annotated[float | None, Field(ge=0, le=1)] = None
    vector_weight: Annotated[float | None, Field(ge=0, le=1, description="Of the vector leg, in hybrid.")] = None
    version: Annotated[int | None, Field(ge=1)] = None


class Hit(Contract):
    """A chunk that was found. `highlights` are spans of `text` that hold words of the query, in characters."""

    document_id: str
    filename: str
    attributes: Attributes
    score: Annotated[float, Field(description="0 to 1 in hybrid and rrf; a cosine; or BM25's, divided by the best.")]
    text: str
    start: int
    end: int
    ordinal: int
    heading: str | None = None
    page: int | None = None
    highlights: tuple[tuple[int, int], ...] = ()


class RetrievalAnswered(Contract):
    """What was found, the best first; or why nothing could be."""

    store_id: str = ""
    version: int | None = None
    confidential: Annotated[bool, Field(description="What was found may be shown to local models only.")] = False
    hits: tuple[Hit, ...] = ()
    error: ErrorBody | None = None


class ClosenessRequested(Contract):
    """How close are these texts to what the tenant's confidential stores hold?"""

    texts: Annotated[tuple[str, ...], Field(min_length=1, max_length=MOST_TEXTS)]


class ClosenessAnswered(Contract):
    """The largest cosine, and the store that holds the chunk; absent where no confidential store holds any."""

    closest: float | None = None
    store_id: str = ""
    error: ErrorBody | None = None


class EvaluationRequested(Contract):
    """Measure versions of a store: quality on its evaluation sets, and whether a sample of chunks reads back."""

    store: Annotated[str, Field(min_length=1, max_length=256)]
    versions: Annotated[tuple[int, ...] | None, Field(description="All that can be searched, where absent.")] = None
    evaluation_set: Annotated[str | None, Field(max_length=256)] = None
    read_back: Annotated[
        int, Field(ge=0, le=1000, description="How many chunks are searched for by their own text, a version.")
    ] = 0
    modes: tuple[Mode, ...] = ("vector", "text", "hybrid")


class Measured(Contract):
    """nDCG@10, recall@10 and MRR@10 of one version by one leg on one set: means over its queries, 0 to 1."""

    version: int
    state: str
    mode: str
    evaluation_set: str
    ndcg: float
    recall: float
    mrr: float
    queries: int


class ReadBack(Contract):
    """Of `sampled` chunks of a version, `found` were among the ten nearest to their own text, newly embedded."""

    version: int
    sampled: int
    found: int


class EvaluationAnswered(Contract):
    """What was measured; or why nothing could be."""

    store_id: str = ""
    measured: tuple[Measured, ...] = ()
    read_back: tuple[ReadBack, ...] = ()
    error: ErrorBody | None = None
