"""A chat model's finish reason and usage in Anthropic's terms."""

from dataclasses import dataclass

from contracts.apis.answered import count_in, object_in, text_in
from contracts.apis.fields import Json

_STOP_REASONS = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "function_call": "tool_use",
    "content_filter": "refusal",
}
_SERVICE_TIERS = {"default": "standard", "priority": "priority"}


@dataclass
class Ending:
    """How an answer ended, gathered from its choice or from the choices of its chunks."""

    finish_reason: str | None = None
    matched: str | None = None
    called: bool = False
    refused: bool = False

    def take(self, choice: Json, said: Json) -> None:
        """`choice` with `finish_reason`, and its message or delta."""
        self.finish_reason = text_in(choice, "finish_reason") or self.finish_reason
        if isinstance(choice.get("stop_reason"), str):
            # vLLM's own field: which of the sequences stopped the model. OpenAI doesn't tell.
            self.matched = choice["stop_reason"]
        self.called = self.called or bool(said.get("tool_calls"))
        self.refused = self.refused or bool(said.get("refusal"))

    def fields(self) -> Json:
        """`stop_reason` and `stop_sequence`. OpenAI says `stop` of a call that `tool_choice` forced, Anthropic not."""
        reason = _STOP_REASONS.get(self.finish_reason or "stop", "end_turn")
        if reason == "end_turn" and self.refused:
            reason = "refusal"
        elif reason == "end_turn" and self.called:
            reason = "tool_use"
        elif reason == "end_turn" and self.matched is not None:
            return {"stop_reason": "stop_sequence", "stop_sequence": self.matched}
        return {"stop_reason": reason, "stop_sequence": None}


def usage_of(usage: Json) -> Json:
    """Anthropic's counts; what the provider doesn't report is 0. Input from the cache or into it is counted apart.

    Raises `TypeError` where a count is no number.
    """
    prompt = object_in(usage, "prompt_tokens_details")
    read, written = count_in(prompt, "cached_tokens"), count_in(prompt, "cache_write_tokens")
    counted: Json = {
        "input_tokens": max(count_in(usage, "prompt_tokens") - read - written, 0),
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": read,
        "output_tokens": count_in(usage, "completion_tokens"),
    }
    reasoning = count_in(object_in(usage, "completion_tokens_details"), "reasoning_tokens")
    return counted | ({"output_tokens_details": {"thinking_tokens": reasoning}} if reasoning else {})


def service_tier(answer: Json) -> Json:
    """`service_tier` as a field of the usage, or nothing: the other tiers are none of Anthropic's."""
    tier = _SERVICE_TIERS.get(answer.get("service_tier") or "")
    return {"service_tier": tier} if tier else {}
