"""Re-indexes as a test sees them: a store with an index, the worker, and stand-ins for those who do the work.

`Indexers` stand in for the chunking, embedding and indexing workers: what is submitted for one version is written into
it at once, unless a test has it held, lost or failed. `Judge` stands in for the retrieval worker's measurements.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from nats.aio.msg import Msg

from contracts import subjects
from contracts.documents import DocumentSubmitted
from contracts.reindex import ReindexCompleted, ReindexProgressed, ReindexRequested, ReindexState
from contracts.retrieval import EvaluationAnswered, EvaluationRequested, Measured, ReadBack
from contracts.subjects import Lane
from infra.index.documents import DocumentStatus
from infra.index.jobs import Reindex, ReindexJobs, Wish
from infra.index.paging import Paging
from infra.index.writer import write_documents
from infra.streams import REINDEX, SUBMITTED, consumer_config, lane_subscriptions
from tests.support.index import STORE, TENANT, Index, document_chunks, embed, make_store
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually

_ALL = Paging(limit=100)
_PATIENT = {"ack_wait": 60.0}
"""Of the stand-ins: what a test holds back isn't delivered again meanwhile."""
(_SUBMITTED,) = (
    each for each in lane_subscriptions(SUBMITTED, "chunking", "documents.submitted", 64) if each.lane is Lane.BATCH
)


@dataclass
class Indexers:
    """Writes documents of one chunk, `words of <id>`. `seen` counts the submissions of each that were looked at."""

    pipeline: Pipeline
    index: Index
    seen: Counter[str] = field(default_factory=Counter)
    lose: Counter[str] = field(default_factory=Counter)
    failing: dict[str, str] = field(default_factory=dict)
    open: asyncio.Event = field(default_factory=asyncio.Event)

    async def take(self, message: Msg) -> None:
        await self.open.wait()
        submitted = DocumentSubmitted.model_validate_json(message.data)
        name = submitted.document_id
        self.seen[name] += 1
        assert submitted.only_version is not None
        version = await self.index.versions.find(TENANT, submitted.only_version)
        document = document_chunks(
            name,
            f"words of {name}",
            message_id=submitted.submission_id,
            model=version.model,
            revision=version.revision,
            embeddings=np.array([embed(f"words of {name}", version.dimension)]),
        )
        if self.lose[name]:
            self.lose[name] -= 1
        elif name in self.failing:
            error = ("invalid_request", self.failing[name])
            await self.index.documents.mark(version, name, document.sha256, DocumentStatus.FAILED, error=error)
        else:
            await write_documents(self.index.engine, version, [document])
        await message.ack()


@dataclass
class Judge:
    """Answers measurements: `ndcg` by version, and .7 else; `found` of 50 chunks read back. `asked` is what it was."""

    found: int = 50
    ndcg: dict[int, float] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    asked: list[EvaluationRequested] = field(default_factory=list)

    async def take(self, message: Msg) -> None:
        asked = EvaluationRequested.model_validate_json(message.data)
        self.asked.append(asked)
        answer: dict[str, Any] = (
            {"error": self.error}
            if self.error
            else {
                "measured": [self._measured(version) for version in asked.versions or ()],
                "read_back": [
                    ReadBack(version=version, sampled=50, found=self.found) for version in asked.versions or ()
                ],
            }
        )
        await message.respond(EvaluationAnswered.model_validate(answer).model_dump_json().encode())

    def _measured(self, version: int) -> Measured:
        return Measured(
            version=version,
            state="",
            mode="hybrid",
            evaluation_set="faq",
            ndcg=self.ndcg.get(version, 0.7),
            recall=1,
            mrr=1,
            queries=5,
        )


