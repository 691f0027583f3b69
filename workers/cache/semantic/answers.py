"""Whether two answers are the same."""

import hashlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from contracts.apis.fields import Json
from contracts.inference import ANTHROPIC_MESSAGES, OPENAI_CHAT
from infra.semantic.entries import Answer
from workers.cache.semantic.guards import facts_of

_MARKS = str.maketrans(dict.fromkeys("*_`#>.,;:!?\"'()[]", " "))
LONGEST = 8_000
"""Characters of an answer that are compared; a longer one is the same as none."""


def text_of(api: str, response: Json) -> str | None:
    """What an answer says; None for one that is more than text, says nothing, or is too long to compare."""
    try:
        parts = list(_texts(api, response))
    except (KeyError, TypeError, IndexError, AttributeError):
        return None
    if not parts or any(part is None for part in parts):
        return None
    text = "\n".join(part for part in parts if part).strip()
    return text if 0 < len(text) <= LONGEST else None


def answer_of(text: str, vector: NDArray[np.float32]) -> Answer:
    """What is compared: the words without case and marks, the facts, and the vector (256,) of a text."""
    words = " ".join(text.lower().translate(_MARKS).split())
    said, _, _ = facts_of(text).split("\x1e")
    return Answer(hashlib.sha256(words.encode()).digest(), hashlib.sha256(said.encode()).digest(), vector)


def is_same(one: Answer, other: Answer, cosine: float) -> bool:
    """The same words; or the same facts, in the same order, and vectors that are at least as near as `cosine`.

    It errs towards another answer: what is counted as wrong then keeps the cache closed.
    """
    if one.sha256 == other.sha256:
        return True
    return one.facts == other.facts and float(one.vector @ other.vector) >= cosine


def _texts(api: str, response: Json) -> Iterator[str | None]:
    """None stands for a part that is no text."""
    if api == OPENAI_CHAT:
        message = response["choices"][0]["message"]
        special = len(response["choices"]) != 1 or message.get("tool_calls") or message.get("refusal")
        yield None if special else message["content"]
    elif api == ANTHROPIC_MESSAGES:
        for block in response["content"]:
            yield block["text"] if block["type"] == "text" else None
    else:
        for item in response["output"]:
            if item["type"] in ("reasoning", "file_search_call"):
                continue
            for part in item["content"] if item["type"] == "message" else (item,):
                yield part["text"] if part["type"] == "output_text" else None
