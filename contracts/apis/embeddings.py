"""OpenAI's embeddings. https://platform.openai.com/docs/api-reference/embeddings"""

import base64
import sys
from array import array
from typing import Any, TypeAlias

from contracts.apis.counts import count
from contracts.apis.fields import Json
from contracts.inference import TokenUsage

_CHARACTERS_PER_TOKEN = 4
Vector: TypeAlias = "array[float]"
"""32-bit floats, of type code `f`."""


def tokens(usage: Any) -> TokenUsage | None:  # noqa: ANN401 - whatever JSON the provider sent
    """Out of a `usage` object, or None where there is none."""
    return TokenUsage(input_tokens=count(usage.get("prompt_tokens"))) if isinstance(usage, dict) else None


def is_whole(answer: Json) -> bool:
    """Whether there are vectors in it."""
    return bool(answer.get("data"))


def vectors_in(answer: Json, inputs: int) -> list[Vector]:
    """The vectors of so many inputs, in their order, whether they came as numbers or in base64 (little-endian floats).

    Raises `ValueError`, `LookupError`, `TypeError` or `AttributeError` for an answer of another shape, and for vectors
    of several lengths.
    """
    found = {item.get("index", place): _vector(item["embedding"]) for place, item in enumerate(answer["data"])}
    vectors = [found[index] for index in range(inputs)]
    if len(found) != inputs or len({len(vector) for vector in vectors}) > 1 or not all(vectors):
        raise ValueError(f"{inputs} vectors of one length were due")
    return vectors


def _vector(said: str | list[float]) -> Vector:
    if not isinstance(said, str):
        return array("f", said)
    vector = array("f", base64.b64decode(said, validate=True))
    if sys.byteorder == "big":
        vector.byteswap()
    return vector


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
