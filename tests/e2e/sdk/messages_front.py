"""`/v1/messages` by the `anthropic` SDK."""

import json
import re
from types import ModuleType
from typing import Any, ClassVar

import anthropic

from tests.e2e.sdk.front import Front, Told, Unsupported, each, given, got, opened
from tests.e2e.sdk.prompts import Answer, Assistant, Call, Prompt, Results, Stranger, Tool, Turn, Usage, User

MAX_TOKENS = 4096
BUDGET = 2048
_STOPS = {"end_turn": "end", "stop_sequence": "end", "max_tokens": "length", "tool_use": "calls"}
_OPENAIS = ("openai", "azure-dated", "azure-v1")
_DATA_URI = re.compile(r"data:([^;]+);base64,(.+)")


class MessagesFront(Front):
    """Messages."""

    name = "messages"
    sdk: ClassVar[ModuleType] = anthropic
    names_fields = False
    unsupported: ClassVar[Unsupported] = {"top_k": (5, _OPENAIS), "container": ("container_1", _OPENAIS)}

    async def whole(self, prompt: Prompt) -> Answer:
        return self._answer(await got(self.client.messages.create(**asked(prompt))))

    async def parse(self, prompt: Prompt) -> Answer:
        return self._answer(await got(self.client.messages.parse(**asked(prompt), output_format=prompt.output)))

    async def helper(self, prompt: Prompt) -> Answer:
        more = given(output_format=prompt.output)
        async with opened(self.client.messages.stream(**asked(prompt), **more)) as stream:
            pieces = [event.text async for event in each(stream) if event.type == "text"]
            return self._answer(await got(stream.get_final_message()), pieces)

    async def stream(self, prompt: Prompt) -> Answer:
        stream = await got(self.client.messages.create(**asked(prompt), stream=True))
        events = [event async for event in each(stream)]
        assert (events[0].type, events[-2].type, events[-1].type) == ("message_start", "message_delta", "message_stop")
        deltas = [event.delta for event in events if event.type == "content_block_delta"]
        pieces = tuple(delta.text for delta in deltas if delta.type == "text_delta")
        return Answer(
            text="".join(pieces),
            calls=_calls_in(events),
            stop=_STOPS[events[-2].delta.stop_reason],
            usage=_usage(events[-2].usage),
            model=events[0].message.model,
            headers=self.heard.headers,
            reasoning="".join(delta.thinking for delta in deltas if delta.type == "thinking_delta"),
            pieces=pieces,
        )

    def told(self, error: Any) -> Told:
        assert error.body["type"] == "error"
        assert error.body["request_id"] == error.request_id == error.response.headers["x-request-id"]
        inner = error.body["error"]
        return Told(error.status_code, inner["type"], inner["message"], None, error.response.headers)

    def kind_of(self, error: Any) -> str:
        assert error.body["type"] == "error"
        return str(error.body["error"]["type"])

    def _answer(self, message: Any, pieces: list[str] | None = None) -> Answer:
        return Answer(
            text="".join(block.text for block in message.content if block.type == "text"),
            calls=tuple(
                Call(block.id, block.name, block.input) for block in message.content if block.type == "tool_use"
            ),
            stop=_STOPS[message.stop_reason],
            usage=_usage(message.usage),
            model=message.model,
            headers=self.heard.headers,
            reasoning="".join(block.thinking for block in message.content if block.type == "thinking"),
            pieces=tuple(pieces or ()),
            parsed=getattr(message, "parsed_output", None),
            said=message,
        )


def asked(prompt: Prompt) -> dict[str, Any]:
    """The arguments of `messages.create`."""
    return given(
        model=prompt.model,
        messages=[_message(turn) for turn in prompt.turns],
        max_tokens=prompt.max_tokens or MAX_TOKENS,
        system=prompt.system,
        tools=[_tool(tool) for tool in prompt.tools] or None,
        tool_choice=_choice(prompt),
        stop_sequences=prompt.stop and [prompt.stop],
        thinking=prompt.effort and {"type": "enabled", "budget_tokens": BUDGET},
        output_config=prompt.effort and {"effort": prompt.effort},
        extra_body=dict(prompt.more) or None,
        extra_headers=dict(prompt.headers) or None,
        **prompt.fields,
    )


def _message(turn: Turn) -> dict[str, Any]:
    match turn:
        case User(text, ()):
            return {"role": "user", "content": text}
        case User(text, images):
            blocks = [{"type": "image", "source": _source(url)} for url in images]
            return {"role": "user", "content": [{"type": "text", "text": text}, *blocks]}
        case Assistant(text):
            return {"role": "assistant", "content": text}
        case Stranger(role):
            return {"role": role, "content": "Hello"}
        case Results(texts):
            results = [{"type": "tool_result", "tool_use_id": of, "content": text} for of, text in texts.items()]
            return {"role": "user", "content": results}
        case Answer():
            return {"role": "assistant", "content": turn.said.content}


def _source(url: str) -> dict[str, Any]:
    if (found := _DATA_URI.fullmatch(url)) is None:
        return {"type": "url", "url": url}
    return {"type": "base64", "media_type": found[1], "data": found[2]}


def _tool(tool: Tool) -> dict[str, Any]:
    return {"name": tool.name, "description": tool.description, "input_schema": tool.schema}


def _choice(prompt: Prompt) -> dict[str, Any] | None:
    if prompt.choice is None and prompt.parallel is None:
        return None
    words: dict[str | None, dict[str, Any]] = {"auto": {"type": "auto"}, None: {"type": "auto"}}
    found = words.get(prompt.choice) or (
        {"type": "any"} if prompt.choice == "required" else {"type": "tool", "name": prompt.choice}
    )
    return found | ({} if prompt.parallel is None else {"disable_parallel_tool_use": not prompt.parallel})


def _usage(usage: Any) -> Usage:
    details = usage.output_tokens_details
    return Usage(usage.input_tokens, usage.output_tokens, details.thinking_tokens if details else 0)


def _calls_in(events: list[Any]) -> tuple[Call, ...]:
    """Put together by hand: a block's start has the name, its deltas are fragments of the input."""
    starts = {event.index: event.content_block for event in events if event.type == "content_block_start"}
    parts: dict[int, list[str]] = {index: [] for index, block in starts.items() if block.type == "tool_use"}
    for event in events:
        if event.type == "content_block_delta" and event.delta.type == "input_json_delta":
            parts[event.index].append(event.delta.partial_json)
    return tuple(
        Call(starts[index].id, starts[index].name, json.loads("".join(said) or "{}")) for index, said in parts.items()
    )
