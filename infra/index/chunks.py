"""What is written into an index: the chunks of a document with their vectors and words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from contracts.errors import ErrorCode, PenstockError
from infra.index.transaction import STAGE


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document. `terms` are its BM25 words with their frequencies; offsets are characters."""

    ordinal: int
    text: str
    text_sha: bytes
    start: int
    end: int
    terms: Mapping[str, int]
    heading: str | None = None
    page: int | None = None

    @property
    def length(self) -> int:
        """In BM25 words."""
        return sum(self.terms.values())


@dataclass(frozen=True, slots=True)
class DocumentChunks:
    """All chunks of one document. `embeddings` has the shape (chunks, dimension); their length makes no difference.

    `sha256` is of the content that the chunks were cut from, `message_id` that of the message that brought them.
    """

    document_id: str
    message_id: str
    sha256: bytes
    model: str
    revision: str
    chunks: Sequence[Chunk]
    embeddings: NDArray[np.floating[Any]]

    def require_fit(self, model: str, revision: str, dimension: int) -> None:
        """Raises `PenstockError` (`invalid_request`) for vectors that can't stand in an index of that kind."""
        if (self.model, self.revision) != (model, revision):
            ours, theirs = f"{self.model} {self.revision}", f"{model} {revision}"
            raise self._unfit(f"was embedded by {ours}, and the index holds vectors of {theirs}")
        if self.embeddings.shape != (len(self.chunks), dimension):
            shape = f"{len(self.chunks)} chunks, and vectors of the shape {self.embeddings.shape}"
            raise self._unfit(f"has {shape}, where the index holds vectors of {dimension}")
        if not np.isfinite(self.embeddings).all():
            raise self._unfit("has a vector that is not finite")

    def _unfit(self, reason: str) -> PenstockError:
        message = f"the document {self.document_id!r} {reason}"
        return PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=self.document_id)
