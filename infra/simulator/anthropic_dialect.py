"""Anthropic's POST /v1/messages and its token count. Shapes: as the `anthropic` SDK 2.12 has them."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from infra.simulator.answer import Answer, Choice, Finish, Usage
from infra.simulator.answers import compose, prompt_tokens
from infra.simulator.anthropic_request import read_messages_request
from infra.simulator.anthropic_shape import AnthropicShape, event
from infra.simulator.anthropic_stream import blocks_of, play
from infra.simulator.dialect import Script, Stamp, Whole
from infra.simulator.fields import load_object
from infra.simulator.knobs import Knobs
from infra.simulator.requests import ChatRequest

_STOP_REASONS: Mapping[Finish, str] = {
    Finish.END: "end_turn",
    Finish.STOP_SEQUENCE: "stop_sequence",
    Finish.LENGTH: "max_tokens",
    Finish.CALLS: "tool_use",
    Finish.FILTERED: "refusal",
}
_REFUSAL = {
    "type": "refusal",
    "category": "general_harms",
    "explanation": "This answer was stopped by the simulator's content filter.",
}


class AnthropicDialect(AnthropicShape):
    """Messages, JSON and SSE."""

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""
        return read_messages_request(load_object(body))

    def prompt_tokens(self, request: ChatRequest) -> int:
        """How many tokens the request's prompt has."""
        return prompt_tokens(request)

    def respond(self, request: ChatRequest, knobs: Knobs, stamp: Stamp, *, filtered: bool = False) -> Script | Whole:
        """The answer, which is a stream if that was asked for; ApiError 400 where there is none."""
        answer = compose(request, knobs, filtered=filtered)
        if request.stream:
            return self.script(request, answer, stamp)
        return Whole(self.reply(request, answer, stamp), answer.choices[0].length, answer.usage)

    def reply(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> bytes:
        """A `message`."""
        choice = answer.choices[0]
        message = _message(request, stamp, _first_usage(answer.usage) | _spent(answer.usage))
        content = [block.whole for block in blocks_of(request, choice, stamp)]
        return orjson.dumps(message | {"content": content, **_stop(choice)})

    def script(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
        """The events from message_start, whose usage has 1 output token, to message_stop."""
        choice = answer.choices[0]
        opening = {"type": "message_start", "message": _message(request, stamp, _first_usage(answer.usage))}
        closing = {
            "type": "message_delta",
            "delta": _stop(choice),
            "usage": _prompt_usage(answer.usage) | _spent(answer.usage),
        }
        ended = event(closing) + event({"type": "message_stop"})
        return replace(play(blocks_of(request, choice, stamp), event(opening), ended), usage=answer.usage)


class TokenCount(AnthropicShape):
    """POST /v1/messages/count_tokens: what the same request's usage would say of its prompt, cached or not."""

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""
        return read_messages_request(load_object(body), counted=True)

    def prompt_tokens(self, request: ChatRequest) -> int:
        """How many tokens the request's prompt has; no window is too small to count them."""
        return 0

    def respond(self, request: ChatRequest, knobs: Knobs, stamp: Stamp, *, filtered: bool = False) -> Whole:
        """The count."""
        return Whole(orjson.dumps({"input_tokens": prompt_tokens(request)}))


def _message(request: ChatRequest, stamp: Stamp, usage: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": f"msg_01{stamp.hex_id[:22]}",
        "type": "message",
        "role": "assistant",
        "model": request.model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": usage,
    }


def _stop(choice: Choice) -> dict[str, Any]:
    stop: dict[str, Any] = {"stop_reason": _STOP_REASONS[choice.finish], "stop_sequence": choice.stop_sequence}
    return stop | {"stop_details": _REFUSAL} if choice.finish is Finish.FILTERED else stop


def _prompt_usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
    }


def _first_usage(usage: Usage) -> dict[str, Any]:
    return {
        **_prompt_usage(usage),
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": 1,
        "service_tier": "standard",
    }


def _spent(usage: Usage) -> dict[str, Any]:
    spent: dict[str, Any] = {"output_tokens": usage.completion_tokens}
    if usage.reasoning_tokens:
        spent["output_tokens_details"] = {"thinking_tokens": usage.reasoning_tokens}
    return spent
