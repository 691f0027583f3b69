"""The vectors of queries, by the model that made an index: those of recent ones are kept."""

from collections import OrderedDict
from collections.abc import Sequence

from contracts.subjects import Lane
from infra.index.version import IndexVersion
from infra.telemetry.tracing import TraceContext
from ingestion.embedding import Vectors
from workers.embedders import Embedders

_KEPT, _LONGEST_KEPT = 1000, 1024
"""Queries, and their characters."""
_Key = tuple[str, str, str, str]


class QueryVectors:
    """Embeds queries. What a tenant asked is kept for that tenant alone: not even the time it takes tells another."""

    def __init__(self, embedders: Embedders) -> None:
        self._embedders = embedders
        self._kept: OrderedDict[_Key, Vectors] = OrderedDict()

    async def of(
        self,
        version: IndexVersion,
        texts: Sequence[str],
        *,
        lane: Lane = Lane.INTERACTIVE,
        parent: TraceContext | None = None,
    ) -> list[Vectors]:
        """A vector (dimension,) a text, comparable with those of `version`.

        Raises `PenstockError`: `invalid_request` where the model is another one by now; whatever its provider answers.
        """
        keys = [(version.tenant_id, version.model, version.revision, text) for text in texts]
        missing = list(dict.fromkeys(key for key in keys if key not in self._kept))
        new: dict[_Key, Vectors] = {}
        if missing:
            made = await self._embed(version, [text for *_, text in missing], lane, parent)
            new = dict(zip(missing, made, strict=True))
        vectors = [new[key] if key in new else self._kept[key] for key in keys]
        if lane is Lane.INTERACTIVE:
            self._keep(keys, vectors)
        return vectors

    async def require_model(self, version: IndexVersion) -> None:
        """Raises `PenstockError` (`invalid_request`) where nothing can be compared with the vectors of a version."""
        await self._embed(version, [], Lane.BATCH, None)

    async def _embed(
        self, version: IndexVersion, texts: Sequence[str], lane: Lane, parent: TraceContext | None
    ) -> Vectors:
        return await self._embedders.embed(
            version.tenant_id, version.model, texts, lane=lane, parent=parent, revision=version.revision
        )

    def _keep(self, keys: Sequence[_Key], vectors: Sequence[Vectors]) -> None:
        for key, vector in zip(keys, vectors, strict=True):
            if len(key[-1]) <= _LONGEST_KEPT:
                self._kept[key] = vector
                self._kept.move_to_end(key)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
