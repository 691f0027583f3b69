"""What is done with a submission: taken in, and cut for each index version that doesn't hold its content yet."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, replace

from contracts import subjects
from contracts.documents import DocumentSubmitted
from contracts.errors import ContractError, ErrorCode, PenstockError
from contracts.inference import ErrorBody
from infra.claims import Claims
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Identity, Job, fields_of, require_identity
from infra.dispatch.outcome import Outcome, Publication
from infra.index.documents import Documents, DocumentStatus
from infra.index.intake import Given, TakenIn
from infra.index.places import Wanted
from infra.index.stores import Store, Stores
from infra.index.version import IndexVersion, VersionSpec
from infra.index.versions import IndexVersions
from infra.telemetry import names
from ingestion.chunking import ChunkerSettings
from ingestion.parsing import ParserPool, UnparsableError
from workers.chunking.answers import describe, unchanged, without_work
from workers.chunking.cutting import Cut, cut, is_plain, parse_and_cut
from workers.chunking.reception import Reception
from workers.chunking.submission import (
    STAGE,
    About,
    about_of,
    arrival_of,
    given_by_file,
    given_inline,
    read_submission,
    submitted_at,
)
from workers.documents import ended, failed, message_key
from workers.embedders import Embedders

_EVENT = "documents.chunked"


@dataclass(frozen=True, slots=True)
class Tools:
    """What submissions are worked on with."""

    claims: Claims
    reception: Reception
    stores: Stores
    documents: Documents
    versions: IndexVersions
    embedders: Embedders
    parsers: ParserPool
    emitter: Emitter


@dataclass(frozen=True, slots=True)
class _Task:
    """A document, and what the store wants of it; `given` is its content, where the submission brought it."""

    job: Job
    about: About
    wanted: Wanted
    given: Given | None


class Chunking:
    """The handler of `documents.submitted`."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools

    async def handle(self, job: Job) -> Outcome:
        """A document that can't be indexed has failed, and its message is settled: no other waits for it.

        Raises `PenstockError` for what a later delivery may do better, and `ContractError` for a message that doesn't
        say whose it is, or which document it is about.
        """
        require_identity(Identity(job.lane, job.tenant, job.request_id), STAGE)
        body = await self._tools.claims.body_of(job)
        try:
            submission = read_submission(body, job.request_id)
            async with self._given(job.tenant, submission) as given:
                outcome = await self._work(job, submission, given)
        except PenstockError as error:
            if error.retryable or error.code is ErrorCode.INTERNAL_ERROR:
                raise
            told = await self._fail(job, body, error)
            if told is None:
                raise
            outcome = Outcome("failed", (told,))
        return replace(outcome, settled=self._tools.claims.settled(job))

    async def give_up(self, job: Job, error: PenstockError) -> None:
        """The document of a message that becomes a dead letter has failed, as far as it can be told which one it is."""
        try:
            require_identity(Identity(job.lane, job.tenant, job.request_id), STAGE)
            body = await self._tools.claims.body_of(job)
        except ContractError:
            return
        told = await self._fail(job, body, error)
        if told is not None:
            await self._tools.emitter.emit(job, told)

    async def close(self) -> None:
        """End the parsers."""
        await self._tools.parsers.close()

    async def _fail(self, job: Job, body: bytes, error: PenstockError) -> Publication | None:
        """What is said of the document; None where it can't be told which one it is."""
        about, version = about_of(fields_of(body), job.request_id), None
        if about is None:
            return None
        with suppress(ContractError):
            submission = read_submission(body, job.request_id)
            version = submission.only_version
            await self._mark(job, submission, error)
        return failed(job, about, error, version)

    async def _mark(self, job: Job, submission: DocumentSubmitted, error: PenstockError) -> None:
        """Whoever looks at the document sees that it has failed, if it is one that the store has."""
        if submission.deleted:
            return
        said, at = (error.code, error.message), submitted_at(submission, job.position.stored_at)
        try:
            store = await self._tools.stores.resolve(job.tenant, submission.store)
            await self._tools.documents.fail(
                job.tenant, store.id, submission.document_id, said, at=at, only_version=submission.only_version
            )
        except PenstockError as another:
            # There is no such store, or none that has a document of such a name.
            if another.retryable:
                raise

    async def _work(self, job: Job, submission: DocumentSubmitted, given: Given | None) -> Outcome:
        taken = await self._take_in(job, submission, given)
        if taken.store is None:
            message = f"the vector store {submission.store!r} does not exist"
            raise PenstockError(ErrorCode.NOT_FOUND, message, stage=STAGE, param="store")
        about = About(job.request_id, taken.store.id, submission.document_id)
        describe(job, about)
        if taken.wanted is None:
            return without_work(job, about, deleted=not taken.superseded)
        versions = taken.versions
        if taken.unbuilt:
            versions = (await self._first_version(job.tenant, taken.store),)
        held = tuple(unchanged(job, about, taken.wanted, version) for version in taken.held)
        if not versions:
            return Outcome("unchanged", held)
        label, made = await self._chunk(_Task(job, about, taken.wanted, given), versions)
        return Outcome(label, (*held, *made))

    async def _take_in(self, job: Job, submission: DocumentSubmitted, given: Given | None) -> TakenIn:
        arrival = arrival_of(submission, given, job.position.stored_at)
        return await self._tools.reception.take_in(job.tenant, arrival)

    @asynccontextmanager
    async def _given(self, tenant: str, submission: DocumentSubmitted) -> AsyncIterator[Given | None]:
        """Raises `PenstockError` (`not_found`) for a file that isn't there."""
        if submission.file_id is None:
            yield given_inline(submission)
            return
        async with self._tools.reception.reading(tenant, submission.file_id) as file:
            yield given_by_file(submission, submission.file_id, file)

    async def _first_version(self, tenant: str, store: Store) -> IndexVersion:
        """A store's index begins with its first document."""
        wanted = store.settings
        model = await self._tools.embedders.describe(wanted.embedding_model, tenant=tenant)
        chunker = ChunkerSettings(wanted.chunk_tokens, wanted.chunk_overlap)
        spec = VersionSpec(model.model, model.revision, model.dimension, asdict(chunker))
        return await self._tools.versions.ensure_live(tenant, store.id, spec)

    async def _chunk(self, task: _Task, versions: Sequence[IndexVersion]) -> tuple[str, list[Publication]]:
        """How it went, and a message for each version."""
        task.job.span.attributes[names.VERSIONS] = len(versions)
        try:
            cuts = await self._cut(task, versions)
        except UnparsableError as error:
            said = ErrorBody(code=error.code, message=error.message, stage=STAGE)
            return "failed", list(await self._refuse(task, versions, said))
        except PenstockError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
            return "failed", list(await self._refuse(task, versions, ErrorBody.of(error)))
        task.job.span.attributes[names.CHUNKS] = sum(each.chunks for each in cuts)
        made = [await self._forward(task, each) for each in cuts]
        return "forwarded", [publication for of_version in made for publication in of_version]

    async def _cut(self, task: _Task, versions: Sequence[IndexVersion]) -> list[Cut]:
        """Raises `UnparsableError`, and `PenstockError` (`not_found`) where the content has been deleted."""
        if task.given is not None and task.given.content is not None:
            return await self._cut_content(task, task.given.content, versions)
        async with self._tools.reception.reading(task.job.tenant, task.wanted.file_id or "") as file:
            return await self._cut_content(task, file.content, versions)

    async def _cut_content(self, task: _Task, content: bytes, versions: Sequence[IndexVersion]) -> list[Cut]:
        wanted, about = task.wanted, task.about
        if is_plain(wanted.filename, wanted.media_type, content):
            parsed, cuts = await asyncio.to_thread(parse_and_cut, content, wanted, about, versions)
        else:
            parsed = await self._tools.parsers.parse_apart(wanted.filename, content, wanted.media_type)
            cuts = await asyncio.to_thread(cut, parsed, wanted, about, versions)
        task.job.span.attributes[names.DOCUMENT_KIND] = parsed.kind
        return cuts

    async def _forward(self, task: _Task, each: Cut) -> Sequence[Publication]:
        try:
            pool = self._tools.embedders.pool_of(each.version.model)
        except PenstockError as error:
            return await self._refuse(task, (each.version,), ErrorBody.of(error))
        key = message_key(task.job, _EVENT, each.version.id)
        publication = Publication(_EVENT, subjects.chunked(task.job.lane, pool), key, each.body)
        return (await self._tools.claims.checked_in(publication),)

    async def _refuse(self, task: _Task, versions: Sequence[IndexVersion], error: ErrorBody) -> tuple[Publication, ...]:
        """The document has failed in these versions, unless other content is wanted of it by now."""
        said = []
        for version in versions:
            marked = await self._tools.documents.mark(
                version,
                task.about.document_id,
                task.wanted.sha256,
                DocumentStatus.FAILED,
                message_id=message_key(task.job, "documents.failed", version.id),
                error=(error.code, error.message),
            )
            said.append(
                failed(task.job, task.about, error, version.id)
                if marked
                else ended(task.job, task.about, version=version.id, superseded=True)
            )
        return tuple(said)
