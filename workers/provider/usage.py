"""Tokens of one call, where the provider reported none: an estimate, marked as one."""

from typing import Any

from contracts.apis.shape import SHAPES
from contracts.inference import TokenUsage

CHARACTERS_PER_TOKEN = 4
"""OpenAI's rule of thumb for English text (platform.openai.com/tokenizer), for what is marked an estimate."""


def estimated(api: str, request: dict[str, Any], output_characters: int) -> TokenUsage:
    """An estimate from the length of the text that went in and came out; `request` is in the shape of `api`."""
    characters = SHAPES[api].prompt_characters(request)
    return TokenUsage(
        input_tokens=-(-characters // CHARACTERS_PER_TOKEN),
        output_tokens=-(-output_characters // CHARACTERS_PER_TOKEN),
        estimated=True,
    )
