"""What becomes of a document that can't be in an index version, and of one that came too late for it."""

from collections.abc import Awaitable, Callable

from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope
from contracts.documents import DocumentChunked
from contracts.errors import ErrorCode, PenstockError
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.index.documents import Documents, DocumentStatus
from infra.index.version import IndexVersion
from infra.index.versions import IndexVersions
from workers.documents import ended, failed

_REMEMBERED = 1024


class KnownVersions:
    """Versions by number. How one was made never changes, so it is read once; its counts and state are of then."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._versions = IndexVersions(engine)
        self._known: dict[tuple[str, int], IndexVersion] = {}

    async def find(self, tenant: str, version: int) -> IndexVersion | None:
        """None for one that is gone, and for a number that none can have. Raises `PenstockError`
        (`pipeline_unavailable`).
        """
        key = (tenant, version)
        if (found := self._known.get(key)) is None:
            try:
                found = await self._versions.find(tenant, version)
            except PenstockError as error:
                if error.code in (ErrorCode.NOT_FOUND, ErrorCode.INVALID_REQUEST):
                    return None
                raise
            if len(self._known) >= _REMEMBERED:
                self._known.pop(next(iter(self._known)))
            self._known[key] = found
        return found


class DocumentFailures:
    """Ends what a document was submitted for, where a version can't have it."""

    def __init__(self, engine: AsyncEngine, versions: KnownVersions) -> None:
        self._documents = Documents(engine)
        self._versions = versions

    async def failed(self, job: Job, document: DocumentChunked, error: PenstockError) -> Outcome:
        """Note it in the version that it was for. Content that is no longer wanted has not failed: it is out of date.

        Raises `error` where another delivery may do better, or an operator has to know; and `pipeline_unavailable`.
        """
        if error.retryable or error.code is ErrorCode.INTERNAL_ERROR:
            raise error
        return await self.marked(job, document, error)

    async def marked(self, job: Job, document: DocumentChunked, error: PenstockError) -> Outcome:
        """The same, whatever the error."""
        version = await self._versions.find(job.tenant, document.version)
        if version is None or not await self._documents.mark(
            version,
            document.document_id,
            bytes.fromhex(document.sha256),
            DocumentStatus.FAILED,
            message_id=job.headers.get(envelope.MSG_ID),
            error=(error.code, error.message),
        ):
            return superseded(job, document)
        return Outcome("failed", (failed(job, document, error, document.version),))

    async def given_up(
        self, job: Job, error: PenstockError, read: Callable[[Job], Awaitable[tuple[DocumentChunked, bytes]]]
    ) -> tuple[Publication, ...]:
        """What is to be said of a message that goes to the dead letter: nothing, where `read` finds no document in it.

        Raises `pipeline_unavailable`.
        """
        try:
            document, _ = await read(job)
            return (await self.marked(job, document, error)).publications
        except PenstockError as unknown:
            if unknown.retryable:
                raise
            return ()


def superseded(job: Job, document: DocumentChunked) -> Outcome:
    """Something newer came in between: other content, or another version of the index."""
    told = ended(job, document, version=document.version, sha256=document.sha256, superseded=True)
    return Outcome("superseded", (told,))
