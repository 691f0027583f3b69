"""Does a chunk read back: is it found by its own text? Pure."""

from collections.abc import Sequence

NEAREST = 10
LOOK = NEAREST + 1
_SAME = 1e-4
"""Cosines that differ by less are the same: half precision tells no more."""


def reads_back(text: str, near: Sequence[str], scores: Sequence[float]) -> bool:
    """Whether `text` is among the ten nearest to it, and nearer than others are.

    `near` are the texts of the `LOOK` nearest chunks, the nearest first, and `scores` their cosines. Chunks of the same
    text are one: boilerplate stands in many documents. Others as near as it count against it: where all vectors are the
    same, each chunk is among the ten nearest by chance, and none is nearer than another.
    """
    own = [score for found, score in zip(near, scores, strict=True) if found == text]
    if not own:
        return False
    others = [score for found, score in zip(near, scores, strict=True) if found != text]
    as_near = sum(score > max(own) - _SAME for score in others)
    return as_near < min(NEAREST, max(len(others), 1))
