"""POST /v1/vector_stores/{store}/search"""

from collections.abc import Sequence

from api.gateway import Gateway
from api.retrieval.asking import Patience, ask
from api.retrieval.rules import SearchStore
from api.served import Call, Json
from contracts import subjects
from contracts.retrieval import RetrievalRequested

_USUAL_RESULTS = 10
_PATIENCE = Patience(whole=30.0, again_after=5.0)
_PLACE = ("start", "end", "page", "heading", "highlights")


class SearchEndpoint:
    """Raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway

    async def search(self, call: Call) -> Json:
        """What a store finds, the best first, in one page."""
        asked = await call.body(SearchStore)
        subject = subjects.retrieval_requested(call.tenant)
        question = question_of(call.in_path["store"], asked).model_dump_json().encode()
        answer = await ask(self._gateway, call.visit, subject, question, _PATIENCE)
        return results_page(asked.queries, answer)


def question_of(store: str, asked: SearchStore) -> RetrievalRequested:
    """What the worker is asked."""
    options = asked.ranking_options
    weights = options.hybrid_search if options else None
    return RetrievalRequested(
        store=store,
        queries=tuple(asked.queries),
        mode=asked.mode or "hybrid",
        limit=asked.max_num_results or _USUAL_RESULTS,
        filters=asked.filters,
        score_threshold=options.score_threshold if options else None,
        vector_weight=weights.of_vectors if weights else None,
        version=asked.version,
    )


def results_page(queries: Sequence[str], answer: Json) -> Json:
    """types/vector_store_search_response.py, and where each chunk stands; all that was asked for is in one page."""
    return {
        "object": "vector_store.search_results.page",
        "search_query": list(queries),
        "data": [_result(hit) for hit in answer["hits"]],
        "has_more": False,
        "next_page": None,
        "store_id": answer["store_id"],
        "version": answer["version"],
    }


def _result(hit: Json) -> Json:
    return {
        "file_id": hit["document_id"],
        "filename": hit["filename"],
        "score": hit["score"],
        "attributes": hit["attributes"],
        "content": [{"type": "text", "text": hit["text"]}],
        **{name: hit[name] for name in _PLACE},
    }
