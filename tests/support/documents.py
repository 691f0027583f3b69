"""The document flow as a test sees it: submissions in, and what the streams hold of them."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from contracts.documents import DocumentChunked, DocumentFailed, DocumentIndexed
from contracts.subjects import Lane
from infra.claims import Claims
from infra.database.engine import create_engine
from infra.dispatch.outcome import Publication
from infra.index.chunks import Chunk, DocumentChunks
from infra.index.stores import Store, Stores, StoreSettings
from infra.index.version import IndexVersion, VersionSpec
from infra.index.versions import IndexVersions
from infra.index.writer import write_documents
from infra.streams import CHUNKED, ENDED, SUBMITTED
from tests.support.database import Database
from tests.support.messages import STORE, job_of
from tests.support.pipeline import TENANT, Pipeline, Stored, new_request_id
from tests.support.waiting import eventually

SPEC = VersionSpec("wordllama", "1", 16, {"tokens": 512, "overlap": 0, "tokenizer": "cl100k_base"})
"""Of a version that is not embedded for real."""


@dataclass
class Flow:
    """Documents on their way into the stores of a pipeline's database."""

    pipeline: Pipeline
    engine: AsyncEngine

    async def store(self, name: str = STORE, tenant: str = TENANT, **settings: Any) -> Store:
        """A new store without any version."""
        return await Stores(self.engine).create(tenant, name=name, metadata={}, settings=StoreSettings(**settings))

    async def built_store(self, name: str = STORE, tenant: str = TENANT, spec: VersionSpec = SPEC) -> IndexVersion:
        """The empty live version of a new store."""
        store = await self.store(name, tenant)
        return await IndexVersions(self.engine).ensure_live(tenant, store.id, spec)

    async def submit(
        self, document_id: str, *, lane: Lane = Lane.BATCH, tenant: str = TENANT, store: str = STORE, **fields: Any
    ) -> str:
        """Publish a submission as a producer does; its id. Without any content it has a text."""
        publication = self.submission(document_id, lane=lane, tenant=tenant, store=store, **fields)
        return await self._publish(publication)

    async def submit_by_claim(self, document_id: str, **fields: Any) -> str:
        """The same, its body in the object store if it is large."""
        return await self._publish(await Claims(self.pipeline.js).checked_in(self.submission(document_id, **fields)))

    def submission(
        self, document_id: str, *, lane: Lane = Lane.BATCH, tenant: str = TENANT, store: str = STORE, **fields: Any
    ) -> Publication:
        """A submission's message."""
        submission_id = new_request_id("submission")
        if not fields.keys() & {"text", "content", "file_id", "deleted", "only_version"}:
            fields["text"] = f"What {document_id} says."
        body = {"submission_id": submission_id, "store": store, "document_id": document_id, **fields}
        headers = {envelope.REQUEST_ID: submission_id}
        key = f"{tenant}.{submission_id}.documents.submitted"
        return Publication("documents.submitted", subjects.submitted(lane, tenant), key, orjson.dumps(body), headers)

    async def _publish(self, publication: Publication) -> str:
        headers = {**publication.headers, envelope.MSG_ID: publication.key}
        await self.pipeline.publish(publication.subject, publication.body, headers)
        return headers[envelope.REQUEST_ID]

    async def chunked(self, submission_id: str) -> list[DocumentChunked]:
        """What was published of a submission for the embedding stage, by version."""
        claims = Claims(self.pipeline.js)
        stored = [each for each in await self.pipeline.stored(CHUNKED) if each.request_id == submission_id]
        bodies = [await claims.body_of(job_of(each)) for each in stored]
        return sorted(map(DocumentChunked.model_validate_json, bodies), key=lambda each: each.version)

    async def ended(self, submission_id: str) -> list[DocumentIndexed | DocumentFailed]:
        """How a submission ended so far, one a version."""
        stored = await self.pipeline.stored(ENDED, f"{subjects.ROOT}.documents.*.*.*.{submission_id}")
        return [_ending(each) for each in stored]

    async def outcome(self, submission_id: str, messages: int = 1) -> Sequence[Any]:
        """Wait until chunking has said so many things of a submission; what it said."""

        async def said() -> Sequence[Any]:
            found = [*await self.chunked(submission_id), *await self.ended(submission_id)]
            return found if len(found) >= messages else []

        found = await eventually(said, within=15, what=f"{submission_id} came to nothing")
        assert len(found) == messages, found
        return found

    async def settled(self) -> None:
        """Wait until the chunking stage owes the server nothing."""

        async def nothing_left() -> bool:
            return await self.pipeline.held(SUBMITTED) == 0

        await eventually(nothing_left, within=15, what="submissions are left")

    async def states(self, database: Database) -> dict[str, tuple[str, str | None]]:
        """The status of each document, whatever its version, and why."""
        rows = await database.rows("SELECT document_id, status, error_code FROM document_states")
        return {row["document_id"]: (row["status"], row["error_code"]) for row in rows}

    async def index(self, *bodies: DocumentChunked, tenant: str = TENANT) -> None:
        """Write chunks as the stages behind would, each with a vector that says nothing."""
        for body in bodies:
            version = await IndexVersions(self.engine).find(tenant, body.version)
            await write_documents(self.engine, version, [_written(body)])


@asynccontextmanager
async def document_flow(pipeline: Pipeline) -> AsyncIterator[Flow]:
    """The flow over a pipeline's own database."""
    engine = create_engine(pipeline.settings, pool_size=2)
    try:
        yield Flow(pipeline, engine)
    finally:
        await engine.dispose()


def _ending(stored: Stored) -> DocumentIndexed | DocumentFailed:
    body = DocumentFailed if ".failed." in stored.subject else DocumentIndexed
    return body.model_validate_json(stored.body)


def _written(body: DocumentChunked) -> DocumentChunks:
    chunks = [
        Chunk(number, each.text, bytes.fromhex(each.sha256), each.start, each.end, _words(each.text))
        for number, each in enumerate(body.chunks)
    ]
    vectors = np.ones((len(chunks), body.dimension))
    message_id = f"{body.submission_id}.{body.version}"
    return DocumentChunks(
        body.document_id, message_id, bytes.fromhex(body.sha256), body.model, body.revision, chunks, vectors
    )


def _words(text: str) -> Mapping[str, int]:
    return dict.fromkeys(text.lower().split(), 1)
