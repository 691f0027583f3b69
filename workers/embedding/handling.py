"""What is done with one chunked document."""

from dataclasses import replace

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import subjects
from contracts.documents import DocumentChunked
from contracts.errors import PenstockError
from infra.claims import Claims
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.telemetry import names
from workers.document_failures import DocumentFailures, KnownVersions
from workers.document_reading import Reader
from workers.documents import message_key
from workers.embedding.asked import Asked
from workers.embedding.batch import STAGE, EmbeddingBatches

_EVENT = "documents.embedded"


class Handling:
    """Gives documents their vectors, in whatever company."""

    def __init__(self, engine: AsyncEngine, batches: EmbeddingBatches, claims: Claims) -> None:
        self._batches = batches
        self._claims = claims
        self._reader = Reader(claims, DocumentChunked, "chunked document", STAGE)
        self._failures = DocumentFailures(engine, KnownVersions(engine))

    async def handle(self, job: Job) -> Outcome:
        """One message of any pool."""
        document, body = await self._reader.read(job)
        asked = Asked(document, job.span)
        try:
            await self._batches.add(job.tenant, job.lane, asked)
        except PenstockError as error:
            outcome = await self._failures.failed(job, document, error)
        else:
            outcome = Outcome("forwarded", (await self._claims.checked_in(_embedded(job, asked, body)),))
        return replace(outcome, settled=self._claims.settled(job))

    async def given_up(self, job: Job, error: PenstockError) -> tuple[Publication, ...]:
        """What is to be said of a document that goes to the dead letter."""
        return await self._failures.given_up(job, error, self._reader.read)


def _embedded(job: Job, asked: Asked, chunked: bytes) -> Publication:
    counts = {names.CHUNKS: len(asked.shas), names.EMBEDDED: asked.embedded, names.REUSED: asked.reused}
    job.span.attributes |= {names.INDEX_VERSION: asked.document.version, **counts}
    key = message_key(job, _EVENT, asked.document.version)
    return Publication(_EVENT, subjects.embedded(job.lane, job.tenant), key, asked.body(chunked))
