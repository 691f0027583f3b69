"""What an embedding model is."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ErrorCode, PenstockError

Vectors = NDArray[np.float32]
"""One row a text, of length 1, so that a scalar product is a cosine; or all 0, for a text that means nothing."""


class EmbeddingModel(Protocol):
    """Turns texts into vectors. Vectors of two models, or of two revisions of one, can't be compared.

    `name` is the configuration that makes this model again; `dimension` is the length of its vectors.
    """

    @property
    def name(self) -> str: ...
    @property
    def revision(self) -> str: ...
    @property
    def dimension(self) -> int: ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """The vectors of the texts, in their order: an array of (texts, dimension)."""
        ...


class EmbeddingConfigurationError(PenstockError):
    """A configuration that names no model, or one that can't be used here."""

    def __init__(self, message: str) -> None:
        super().__init__(ErrorCode.INVALID_REQUEST, message, stage="embedding", param="embedding_model")


def unit(vectors: NDArray[np.floating]) -> Vectors:
    """The rows at length 1; one of zeros, which has no direction, stays. Raises `ValueError` for what is no number."""
    rows = np.asarray(vectors, np.float32)
    if not np.isfinite(rows).all():
        raise ValueError("a vector holds what is no number")
    lengths: Vectors = np.linalg.norm(rows, axis=1, keepdims=True)
    lengths[lengths == 0] = 1
    return rows / lengths
