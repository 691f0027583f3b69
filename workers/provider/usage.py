"""Tokens and money of one call: what the provider reported, or an estimate that is marked as one."""

from decimal import Decimal
from typing import Any

from contracts.inference import TokenUsage
from infra.catalog import Prices

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text (platform.openai.com/tokenizer), for what is marked an estimate."""
_MILLION = Decimal(1_000_000)


def reported(completion: dict[str, Any]) -> TokenUsage | None:
    """Usage out of OpenAI's `usage` object, or None where there is none that can be read."""
    usage = completion.get("usage")
    if not isinstance(usage, dict):
        return None
    return TokenUsage(
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        cached_input_tokens=_count((usage.get("prompt_tokens_details") or {}).get("cached_tokens")),
        reasoning_tokens=_count((usage.get("completion_tokens_details") or {}).get("reasoning_tokens")),
    )


def estimated(request: dict[str, Any], output_characters: int) -> TokenUsage:
    """An estimate from the length of the text that went in and came out."""
    characters = sum(_length(message.get("content")) for message in request.get("messages") or ())
    return TokenUsage(
        input_tokens=-(-characters // CHARACTERS_PER_TOKEN),
        output_tokens=-(-output_characters // CHARACTERS_PER_TOKEN),
        estimated=True,
    )


def cost(usage: TokenUsage, prices: Prices | None) -> Decimal | None:
    """Dollars, exactly; None where no price is known. Cached input is part of the input and has its own price."""
    if prices is None:
        return None
    cached = min(usage.cached_input_tokens, usage.input_tokens)
    cached_price = prices.input if prices.cached_input is None else prices.cached_input
    fresh = (usage.input_tokens - cached) * prices.input
    return (fresh + cached * cached_price + usage.output_tokens * prices.output) / _MILLION


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _length(content: object) -> int:
    if isinstance(content, str):
        return len(content)
    if isinstance(content, list):
        texts = (part.get("text") for part in content if isinstance(part, dict))
        return sum(len(text) for text in texts if isinstance(text, str))
    return 0
