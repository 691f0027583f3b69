"""WordLlama, the embedding model that comes with Penstock: 256 dimensions, offline, no torch.

A text's vector is the mean of its tokens' vectors (https://github.com/dleemiller/WordLlama). The files are those of the
`wordllama` wheel. Its code is not used: importing it configures the process's logging, its loader looks for the
tokenizer where the wheel has none, and it pads a batch to its longest text: gigabytes, if that is a megabyte long.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from ingestion.embedding.model import EmbeddingConfigurationError, Vectors, unit

NAME = "wordllama"
DIMENSION = 256
_WEIGHTS = "weights/l2_supercat_256.safetensors"
_TOKENIZER = "tokenizers/l2_supercat_tokenizer_config.json"

_AT_ONCE = 32
"""Texts in one step: some milliseconds, in which an event loop gets its turns."""
_INLINE_CHARACTERS = 2000
"""A query takes less time than a thread to hand it to."""
_GATHERED_TOKENS = 8192
"""Over that, a text's tokens are counted before their vectors are looked up: 1 KB each would be much memory."""


class WordLlamaModel:
    """Loads its files (18 MB) when first asked, in 0.15 s. Then embeds some 10,000 texts of 100 tokens a second."""

    name = NAME
    dimension = DIMENSION

    def __init__(self, folder: Path | None = None) -> None:
        """`folder` holds `weights/` and `tokenizers/`; by default it is the installed wheel.

        Raises `EmbeddingConfigurationError` where they are not there.
        """
        self._folder = folder or _wheel()
        self._lock = Lock()
        self._loaded: tuple[Tokenizer, Vectors] | None = None
        for file in (_WEIGHTS, _TOKENIZER):
            if not (self._folder / file).is_file():
                raise EmbeddingConfigurationError(f"the embedding model «{NAME}» lacks its file {file}")

    @cached_property
    def revision(self) -> str:
        """The hash of both files, and how tokens become a text's vector."""
        digest = hashlib.sha256()
        for file in (_WEIGHTS, _TOKENIZER):
            digest.update((self._folder / file).read_bytes())
        return f"l2_supercat_256-mean-{digest.hexdigest()[:12]}"

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Empty texts, and those of no known token, get a vector of zeros."""
        if self._loaded is not None and sum(map(len, texts)) <= _INLINE_CHARACTERS:
            return self.embed_now(texts)
        parts = [texts[begin : begin + _AT_ONCE] for begin in range(0, len(texts), _AT_ONCE)]
        rows = [await asyncio.to_thread(self.embed_now, part) for part in parts]
        return np.concatenate(rows) if rows else np.empty((0, DIMENSION), np.float32)

    def embed_now(self, texts: Sequence[str]) -> Vectors:
        """The same in the calling thread, all at once."""
        tokenizer, table = self._load()
        encoded = tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)
        rows = [_sum(np.asarray(one.ids, np.intp), table) for one in encoded]
        return unit(np.stack(rows)) if rows else np.empty((0, DIMENSION), np.float32)

    def _load(self) -> tuple[Tokenizer, Vectors]:
        with self._lock:
            if self._loaded is None:
                tokenizer = Tokenizer.from_file(str(self._folder / _TOKENIZER))
                tokenizer.no_padding()
                tokenizer.no_truncation()
                (table,) = load_file(self._folder / _WEIGHTS).values()
                self._loaded = tokenizer, np.ascontiguousarray(table, np.float32)
            return self._loaded


def _sum(tokens: NDArray[np.intp], table: Vectors) -> Vectors:
    """The mean, up to a length that `unit` takes away. For a token that the table lacks it holds a last row."""
    tokens = np.minimum(tokens, len(table) - 1)
    if len(tokens) > _GATHERED_TOKENS:
        counts = np.bincount(tokens, minlength=len(table)).astype(np.float32)
        return np.asarray(counts @ table, np.float32)
    return np.asarray(table[tokens].sum(axis=0), np.float32)


def _wheel() -> Path:
    found = find_spec("wordllama")
    if found is None or found.origin is None:
        raise EmbeddingConfigurationError(f"the embedding model «{NAME}» wants the package «wordllama»")
    return Path(found.origin).parent
