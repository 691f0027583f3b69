"""An index as a test fills and asks it: stores, versions, documents of a few words with vectors to match."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.filters import Comparison, Compound, Filter, Scalar
from infra.index.chunks import Chunk, DocumentChunks
from infra.index.documents import Documents, Submission
from infra.index.found import FoundChunk
from infra.index.search import Searcher
from infra.index.tables import VectorStore
from infra.index.transaction import tenant_transaction
from infra.index.version import IndexVersion, VersionSpec
from infra.index.versions import IndexVersions
from infra.index.writer import Written, write_documents
from tests.support.database import Database

TENANT, OTHER = "acme", "evil"
STORE = "vs_docs"
SPEC = VersionSpec(model="words", revision="1", dimension=16, chunker={"tokens": 100})
_LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
ANYTHING = Compound("or", (Comparison("x", "ne", 0), Comparison("x", "eq", 0)))
"""A filter that everything passes."""


def sha(text: str) -> bytes:
    """The hash that stands for a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()


def embed(text: str, dimension: int = SPEC.dimension) -> NDArray[np.float32]:
    """A vector that is the same for the same text, and at no right angle to it for others."""
    seed = int.from_bytes(sha(text)[:8], "big")
    return np.random.default_rng(seed).normal(size=dimension).astype(np.float32)


def chunk(ordinal: int, text: str) -> Chunk:
    """A chunk whose terms are its lower-case words."""
    return Chunk(ordinal, text, sha(text), 0, len(text), Counter(text.lower().split()))


def document_chunks(document_id: str, *texts: str, message_id: str | None = None, **fields: Any) -> DocumentChunks:
    """A document whose content is `texts`, a chunk each."""
    values: dict[str, Any] = {
        "document_id": document_id,
        "message_id": message_id or f"{document_id}.{sha(' '.join(texts)).hex()[:8]}",
        "sha256": sha("\n".join(texts)),
        "model": SPEC.model,
        "revision": SPEC.revision,
        "chunks": [chunk(number, text) for number, text in enumerate(texts)],
        "embeddings": np.array([embed(text) for text in texts]).reshape(len(texts), SPEC.dimension),
        **fields,
    }
    return DocumentChunks(**values)


@dataclass
class Index:
    """The index of a migrated database, with the store `STORE` for `TENANT` and an empty live version."""

    engine: AsyncEngine
    version: IndexVersion
    _clock: Any = field(default_factory=count)

    @property
    def versions(self) -> IndexVersions:
        return IndexVersions(self.engine)

    @property
    def documents(self) -> Documents:
        return Documents(self.engine)

    @property
    def searcher(self) -> Searcher:
        return Searcher(self.engine)

    async def register(
        self, document: DocumentChunks, attributes: Mapping[str, Scalar] | None = None, **fields: Any
    ) -> set[str]:
        """Submit a document; each call later than the one before."""
        values: dict[str, Any] = {
            "id": document.document_id,
            "filename": f"{document.document_id}.txt",
            "attributes": attributes or {},
            "sha256": document.sha256,
            "submitted_at": _LONG_AGO + timedelta(seconds=next(self._clock)),
            **fields,
        }
        tenant, store = self.version.tenant_id, self.version.store_id
        return await self.documents.register(tenant, store, [Submission(**values)])

    async def write(self, *documents: DocumentChunks, version: IndexVersion | None = None) -> Written:
        """Index documents that are registered."""
        return await write_documents(self.engine, version or self.version, documents)

    async def add(self, document_id: str, *texts: str, attributes: Mapping[str, Scalar] | None = None) -> Written:
        """Submit a document and index it."""
        document = document_chunks(document_id, *texts)
        await self.register(document, attributes)
        return await self.write(document)

    async def nearest(self, text: str, limit: int = 10, where: Filter | None = None) -> list[FoundChunk]:
        """What a search for the vector of `text` shows, the best first."""
        async with self.searcher.live(self.version.tenant_id, self.version.store_id) as search:
            hits = await search.search_vectors(embed(text), limit, where)
            return await search.fetch(hits.ids.tolist())

    async def with_word(self, word: str, where: Filter | None = None) -> list[str]:
        """The texts of the chunks that have a word, in the order of their ids."""
        async with self.searcher.live(self.version.tenant_id, self.version.store_id) as search:
            async with search.ask(None, [word], 0, where) as asked:
                terms, passing = (await asked.postings()).terms, (await asked.nearest()).passing
            ids = terms[word].chunk_ids if word in terms else np.zeros(0, np.int32)
            if passing is not None:
                ids = ids[np.isin(ids, passing)]
            return texts_of(await search.fetch((await search.first_passing(ids, len(ids) or 1, where)).tolist()))

    async def current(self, version: IndexVersion | None = None) -> IndexVersion:
        """The version as it is now."""
        asked = version or self.version
        return await self.versions.find(asked.tenant_id, asked.id)


def texts_of(chunks: Sequence[FoundChunk]) -> list[str]:
    """What they say."""
    return [each.text for each in chunks]


async def make_index(engine: AsyncEngine, tenant: str = TENANT, store: str = STORE) -> Index:
    """A store with an empty live version."""
    await make_store(engine, tenant, store)
    version = await IndexVersions(engine).create(tenant, store, SPEC)
    return Index(engine, await IndexVersions(engine).switch(tenant, version.id))


async def make_store(engine: AsyncEngine, tenant: str, store: str) -> None:
    """A store without a version."""
    async with tenant_transaction(engine, tenant) as connection:
        await connection.execute(insert(VectorStore).values(tenant_id=tenant, id=store))


async def counts(index: Index) -> tuple[int, int, int]:
    """Chunks, their length, and the chunks that postings name."""
    version = await index.current()
    return version.chunks, version.total_length, version.posted


async def stored_chunks(index: Index, database: Database) -> list[tuple[str, int, str]]:
    query = f"SELECT document_id, ordinal, text FROM chunks_{index.version.id} ORDER BY document_id, ordinal"
    return [tuple(row.values()) for row in await database.rows(query)]  # type: ignore[arg-type]
