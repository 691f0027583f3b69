"""The embedding models of this machine that a process has loaded: each once, whoever of its workers asks first."""

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingestion.embedding import EmbeddingModel


class LocalModels:
    """Loads a model when it is first wanted, in a thread: until then a process pays for none."""

    def __init__(self) -> None:
        self._loading: dict[str, asyncio.Task[EmbeddingModel]] = {}

    async def find(self, name: str) -> "EmbeddingModel | None":
        """The model, or None for a name that is not one of this machine's.

        Raises `ingestion.embedding.EmbeddingConfigurationError` for one that can't be used here.
        """
        from ingestion.embedding import BUILT_IN

        if name.partition(":")[0] not in BUILT_IN:
            return None
        loading = self._loading.get(name)
        if loading is None or (loading.done() and (loading.cancelled() or loading.exception() is not None)):
            loading = self._loading[name] = asyncio.create_task(asyncio.to_thread(_load, name))
        # Whoever waits may be cancelled; the others still want it.
        return await asyncio.shield(loading)


def _load(name: str) -> "EmbeddingModel":
    from ingestion.embedding import embedding_model

    model = embedding_model(name)
    # Both are found by reading files, which is for this thread to do.
    _ = model.revision, model.dimension
    return model
