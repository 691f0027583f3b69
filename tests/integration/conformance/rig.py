"""A worker of the conformance suite on the bench: give it messages, see what comes of them."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from contracts import envelope, subjects
from contracts.inference import OPENAI_CHAT
from contracts.subjects import Lane
from infra.database.engine import create_engine
from infra.index.documents import Documents, Submission
from infra.index.version import IndexVersion, VersionSpec
from infra.streams import ENDED
from tests.integration.conformance.cases import Case, stream_of
from tests.support.acks import AckSpy, spied_acks
from tests.support.database import Database
from tests.support.documents import SPEC, Flow, document_flow
from tests.support.index import make_store
from tests.support.messages import STORE, Message, completed_body, content_of, message_of, wordllama
from tests.support.pipeline import TENANT, Pipeline, Stored, new_request_id, prompt
from tests.support.waiting import eventually
from tests.support.workers import Intercept, RunningWorkers, StartWorkers, intercepted
from workers.cache.entry import entry_of
from workers.cache.key import cache_key, models_behind


@dataclass(slots=True)
class Rig:
    """One case with a pipeline of its own."""

    case: Case
    pipeline: Pipeline
    database: Database
    workers: StartWorkers
    given: dict[str, Message] = field(default_factory=dict)
    """What was published, by request id."""
    flow: Flow | None = None
    version: IndexVersion | None = None
    key: str = ""
    """Of the cached answer."""
    closing: AsyncExitStack = field(default_factory=AsyncExitStack)

    async def prepare(self) -> None:
        """Where the case is a hit, let the cache know the answer; where it is about documents, let there be a store."""
        if self.case.of_documents:
            self.flow = await self.closing.enter_async_context(document_flow(self.pipeline))
            spec = VersionSpec(**wordllama(), chunker=SPEC.chunker)
            self.version = await self.flow.built_store(spec=spec)
        if self.case.consumes == "inference.ungrounded":
            engine = create_engine(self.pipeline.settings, pool_size=1)
            await make_store(engine, TENANT, STORE)
            await engine.dispose()
        if self.case.cached:
            asked = prompt("any")["request"]
            entry = entry_of(completed_body("earlier")).model_dump_json().encode()
            models = models_behind(self.pipeline.catalog, asked["model"])
            self.key = cache_key(OPENAI_CHAT, asked, models=models)
            await self.pipeline.publish(subjects.cache_entry(TENANT, self.key), entry)

    def running(self) -> AbstractAsyncContextManager[RunningWorkers]:
        """The case's worker in a process of its own."""
        return self.workers(self.case.worker)

    def intercepted(self, intercept: Intercept) -> AbstractContextManager[None]:
        """A worker that starts now has `intercept` in front of the handler that the case is about."""
        return intercepted(self.case.worker, self.case.consumes, intercept)

    def message(self, request_id: str, lane: Lane = Lane.INTERACTIVE) -> Message:
        """A good message."""
        message = message_of(self.case.consumes, request_id, lane, self.version.id if self.version else 1)
        if not self.case.cached:
            return message
        if self.case.consumes == "inference.waiting":
            own = {**message.headers, envelope.CACHE_KEY: self.key}
            message = replace(message, subject=subjects.waiting(lane, TENANT, self.key), headers=own)
        return replace(message, body=orjson.dumps(prompt(request_id)))

    async def give(
        self,
        request_id: str | None = None,
        *,
        lane: Lane = Lane.INTERACTIVE,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Publish a good message, `headers` over its own, and return its request id."""
        request_id = request_id or new_request_id(self.case.name)
        await self._register(request_id)
        await self._publish(request_id, lane, headers or {})
        return request_id

    async def give_many(self, count: int, *, lane: Lane = Lane.INTERACTIVE) -> list[str]:
        """Publish so many good messages at once, and return their request ids."""
        request_ids = [new_request_id(self.case.name) for _ in range(count)]
        await self._register(*request_ids)
        await asyncio.gather(*(self._publish(request_id, lane, {}) for request_id in request_ids))
        return request_ids

    async def _publish(self, request_id: str, lane: Lane, headers: Mapping[str, str]) -> None:
        message = self.message(request_id, lane)
        message.headers.update(headers)
        await self.pipeline.publish(message.subject, message.body, message.headers)
        self.given[request_id] = message

    async def _register(self, *request_ids: str) -> None:
        """What chunking has done before: the store is to have the documents."""
        if self.flow is None or self.case.consumes == "documents.submitted":
            return
        assert self.version is not None
        now = datetime.now(UTC)
        documents = [Submission(each, each, {}, bytes.fromhex(content_of(each)), now) for each in request_ids]
        await Documents(self.flow.engine).register(TENANT, self.version.store_id, documents)

    async def close(self) -> None:
        """After the test."""
        await self.closing.aclose()

    async def own_terminals(self, request_id: str) -> list[Stored]:
        """The request's terminal messages that the worker itself has stored; of a submission, how it ended."""
        if self.case.of_documents:
            return await self.pipeline.stored(ENDED, f"{subjects.ROOT}.documents.*.*.*.{request_id}")
        return [] if self.case.consumes == "inference.completed" else await self.pipeline.terminals(request_id)

    async def outputs(self, request_id: str) -> Mapping[str, int]:
        """How often each event was stored for a request, those of an unexpected kind included."""
        found = Counter({"row": len(await self._rows(request_id))} if "row" in self.case.produces else {})
        for message in await self.output_messages(request_id):
            found[".".join(message.subject.split(".")[2:4])] += 1
        return +found

    async def _rows(self, request_id: str) -> Sequence[Mapping[str, Any]]:
        if self.case.name == "responses":
            return await self.database.responses(request_id)
        return await self.database.usage(request_id)

    async def output_messages(self, request_id: str) -> list[Stored]:
        """What the worker stored for a request, dead letters apart."""
        results = await self.own_terminals(request_id)
        apart = ("row", "inference.completed", "documents.indexed", "documents.failed")
        others = {stream_of(event) for event in self.case.produces if event not in apart}
        stored = [message for stream in sorted(others) for message in await self.pipeline.stored(stream)]
        return results + [message for message in stored if message.request_id == request_id]

    async def done(self, request_id: str, *, within: float = 20.0) -> None:
        """Wait until all outputs of a request are there."""

        async def all_there() -> bool:
            return (await self.outputs(request_id)).keys() >= set(self.case.produces)

        await eventually(all_there, within=within, what=f"{request_id} was not handled")

    async def settled(self, *, within: float = 20.0) -> None:
        """Wait until the worker owes the server nothing: every message is delivered and settled."""

        async def nothing_left() -> bool:
            infos = [await self.pipeline.consumer(stream, name) for name, stream in self.case.durables.items()]
            return all(info.num_pending == 0 and info.num_ack_pending == 0 for info in infos)

        await eventually(nothing_left, within=within, what="the consumer is not done")

    async def exactly_once(self, request_id: str, *, within: float = 20.0) -> None:
        """Wait until a request is handled and everything settled; each of its outputs must then be there once."""
        await self.done(request_id, within=within)
        await self.settled(within=within)
        assert await self.outputs(request_id) == dict.fromkeys(self.case.produces, 1)

    def spied(self) -> AbstractAsyncContextManager[AckSpy]:
        """What the worker tells the server about its messages in the interactive lane."""
        return spied_acks(self.pipeline.client, self.case.stream(), self.case.durable_of())
