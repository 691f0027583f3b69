"""Tokens and money of one call: an estimate, marked as one, where the provider reported none; and what it costs."""

from decimal import Decimal
from typing import Any

from contracts.apis.shape import SHAPES
from contracts.inference import TokenUsage
from infra.catalog import Prices

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text (platform.openai.com/tokenizer), for what is marked an estimate."""
_MILLION = Decimal(1_000_000)


def estimated(api: str, request: dict[str, Any], output_characters: int) -> TokenUsage:
    """An estimate from the length of the text that went in and came out; `request` is in the shape of `api`."""
    characters = SHAPES[api].prompt_characters(request)
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