@dataclass
class Rig:
    """A store `STORE` whose live version holds documents, and what is asked of it."""

    pipeline: Pipeline
    index: Index
    indexers: Indexers
    judge: Judge

    @property
    def jobs(self) -> ReindexJobs:
        return ReindexJobs(self.index.engine)

    async def fill(self, count: int) -> list[str]:
        """Documents in the live version."""
        names = [f"d{number:03}" for number in range(count)]
        for name in names:
            await self.index.add(name, f"words of {name}")
        return names

    async def ask(self, job_id: str = "job", **fields: Any) -> str:
        """Publish `reindex.requested`, as a batch job does that knows nothing of the API."""
        values = {"job_id": job_id, "store": STORE, "embedding_model": "wordllama", **fields}
        body = ReindexRequested.model_validate(values).model_dump_json(exclude_none=True).encode()
        await self.pipeline.publish(subjects.reindex("requested", TENANT, job_id), body)
        return job_id

    async def wish(self, wish: Wish, job_id: str = "job") -> None:
        """As the API does it: one that is paused has to be asked for again."""
        row = await self.jobs.wish(TENANT, STORE, job_id, wish)
        if row.state == ReindexState.PAUSED:
            await self.ask(job_id)

    async def until(self, state: str, job_id: str = "job", *, within: float = 15) -> Reindex:
        """Its row, once it is in that state."""

        async def found() -> Reindex | None:
            rows, _ = await self.jobs.list(TENANT, STORE, _ALL)
            return next((row for row in rows if row.id == job_id and row.state == state), None)

        return await eventually(found, within=within, what=f"the re-index is not {state}")

    async def ended(self, job_id: str = "job", *, within: float = 20) -> ReindexCompleted:
        """How it ended, as it was published, and its message is settled."""
        subject = subjects.reindex("completed", TENANT, job_id)

        async def found() -> ReindexCompleted | None:
            stored = await self.pipeline.stored(REINDEX, subject)
            return ReindexCompleted.model_validate_json(stored[0].body) if stored else None

        return await eventually(found, within=within, what=f"{job_id} has not ended")

    async def settled(self) -> None:
        """Wait until the worker owes the server nothing."""

        async def nothing_left() -> bool:
            info = await self.pipeline.consumer(REINDEX, "reindex")
            return info.num_pending == 0 and info.num_ack_pending == 0

        await eventually(nothing_left, what="the request is not settled")

    async def told(self, job_id: str = "job") -> ReindexProgressed:
        """The newest progress that was published."""
        stored = await self.pipeline.stored(REINDEX, subjects.reindex("progressed", TENANT, job_id))
        return ReindexProgressed.model_validate_json(stored[-1].body)

    async def is_told(self, *, pending: int, job_id: str = "job") -> bool:
        """Whether that was published, and its row says so too."""
        stored = await self.pipeline.stored(REINDEX, subjects.reindex("progressed", TENANT, job_id))
        if not stored:
            return False
        return bool(stored[-1].json()["pending"] == (await self.jobs.find(TENANT, job_id)).pending == pending)

    async def states(self) -> dict[int, str]:
        """Of the store's versions."""
        return {version.id: version.state for version in await self.index.versions.of_store(TENANT, STORE)}

    @asynccontextmanager
    async def standing_in(self) -> AsyncIterator[None]:
        """The indexers and the judge do their work while the body runs."""
        settings = self.pipeline.settings.model_copy(update=_PATIENT)
        await self.pipeline.js.add_consumer(SUBMITTED, config=consumer_config(_SUBMITTED, settings))
        client = self.pipeline.client
        working = await client.subscribe(_SUBMITTED.deliver_subject, _SUBMITTED.durable, cb=self.indexers.take)
        try:
            async with self.judging():
                yield
        finally:
            await working.unsubscribe()

    @asynccontextmanager
    async def judging(self) -> AsyncIterator[None]:
        """The judge does."""
        judging = await self.pipeline.client.subscribe(subjects.evaluation_requested("*"), cb=self.judge.take)
        await self.pipeline.client.flush()
        try:
            yield
        finally:
            await judging.unsubscribe()

    @property
    def paging(self) -> Paging:
        """All of a list."""
        return _ALL

    def request(self, job_id: str = "job") -> ReindexRequested:
        """What `ask` publishes."""
        return ReindexRequested(job_id=job_id, store=STORE, embedding_model="wordllama")

    async def are_queued(self, count: int) -> bool:
        """Whether that many documents are on the queue."""
        return await self.pipeline.held(SUBMITTED) == count

    async def is_done(self, count: int, job_id: str = "job") -> bool:
        """Whether that many documents are through."""
        return (await self.jobs.find(TENANT, job_id)).done == count

    async def new_store(self, store: str) -> None:
        """A store without an index."""
        await make_store(self.index.engine, TENANT, store)

    async def new_document(self, name: str, *, only: int) -> None:
        """A document that was indexed in one version alone."""
        text = f"words of {name}"
        version = await self.index.versions.find(TENANT, only)
        vectors = np.array([embed(text, version.dimension)])
        document = document_chunks(name, text, model=version.model, revision=version.revision, embeddings=vectors)
        await self.index.register(document)
        await self.index.write(document, version=version)
