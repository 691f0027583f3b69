"""Models of sentence-transformers, for whoever installs it: it brings torch and is no dependency of Penstock."""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ingestion.embedding.model import EmbeddingConfigurationError, Vectors, unit

PREFIX = "sentence-transformers"


class SentenceTransformersModel:
    """`name@revision`: a model of the Hugging Face hub, or a folder, at a commit or tag. Takes seconds to load."""

    def __init__(self, pinned: str) -> None:
        """Raises `EmbeddingConfigurationError` without a revision, and where sentence-transformers is not installed."""
        model, _, self.revision = pinned.rpartition("@")
        if not model or not self.revision:
            message = (
                f"«{PREFIX}:{pinned}» names no revision, as in «{PREFIX}:all-MiniLM-L6-v2@c9745ed»: vectors of two"
            )
            raise EmbeddingConfigurationError(f"{message} revisions can't be compared")
        self.name = f"{PREFIX}:{pinned}"
        try:
            library = import_module("sentence_transformers")
        except ImportError:
            message = f"«{self.name}» wants the package «sentence-transformers»: pip install 'penstock[{PREFIX}]'"
            raise EmbeddingConfigurationError(message) from None
        self._model: Any = library.SentenceTransformer(model, revision=self.revision)
        self.dimension = len(self._encode(["as long as any"])[0])

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """In a thread; torch releases the interpreter's lock."""
        if not texts:
            return np.empty((0, self.dimension), np.float32)
        return unit(await asyncio.to_thread(self._encode, list(texts)))

    def _encode(self, texts: list[str]) -> NDArray[np.floating]:
        return np.asarray(self._model.encode(texts, convert_to_numpy=True, show_progress_bar=False))
