"""What is done with one embedded document."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope
from contracts.documents import DocumentEmbedded
from contracts.errors import PenstockError
from infra.claims import Claims
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.telemetry import names
from workers.document_failures import DocumentFailures, KnownVersions, superseded
from workers.document_reading import Reader
from workers.documents import ended, message_key
from workers.indexing.batch import IndexBatches
from workers.indexing.rows import STAGE, Item


class Handling:
    """Writes documents, in whatever company, and says what became of them."""

    def __init__(self, engine: AsyncEngine, versions: KnownVersions, batches: IndexBatches, claims: Claims) -> None:
        self._batches = batches
        self._claims = claims
        self._reader = Reader(claims, DocumentEmbedded, "embedded document", STAGE)
        self._failures = DocumentFailures(engine, versions)

    async def handle(self, job: Job) -> Outcome:
        """One message."""
        document, _ = await self._reader.read(job)
        own = message_key(job, "documents.embedded", document.version)
        item = Item(document, job.headers.get(envelope.MSG_ID, own), job.span)
        job.span.attributes |= {names.INDEX_VERSION: document.version, names.CHUNKS: len(document.chunks)}
        try:
            await self._batches.add(job.tenant, job.lane, item)
        except PenstockError as error:
            outcome = await self._failures.failed(job, document, error)
        else:
            outcome = _indexed(job, document) if item.written else superseded(job, document)
        return replace(outcome, settled=self._claims.settled(job))

    async def given_up(self, job: Job, error: PenstockError) -> tuple[Publication, ...]:
        """What is to be said of a document that goes to the dead letter."""
        return await self._failures.given_up(job, error, self._reader.read)


def _indexed(job: Job, document: DocumentEmbedded) -> Outcome:
    told = ended(
        job,
        document,
        version=document.version,
        sha256=document.sha256,
        chunks=len(document.chunks),
        embedded=document.embedded,
        reused=document.reused,
    )
    return Outcome("indexed", (told,))
