"""What may stand in the bodies of these requests."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from api.documents.rules import Closed, Metadata, Text
from contracts.retrieval import MOST_RESULTS, Mode

LONGEST_QUERY = 8192
_MOST_QUERIES = 16
_LARGEST_BIGINT = 2**63 - 1

Query = Annotated[Text, Field(min_length=1, max_length=LONGEST_QUERY)]
Version = Annotated[int, Field(ge=1, le=_LARGEST_BIGINT)]
Name = Annotated[Text, Field(min_length=1, max_length=256)]


class HybridWeights(Closed):
    """How much vectors and words count. Only their ratio matters."""

    embedding_weight: Annotated[float, Field(ge=0, le=1_000_000)]
    text_weight: Annotated[float, Field(ge=0, le=1_000_000)]

    @model_validator(mode="after")
    def _one_counts(self) -> Self:
        if self.embedding_weight + self.text_weight <= 0:
            raise ValueError("one of the weights must be above 0")
        return self

    @property
    def of_vectors(self) -> float:
        """From 0 to 1."""
        return self.embedding_weight / (self.embedding_weight + self.text_weight)


class RankingOptions(Closed):
    """types/vector_store_search_params.py, and the weights that a `file_search` tool takes. We have one ranker."""

    ranker: Text | None = None
    score_threshold: Annotated[float, Field(ge=0, le=1)] | None = None
    hybrid_search: HybridWeights | None = None


class SearchStore(Closed):
    """POST /v1/vector_stores/{store}/search. `mode` and `version` are ours; `rewrite_query` changes nothing:
    a query is searched for as it is.
    """

    query: Query | Annotated[list[Query], Field(min_length=1, max_length=_MOST_QUERIES)]
    filters: dict[str, Any] | None = None
    max_num_results: Annotated[int, Field(ge=1, le=MOST_RESULTS)] | None = None
    ranking_options: RankingOptions | None = None
    rewrite_query: bool | None = None
    mode: Mode | None = None
    version: Version | None = None

    @property
    def queries(self) -> list[str]:
        """One or several."""
        return [self.query] if isinstance(self.query, str) else self.query


class PutEvaluationSet(Closed):
    """PUT /v1/vector_stores/{store}/evaluation_sets/{name}: queries by id, and for each the documents judged."""

    queries: dict[str, str]
    judgements: dict[str, dict[str, int]]


class EvaluateStore(Closed):
    """POST /v1/vector_stores/{store}/evaluate: all sets, all versions that answer, all legs, where none are named."""

    evaluation_set: Name | None = None
    versions: Annotated[list[Version], Field(min_length=1, max_length=100)] | None = None
    modes: Annotated[list[Mode], Field(min_length=1, max_length=4)] | None = None
    read_back: Annotated[int, Field(ge=0, le=1000)] | None = None


class GiveFeedback(Closed):
    """POST /v1/feedback: about an answer, a document that was found, or a search."""

    rating: Annotated[float, Field(ge=-1, le=1)]
    request_id: Name | None = None
    store: Name | None = None
    document_id: Annotated[Text, Field(min_length=1, max_length=512)] | None = None
    query: Annotated[Text, Field(max_length=LONGEST_QUERY)] | None = None
    comment: Annotated[Text, Field(max_length=LONGEST_QUERY)] | None = None
    metadata: Metadata | None = None
