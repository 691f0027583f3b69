"""Which cells there are: each front, over each kind of provider, with the synchronous and the asynchronous client."""

from itertools import product
from typing import NamedTuple

import pytest

FRONTS = ("chat", "responses", "messages")
KINDS = ("openai", "azure-dated", "azure-v1", "anthropic")
MODES = ("sync", "async")
WAYS = ("whole", "stream", "helper")
"""How a prompt is asked: `.create()`, `.create(stream=True)`, `.stream()`."""


class Cell(NamedTuple):
    """One cell of a behaviour."""

    front: str
    kind: str
    mode: str

    def __str__(self) -> str:
        return "-".join(self)


CELLS = tuple(Cell(*found) for found in product(FRONTS, KINDS, MODES))
behaviour = pytest.mark.parametrize("cell", CELLS, ids=str)
"""Marks a test that holds for every front: it gets the `front` of its cell."""


def behaviour_of(front: str) -> pytest.MarkDecorator:
    """Marks a test of what one front alone can do, over each kind of provider, with both clients."""
    cells = tuple(Cell(front, *found) for found in product(KINDS, MODES))
    return pytest.mark.parametrize("cell", cells, ids=str)


APART = {front: behaviour_of(front) for front in ("embeddings", "count_tokens")}
"""Fronts that answer no prompt: what holds for the others means nothing for them."""
together = [pytest.mark.asyncio(loop_scope="session")]
"""For every module here: one platform for all, and one event loop for the clients that they share."""
