"""What a request wants searched: its `file_search` tools, and the text that is searched for."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from contracts.apis.fields import Json
from contracts.apis.grounding.question import place_of_question, text_of_turn, turns_of

FILE_SEARCH = "file_search"
RESULTS = 10
"""That a tool gets where it asks for no other number; OpenAI's search gives as many."""
LONGEST_QUERY = 4_000
"""In characters. Of a longer text the end is searched for: a question stands behind what it is about."""


class StoreNamed(NamedTuple):
    """A store by its id or its name, and where that stands, as in `tools[0].vector_store_ids[1]`."""

    name: str
    path: str


@dataclass(frozen=True, slots=True)
class FileSearch:
    """One tool, which stands at `path`, as in `tools[0]`. What it leaves open is None."""

    path: str
    stores: tuple[StoreNamed, ...]
    limit: int
    filters: Json | None = None
    score_threshold: float | None = None
    vector_weight: float | None = None


def wants_search(request: Json) -> bool:
    """Whether a request has such a tool. Its tools are a list of objects, if there are any."""
    tools: list[Json] = request.get("tools") or []
    return any(tool.get("type") == FILE_SEARCH for tool in tools) if tools else False


def file_searches(request: Json) -> tuple[FileSearch, ...]:
    """The tools of a request that keeps the rules; none of them where it forbids their use."""
    if request.get("tool_choice") == "none":
        return ()
    return tuple(
        _search(f"tools[{index}]", tool)
        for index, tool in enumerate(request.get("tools") or ())
        if tool.get("type") == FILE_SEARCH
    )


def queries_of(api: str, request: Json) -> tuple[str, ...]:
    """What is searched for: the user's newest text. None where there is no text, or nothing is to be searched."""
    turns = turns_of(api, request)
    place = place_of_question(turns)
    text = text_of_turn(turns[place]).strip() if place is not None and file_searches(request) else ""
    return (text[-LONGEST_QUERY:],) if text else ()


def _search(path: str, tool: Json) -> FileSearch:
    ranking: dict[str, Any] = tool.get("ranking_options") or {}
    return FileSearch(
        path=path,
        stores=tuple(_stores(tool["vector_store_ids"], f"{path}.vector_store_ids")),
        limit=tool.get("max_num_results") or RESULTS,
        filters=tool.get("filters"),
        score_threshold=ranking.get("score_threshold"),
        vector_weight=_share(ranking.get("hybrid_search")),
    )


def _stores(names: list[str], path: str) -> Iterator[StoreNamed]:
    for index, name in enumerate(names):
        if name not in names[:index]:
            yield StoreNamed(name, f"{path}[{index}]")


def _share(weights: dict[str, float] | None) -> float | None:
    """The weight of the vector leg among both; of two zeros nothing follows."""
    if not weights or not (both := weights["embedding_weight"] + weights["text_weight"]):
        return None
    return weights["embedding_weight"] / both
