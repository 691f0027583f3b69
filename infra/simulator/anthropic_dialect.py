"""Anthropic's POST /v1/messages. Shapes: the API reference, as the `anthropic` SDK 2.12 types them."""

from typing import Any

import orjson

from infra.simulator.answers import Answer, Choice, Finish, Usage
from infra.simulator.dialect import Script, Stamp
from infra.simulator.errors import ApiError, ErrorKind, missing
from infra.simulator.requests import (
    ChatRequest,
    Turn,
    load_object,
    read_content,
    read_flag,
    read_integer,
    read_model,
    read_strings,
    read_turns,
)

_ROLES = frozenset({"user", "assistant"})
_STOP_REASONS = {Finish.END: "end_turn", Finish.STOP_SEQUENCE: "stop_sequence", Finish.LENGTH: "max_tokens"}
_ERROR_TYPES = {
    ErrorKind.AUTHENTICATION: "authentication_error",
    ErrorKind.NOT_FOUND: "not_found_error",
    ErrorKind.RATE_LIMIT: "rate_limit_error",
    ErrorKind.SERVER: "api_error",
}
_MAX_TOKENS = 2**31 - 1
_TEXT_DELTA = (
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":'
)


class AnthropicDialect:
    """Messages, JSON and SSE."""

    request_id_header = b"request-id"
    broken_event = b'event: content_block_delta\ndata: {"type": "content_block_delta", "delta"\n\n'

    def parse(self, body: bytes) -> ChatRequest:
        """The request in a body; ApiError 400 for a bad one."""
        fields = load_object(body)
        model = read_model(fields)
        limit = read_integer(fields, "max_tokens", 1, _MAX_TOKENS)
        if limit is None:
            raise missing("max_tokens")
        return ChatRequest(
            model=model,
            turns=(*_system(fields), *read_turns(fields, _ROLES)),
            max_tokens=limit,
            stops=read_strings(fields, "stop_sequences"),
            stream=read_flag(fields, "stream"),
        )

    def reply(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> bytes:
        """A `message` with one text block."""
        choice = answer.choices[0]
        message = _message(request, stamp, _usage(answer.usage, answer.usage.completion_tokens))
        return orjson.dumps(message | {"content": [{"type": "text", "text": choice.text}], **_stop(choice)})

    def script(self, request: ChatRequest, answer: Answer, stamp: Stamp) -> Script:
        """The events of one text block, from message_start (whose usage has 1 output token) to message_stop."""
        choice = answer.choices[0]
        block = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
        opening = {"type": "message_start", "message": _message(request, stamp, _usage(answer.usage, 1))}
        closing = {"type": "message_delta", "delta": _stop(choice), "usage": _final_usage(answer.usage)}
        return Script(
            head=_event(opening) + _event(block) + _event({"type": "ping"}),
            tokens=tuple(_text_delta(token) for token in choice.tokens),
            tail=_event({"type": "content_block_stop", "index": 0})
            + _event(closing)
            + _event({"type": "message_stop"}),
        )

    def error(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` object with the request's id."""
        return orjson.dumps(_error(error) | {"request_id": stamp.request_id})

    def error_event(self, error: ApiError, stamp: Stamp) -> bytes:
        """An `error` event; no message_stop follows it."""
        return _event(_error(error))


def _error(error: ApiError) -> dict[str, Any]:
    kind = _ERROR_TYPES.get(error.kind, "invalid_request_error")
    return {"type": "error", "error": {"type": kind, "message": error.message}}


def _event(data: dict[str, Any]) -> bytes:
    return b"event: %s\ndata: %s\n\n" % (data["type"].encode(), orjson.dumps(data))


def _text_delta(token: str) -> bytes:
    # Most lines of a stream are this event, so only its text is encoded anew.
    return b"%s%s}}\n\n" % (_TEXT_DELTA, orjson.dumps(token))


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


def _stop(choice: Choice) -> dict[str, str | None]:
    return {"stop_reason": _STOP_REASONS[choice.finish], "stop_sequence": choice.stop_sequence}


def _usage(usage: Usage, output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _final_usage(usage: Usage) -> dict[str, int]:
    return {
        "input_tokens": usage.prompt_tokens - usage.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": usage.cached_tokens,
        "output_tokens": usage.completion_tokens,
    }


def _system(fields: dict[str, Any]) -> tuple[Turn, ...]:
    system = fields.get("system")
    return () if system is None else (Turn("system", *read_content(system, "system")),)
