"""Anthropic's messages, their blocks and the events of their streams, as tests write them."""

from collections.abc import Iterable
from typing import Any

from contracts.apis.chat_to_messages.stream import ChunksOfMessage
from tests.unit.apis.sdk import check_message

Json = dict[str, Any]
TOOL_USE: Json = {"type": "tool_use", "id": "toolu_1", "name": "add", "input": {"x": 1, "y": "é"}}
THOUGHT: Json = {"type": "thinking", "thinking": "Hm.", "signature": "sig"}
HIDDEN: Json = {"type": "redacted_thinking", "data": "d"}
USAGE: Json = {"input_tokens": 10, "output_tokens": 5}

CALL: Json = {"id": "toolu_1", "type": "function", "function": {"name": "add", "arguments": '{"x":1,"y":"é"}'}}
EMPTY_CALL: Json = {"id": "toolu_2", "type": "function", "function": {"name": "add", "arguments": "{}"}}


def text(said: str, **more: object) -> Json:
    return {"type": "text", "text": said, **more}


def message(*content: Json, stop_reason: str | None = "end_turn", usage: Json = USAGE, **more: object) -> Json:
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude", "stop_sequence": None}
    whole = {**head, "content": list(content), "stop_reason": stop_reason, "usage": usage, **more}
    check_message(whole)
    return whole


def cited(kind: str, **where: object) -> Json:
    return {"type": kind, "cited_text": "…", **where}


WEB = cited("web_search_result_location", url="https://a.example", title="A", encrypted_index="e")
SEARCH = cited(
    "search_result_location", source="https://b.example", title=None,
    search_result_index=0, start_block_index=0, end_block_index=1,
)  # fmt: skip
PAGE = cited("page_location", document_index=0, document_title="D", start_page_number=1, end_page_number=2)


def streamed(events: Iterable[Json]) -> list[Json]:
    translator = ChunksOfMessage()
    chunks = [chunk for event in events for chunk in translator.events(event)]
    assert translator.finished
    return [*chunks, *translator.end()]
