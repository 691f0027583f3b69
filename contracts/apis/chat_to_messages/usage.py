"""Anthropic's stop reasons and usage in OpenAI's terms."""

from contracts.apis.answered import count_in, object_in
from contracts.apis.fields import Json

_FINISH_REASONS = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_SERVICE_TIERS = {"standard": "default", "priority": "priority"}
"""Anthropic's third, `batch`, is none of OpenAI's."""
_ANTHROPIC_ONLY = ("cache_creation_input_tokens", "cache_read_input_tokens", "cache_creation", "server_tool_use")
"""What has a price of its own at Anthropic; kept under Anthropic's names beside OpenAI's."""


def finish_reason(stop_reason: str | None) -> str | None:
    """None for a message that has not ended; a reason of a newer API is `stop`."""
    return None if stop_reason is None else _FINISH_REASONS.get(stop_reason, "stop")


def service_tier(usage: Json) -> Json:
    """`service_tier` as a field of the answer, or nothing."""
    tier = _SERVICE_TIERS.get(usage.get("service_tier") or "")
    return {"service_tier": tier} if tier else {}


def usage_of(usage: Json) -> Json:
    """Anthropic counts cached input apart from `input_tokens`, OpenAI within `prompt_tokens`.

    Raises `KeyError` without `input_tokens` or `output_tokens`, `TypeError` where they are no numbers.
    """
    read, written = count_in(usage, "cache_read_input_tokens"), count_in(usage, "cache_creation_input_tokens")
    prompt, completion = usage["input_tokens"] + read + written, usage["output_tokens"]
    counted: Json = {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
    }
    details = object_in(usage, "output_tokens_details")
    if details.get("thinking_tokens") is not None:
        counted["completion_tokens_details"] = {"reasoning_tokens": details["thinking_tokens"]}
    return counted | {name: usage[name] for name in _ANTHROPIC_ONLY if usage.get(name) is not None}
