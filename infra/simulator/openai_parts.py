"""What a chat completion and its chunks share. Shapes: the API reference, as the `openai` SDK 3.54 types them."""

from collections.abc import Mapping
from typing import Any

from infra.simulator.answer import Finish, Usage
from infra.simulator.dialect import Stamp
from infra.simulator.requests import ChatRequest
from infra.simulator.tools import call_digits

FINISH: Mapping[Finish, str] = {
    Finish.END: "stop",
    Finish.STOP_SEQUENCE: "stop",
    Finish.LENGTH: "length",
    Finish.CALLS: "tool_calls",
    Finish.FILTERED: "content_filter",
}


def envelope(kind: str, request: ChatRequest, stamp: Stamp) -> dict[str, Any]:
    """The fields around the choices; `kind` is `chat.completion` or `chat.completion.chunk`."""
    return {
        "id": f"chatcmpl-{stamp.hex_id[:29]}",
        "object": kind,
        "created": stamp.created,
        "model": request.model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def tool_call(stamp: Stamp, choice: int, call: int, name: str, arguments: str) -> dict[str, Any]:
    """One of a message's tool calls; the numbers are its choice's and its own, from 0."""
    return {
        "id": f"call_{call_digits(stamp.hex_id, choice, call)[:24]}",
        "type": "function",
        "function": {"name": name, "arguments": arguments},
    }


def shows_reasoning(request: ChatRequest) -> bool:
    """Whether reasoning is given as `reasoning_content`, which DeepSeek and vLLM do, and not just counted."""
    return "reason" in request.model


def usage_object(usage: Usage) -> dict[str, Any]:
    """A `usage` object."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": usage.reasoning_tokens,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }
