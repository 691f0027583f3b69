"""The document flow behind its chunks: documents that have been cut, given to whoever embeds and indexes them."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import Any

import numpy as np
import orjson
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope, subjects
from contracts.subjects import Lane
from infra.index.documents import Documents, Submission
from infra.index.version import IndexVersion, VersionSpec
from infra.index.versions import IndexVersions
from infra.streams import ENDED, LOCAL_POOL
from ingestion.embedding import embedding_model
from ingestion.hashes import text_sha
from tests.support.index import STORE, embed, make_store
from tests.support.pipeline import TENANT, Pipeline, Stored
from tests.support.simulator import DEPLOYMENT, OPENAI
from tests.support.waiting import eventually

_numbers = count(1)


def content_sha(texts: tuple[str, ...]) -> str:
    """The hash of a document that consists of `texts`."""
    return text_sha("\0".join(texts))


def local_spec() -> VersionSpec:
    """An index of the model of this machine."""
    model = embedding_model("wordllama")
    return VersionSpec(model.name, model.revision, model.dimension, {"tokens": 512})


def gateway_spec(model: str = "sim-embedding") -> VersionSpec:
    """An index of a model of the simulator's."""
    return VersionSpec(model, f"{DEPLOYMENT}={model}", 1536, {"tokens": 512})


@dataclass
class CutDocuments:
    """Submits chunked documents to index versions, and sees what became of them."""

    pipeline: Pipeline
    engine: AsyncEngine

    async def version(self, spec: VersionSpec, *, tenant: str = TENANT, store: str = STORE) -> IndexVersion:
        """The live version of a new store."""
        await make_store(self.engine, tenant, store)
        return await IndexVersions(self.engine).ensure_live(tenant, store, spec)

    async def register(self, version: IndexVersion, document_id: str, *texts: str) -> None:
        """The store is to have the document with this content."""
        content = bytes.fromhex(content_sha(texts))
        submission = Submission(document_id, document_id, {}, content, datetime.now(UTC))
        await Documents(self.engine).register(version.tenant_id, version.store_id, [submission])

    async def submit(
        self, version: IndexVersion, document_id: str, *texts: str, lane: Lane = Lane.BATCH, **fields: Any
    ) -> str:
        """Register a document, publish it in chunks, and return its submission's id. `fields` go over the message's."""
        await self.register(version, document_id, *texts)
        submission_id = fields.pop("submission_id", f"submission-{next(_numbers)}")
        await self.publish(version, chunked(version, submission_id, document_id, *texts, **fields), lane)
        return submission_id

    async def publish(
        self, version: IndexVersion, body: Mapping[str, Any], lane: Lane = Lane.BATCH, **headers: str
    ) -> None:
        """Publish a message of `documents.chunked`, as the chunking worker does."""
        found = {**_headers("documents.chunked", version, body["submission_id"]), **headers}
        pool = LOCAL_POOL if version.model == "wordllama" else OPENAI
        await self.pipeline.publish(subjects.chunked(lane, pool), orjson.dumps(dict(body)), found)

    async def submit_embedded(self, version: IndexVersion, document_id: str, *texts: str, **fields: Any) -> str:
        """The same of a document that has its vectors already, for an index of `tests.support.index.SPEC`."""
        await self.register(version, document_id, *texts)
        submission_id: str = fields.pop("submission_id", f"submission-{next(_numbers)}")
        await self.publish_embedded(version, embedded(version, submission_id, document_id, *texts, **fields))
        return submission_id

    async def publish_embedded(self, version: IndexVersion, body: Mapping[str, Any]) -> None:
        """Publish a message of `documents.embedded`, as the embedding worker does."""
        headers = _headers("documents.embedded", version, body["submission_id"])
        await self.pipeline.publish(subjects.embedded(Lane.BATCH, version.tenant_id), orjson.dumps(dict(body)), headers)

    async def ends(self, submission_id: str) -> list[Stored]:
        """What was said of a submission, in whichever order."""
        return await self.pipeline.stored(ENDED, f"{subjects.ROOT}.documents.*.*.*.{submission_id}")

    async def ended(self, submission_id: str, *, within: float = 10.0) -> dict[str, Any]:
        """The body of what was said of it first, and under `event` which event it was."""
        first, *_ = await eventually(lambda: self.ends(submission_id), within=within, what=f"{submission_id} is open")
        return {"event": first.subject.split(".")[3], **first.json()}

    async def held(self, version: IndexVersion) -> IndexVersion:
        """A version with its counts of now."""
        return await IndexVersions(self.engine).find(version.tenant_id, version.id)


def _headers(event: str, version: IndexVersion, submission_id: str) -> dict[str, str]:
    key = f"{version.tenant_id}.{submission_id}.{event}.{version.id}"
    headers = envelope.new_headers(event=event, message_id=key, source="test", now=datetime.now(UTC))
    return {**headers, envelope.REQUEST_ID: submission_id, envelope.TENANT: version.tenant_id}


def embedded(version: IndexVersion, submission_id: str, document_id: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """The body of `documents.embedded`."""
    rows = np.array([embed(text, version.dimension) for text in texts], "<f2").tobytes()
    counts = {"vectors": b64encode(rows).decode(), "embedded": len(texts), "reused": 0}
    return {**chunked(version, submission_id, document_id, *texts), **counts, **fields}


def chunked(version: IndexVersion, submission_id: str, document_id: str, *texts: str, **fields: Any) -> dict[str, Any]:
    """The body of `documents.chunked`: a chunk a text."""
    return {
        "submission_id": submission_id,
        "store_id": version.store_id,
        "document_id": document_id,
        "version": version.id,
        "model": version.model,
        "revision": version.revision,
        "dimension": version.dimension,
        "sha256": content_sha(texts),
        "chunks": [{"text": text, "sha256": text_sha(text), "start": 0, "end": len(text)} for text in texts],
        **fields,
    }
