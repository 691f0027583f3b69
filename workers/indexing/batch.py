"""Writing documents into their index versions, many in one transaction."""

import asyncio
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.index.documents import Documents
from infra.index.version import IndexVersion
from infra.index.writer import write_documents
from infra.telemetry import names
from infra.telemetry.metrics import IndexingMetrics
from infra.telemetry.tracing import AttributeValue
from workers.batch_spans import batch_span
from workers.batchers import Batchers
from workers.context import WorkerContext
from workers.document_failures import KnownVersions
from workers.indexing.rows import Item, rounds, rows_of
from workers.indexing.upkeep import Upkeep


class Place(NamedTuple):
    """What documents must have in common to be written together."""

    tenant: str
    version: int


class IndexBatches:
    """Writes documents, and tells the upkeep of it."""

    def __init__(
        self,
        engine: AsyncEngine,
        versions: KnownVersions,
        upkeep: Upkeep,
        context: WorkerContext,
        metrics: IndexingMetrics,
    ) -> None:
        self._engine = engine
        self._versions = versions
        self._documents = Documents(engine)
        self._upkeep = upkeep
        self._tracer = context.tracer
        self._metrics = metrics
        settings = context.settings
        self._batchers: Batchers[Place, Item] = Batchers(
            self._write, settings.index_batch, settings.index_linger, context.courtesy
        )

    async def add(self, tenant: str, lane: Lane, item: Item) -> None:
        """Return once it is known whether the index holds this content of the document, which `item.written` says.

        Raises `PenstockError`: `invalid_request` for what can't be in the index, and `pipeline_unavailable`.
        """
        await self._batchers.add(Place(tenant, item.document.version), lane, item)

    async def _write(self, place: Place, items: list[Item]) -> None:
        version = await self._versions.find(*place)
        if version is None:
            return
        attributes: dict[str, AttributeValue] = {names.TENANT: place.tenant, names.INDEX_VERSION: version.id}
        with batch_span(self._tracer, "write documents", [item.span for item in items], attributes) as span:
            chunks = [await self._write_part(version, part) for part in rounds(items)]
            span.attributes[names.CHUNKS] = sum(chunks)
        self._metrics.chunks.inc(sum(chunks))

    async def _write_part(self, version: IndexVersion, items: list[Item]) -> int:
        """How many chunks were written."""
        rows = await asyncio.to_thread(rows_of, items)
        try:
            written = await write_documents(self._engine, version, rows)
        except PenstockError as error:
            if error.code is ErrorCode.NOT_FOUND:
                # The version was dropped meanwhile: its documents are done with.
                return 0
            raise
        # What was left out may be there already, by an earlier delivery of the same message.
        held = await self._documents.indexed(version, written.left_out) if written.left_out else {}
        for item in items:
            document = item.document
            there = document.document_id in written.documents
            item.written = there or held.get(document.document_id) == bytes.fromhex(document.sha256)
        if written.documents:
            self._metrics.documents.inc(len(written.documents))
            self._upkeep.written_to(version)
        return written.chunks
