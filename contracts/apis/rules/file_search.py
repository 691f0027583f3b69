"""The rules of the one tool that runs here: `file_search`, in either of OpenAI's APIs that answer prompts."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from contracts.apis.grounding.search import FILE_SEARCH
from contracts.apis.rules.rules import Open
from contracts.retrieval import MOST_RESULTS

MOST_STORES = 10
"""That one request can have searched."""

_StoreName = Annotated[str, Field(min_length=1, max_length=256)]
_Weight = Annotated[float, Field(ge=0)]


class HybridSearch(Open):
    embedding_weight: _Weight
    text_weight: _Weight


class RankingOptions(Open):
    ranker: str | None = None
    score_threshold: Annotated[float | None, Field(ge=0, le=1)] = None
    hybrid_search: HybridSearch | None = None


class FileSearchTool(Open):
    """https://platform.openai.com/docs/guides/tools-file-search; the filters are read by whoever searches."""

    type: Literal["file_search"]
    vector_store_ids: Annotated[list[_StoreName], Field(min_length=1, max_length=MOST_STORES)]
    max_num_results: Annotated[int | None, Field(ge=1, le=MOST_RESULTS)] = None
    filters: dict[str, Any] | None = None
    ranking_options: RankingOptions | None = None


def _is_a_tool(value: dict[str, Any]) -> dict[str, Any]:
    if value.get("type") == FILE_SEARCH:
        FileSearchTool.model_validate(value)
    return value


def _search_few_stores(tools: list[dict[str, Any]]) -> list[dict[str, Any]]:
    searches = [tool for tool in tools if tool.get("type") == FILE_SEARCH]
    if len(searches) > 1 and sum(len(tool["vector_store_ids"]) for tool in searches) > MOST_STORES:
        raise ValueError(f"no more than {MOST_STORES} vector stores can be searched for one request")
    return tools


Tools = Annotated[list[Annotated[dict[str, Any], AfterValidator(_is_a_tool)]], AfterValidator(_search_few_stores)]
"""Tools of any kind, those of this one by its rules."""
