"""Tokens of one call, where the provider reported none: an estimate, marked as one."""

from typing import Any

from contracts.apis.limits import estimated_tokens, prompt_tokens
from contracts.inference import TokenUsage


def estimated(api: str, request: dict[str, Any], output_characters: int) -> TokenUsage:
    """An estimate from the length of the text that went in and came out; `request` is in the shape of `api`."""
    return TokenUsage(
        input_tokens=prompt_tokens(api, request),
        output_tokens=estimated_tokens(output_characters),
        estimated=True,
    )


def at_least(reported: TokenUsage, heard: TokenUsage) -> TokenUsage:
    """Of a stream that broke off: Anthropic reports the input at its beginning, and of the output next to nothing.

    What was reported of the input counts; of the output, what was heard, where that is more.
    """
    return reported.model_copy(
        update={
            "input_tokens": reported.input_tokens or heard.input_tokens,
            "output_tokens": max(reported.output_tokens, heard.output_tokens),
            "estimated": True,
        }
    )
