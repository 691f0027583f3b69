"""OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings"""

from typing import Any

from contracts.apis.counts import count
from contracts.apis.fields import Json
from contracts.inference import TokenUsage

_CHARACTERS_PER_TOKEN = 4


def tokens(usage: Any) -> TokenUsage | None:  # noqa: ANN401 - whatever JSON the provider sent
    """Out of a `usage` object, or None where there is none."""
    return TokenUsage(input_tokens=count(usage.get("prompt_tokens"))) if isinstance(usage, dict) else None


def is_whole(answer: Json) -> bool:
    """Whether there are vectors in it."""
    return bool(answer.get("data"))


def prompt_characters(request: Json) -> int:
    """Of all inputs; one that is given as tokens counts four characters each."""
    asked = request.get("input")
    inputs = asked if isinstance(asked, list) and not _is_tokens(asked) else [asked]
    return sum(_length(item) for item in inputs)


def _is_tokens(asked: list[Any]) -> bool:
    return bool(asked) and isinstance(asked[0], int)


def _length(item: object) -> int:
    if isinstance(item, str):
        return len(item)
    return len(item) * _CHARACTERS_PER_TOKEN if isinstance(item, list) else 0
