"""Searches, evaluations and feedback in the OpenAPI document. Pure."""

from typing import Final

from pydantic import BaseModel

from api.openapi_parts import Json, in_path, in_query, objects, operation, paging
from api.retrieval.rules import EvaluateStore, GiveFeedback, PutEvaluationSet, SearchStore

BODIES: Final[tuple[type[BaseModel], ...]] = (SearchStore, PutEvaluationSet, EvaluateStore, GiveFeedback)
"""The rules whose schemas are referred to."""

_STORE, _NAME = in_path("store"), in_path("name")
_OBJECTS = {
    "SearchResults": ("object", "search_query", "data", "has_more", "next_page"),
    "EvaluationSet": ("object", "name", "queries", "judgements"),
    "Evaluation": ("object", "store_id", "measured", "read_back"),
    "Feedback": ("id", "object", "rating", "created_at"),
}


def paths() -> Json:
    """Every path of `api.retrieval.routes`."""
    store = "/v1/vector_stores/{store}"
    return {
        f"{store}/search": {
            "post": operation("searchVectorStore", "What was found.", "SearchResults", _STORE, body="SearchStore")
        },
        f"{store}/evaluate": {
            "post": operation("evaluateVectorStore", "What was measured.", "Evaluation", _STORE, body="EvaluateStore")
        },
        f"{store}/evaluation_sets": {"get": operation("listEvaluationSets", "Its sets.", "List", _STORE)},
        f"{store}/evaluation_sets/{{name}}": {
            "get": operation("retrieveEvaluationSet", "A set, whole.", "EvaluationSet", _STORE, _NAME),
            "put": operation(
                "putEvaluationSet", "It is kept.", "EvaluationSet", _STORE, _NAME, body="PutEvaluationSet"
            ),
            "delete": operation("deleteEvaluationSet", "It is gone.", "Deleted", _STORE, _NAME),
        },
        "/v1/feedback": {
            "post": operation("giveFeedback", "It is kept.", "Feedback", body="GiveFeedback"),
            "get": operation(
                "listFeedback", "Feedback.", "Page", *paging(100, "before"), in_query("store", {"type": "string"})
            ),
        },
    }


def schemas() -> Json:
    """Of what is answered."""
    return objects(_OBJECTS)
