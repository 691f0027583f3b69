"""Passages and requests for the tests of answers from documents."""

from typing import Any

from contracts.inference import OPENAI_CHAT, OPENAI_RESPONSES, Ground

Json = dict[str, Any]
BOUNDARY = "5f0c1e2d3b4a5968"
SEARCH: Json = {"type": "file_search", "vector_store_ids": ["docs"]}
FUNCTION: Json = {"type": "function", "function": {"name": "add", "parameters": {"type": "object", "properties": {}}}}
OWN_FUNCTION: Json = {"type": "function", "name": "add", "parameters": {"type": "object", "properties": {}}}
CHAT: Json = {
    "model": "m",
    "messages": [{"role": "user", "content": "How long may a gate be open?"}],
    "tools": [SEARCH],
}
RESPONSE: Json = {"model": "m", "input": "How long may a gate be open?", "tools": [SEARCH]}
OF_API: dict[str, Json] = {OPENAI_CHAT: CHAT, OPENAI_RESPONSES: RESPONSE}


def passage(text: str = "A gate may be open for an hour.", **fields: Any) -> Ground:
    """What a search found."""
    values: Json = {
        "store_id": "vs_1",
        "document_id": "file-1",
        "filename": "gates.md",
        "start": 10,
        "end": 10 + len(text),
        "score": 0.75,
        "text": text,
    }
    return Ground(**values | fields)


GATES = passage()
PUMPS = passage("A pump rests on Sundays.", document_id="file-2", filename="pumps.pdf", page=3, score=0.5)


def citation(ground: Ground, index: int) -> Json:
    """A `file_citation` as a Response has it."""
    return {"type": "file_citation", **inner_citation(ground, index)}


def inner_citation(ground: Ground, index: int) -> Json:
    """What it says."""
    return {
        "index": index,
        "file_id": ground.document_id,
        "filename": ground.filename,
        "start_offset": ground.start,
        "end_offset": ground.end,
        "score": ground.score,
        "vector_store_id": ground.store_id,
    }
