"""A store with forty documents, and every worker of the document flow to be re-indexed by."""

import asyncio
import hashlib
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import nats.errors
import numpy as np

from contracts import subjects
from contracts.reindex import ReindexCompleted, ReindexRequested
from contracts.retrieval import RetrievalAnswered, RetrievalRequested
from infra.index.documents import Documents
from infra.index.jobs import ReindexJobs
from infra.index.version import IndexVersion
from infra.index.versions import IndexVersions
from infra.streams import REINDEX
from ingestion.embedding import Vectors
from tests.support.documents import Flow
from tests.support.pipeline import TENANT, Pipeline
from tests.support.waiting import eventually

NAMES = [f"docs/{number:02}.md" for number in range(40)]


def text_of(name: str) -> str:
    """Sixty words, of which one is in no other document."""
    rng = random.Random(name)
    words = ["".join(map(rng.choice, ("bcdfgl", "aeiou", "mnprst", "aeio"))) for _ in range(59)]
    return f"{word_of(name)} {' '.join(words)}."


def word_of(name: str) -> str:
    """That word."""
    return f"word{hashlib.sha256(name.encode()).hexdigest()[:8]}"


class Constant:
    """A broken embedding model: whatever it is given, its vector is the same."""

    name, revision, dimension = "constant", "1", 64

    async def embed(self, texts: Sequence[str]) -> Vectors:
        return np.full((len(texts), self.dimension), 0.125, np.float32)


@dataclass
class Seen:
    """What searches answered while others worked."""

    versions: set[int | None] = field(default_factory=set)
    searches: int = 0
    problems: list[str] = field(default_factory=list)


@dataclass
class Docs:
    """The store `docs` of `NAMES`, and what is asked of it."""

    pipeline: Pipeline
    flow: Flow
    store: str

    @property
    def versions(self) -> IndexVersions:
        return IndexVersions(self.flow.engine)

    @property
    def jobs(self) -> ReindexJobs:
        return ReindexJobs(self.flow.engine)

    async def submit(self, *names: str, **fields: object) -> None:
        for name in names:
            await self.flow.submit(name, **{"text": text_of(name), **fields})

    async def live(self) -> IndexVersion:
        return await self.versions.live(TENANT, self.store)

    async def hold(self, version: IndexVersion, *names: str) -> bool:
        """Whether a version has these documents as the store wants them, and the store no more than these."""
        found = await Documents(self.flow.engine).indexed(version, [*NAMES, "new.md", "later.md"])
        return found.keys() == set(names) and await Documents(self.flow.engine).behind(version) == []

    def request(self, job_id: str, **fields: object) -> ReindexRequested:
        return ReindexRequested.model_validate({"job_id": job_id, "store": "docs", **fields})

    async def ask(self, job_id: str, **fields: object) -> None:
        """Publish `reindex.requested`."""
        body = self.request(job_id, **fields).model_dump_json(exclude_none=True).encode()
        await self.pipeline.publish(subjects.reindex("requested", TENANT, job_id), body)

    async def ended(self, job_id: str) -> ReindexCompleted:
        async def found() -> ReindexCompleted | None:
            stored = await self.pipeline.stored(REINDEX, subjects.reindex("completed", TENANT, job_id))
            return ReindexCompleted.model_validate_json(stored[0].body) if stored else None

        return await eventually(found, within=60, what=f"{job_id} has not ended")

    async def search(self, name: str) -> RetrievalAnswered:
        """Look for a document by its own word."""
        asked = RetrievalRequested(store="docs", queries=(word_of(name),), mode="text", limit=5)
        body = asked.model_dump_json(exclude_none=True).encode()
        reply = await self.pipeline.client.request(subjects.retrieval_requested(TENANT), body, timeout=10)
        return RetrievalAnswered.model_validate_json(reply.data)

    @asynccontextmanager
    async def searched(self) -> AsyncIterator[Seen]:
        """Searches for one document after another go on while the body runs."""
        seen, stop = Seen(), asyncio.Event()

        async def search() -> None:
            while not stop.is_set():
                name = NAMES[seen.searches % len(NAMES)]
                try:
                    answer = await self.search(name)
                except nats.errors.Error as error:
                    seen.problems.append(repr(error))
                    continue
                seen.searches += 1
                seen.versions.add(answer.version)
                if answer.error is not None or not answer.hits or answer.hits[0].document_id != name:
                    seen.problems.append(f"{name}: {answer.error or answer.hits}")
                await asyncio.sleep(0.01)

        searching = asyncio.create_task(search())
        try:
            yield seen
        finally:
            stop.set()
            await searching
