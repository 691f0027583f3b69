"""Identical prompts at the cache worker's door, and the leader's end as the stages behind it would store it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import orjson

from contracts import envelope, subjects
from contracts.inference import ErrorBody, InferenceCompleted, InferenceFailed
from contracts.subjects import Lane
from infra.streams import UNCACHED, WAITING
from tests.support.messages import completed_body, message_of
from tests.support.pipeline import TENANT, Pipeline, Stored, new_request_id, prompt
from tests.support.waiting import eventually


@dataclass(frozen=True, slots=True)
class Flight:
    """Requests for one prompt."""

    pipeline: Pipeline
    content: str

    async def ask(
        self,
        *,
        lane: Lane = Lane.INTERACTIVE,
        tenant: str = TENANT,
        seconds: float = 60,
        headers: Mapping[str, str] | None = None,
    ) -> str:
        """Give the prompt to the cache worker once more; the request's id."""
        request_id = new_request_id("together")
        message = message_of("inference.validated", request_id, lane)
        deadline = envelope.rfc3339(datetime.now(UTC) + timedelta(seconds=seconds))
        whose = {envelope.TENANT: tenant, envelope.DEADLINE: deadline}
        body = orjson.dumps(prompt(request_id, content=self.content))
        await self.pipeline.publish(
            subjects.validated(lane, tenant), body, {**message.headers, **whose, **(headers or {})}
        )
        return request_id

    async def leads(self, request_id: str) -> Stored:
        """Wait until a request is on its way to a model; the message that sends it there."""

        async def sent() -> Stored | None:
            return next((one for one in await self.sent() if one.request_id == request_id), None)

        return await eventually(sent, what=f"{request_id} was not sent on")

    async def sent(self) -> list[Stored]:
        """What is on its way to a model."""
        return await self.pipeline.stored(UNCACHED)

    async def waits(self, request_id: str) -> None:
        """Wait until a request waits for another one's answer, in a worker's hands."""

        async def parked() -> bool:
            stored = await self.pipeline.stored(WAITING)
            lanes = [await self.pipeline.consumer(WAITING, f"waiting-{lane}") for lane in Lane]
            return request_id in {one.request_id for one in stored} and not any(lane.num_pending for lane in lanes)

        await eventually(parked, what=f"{request_id} does not wait")

    async def together(self, followers: int) -> tuple[str, list[str]]:
        """One that leads, and others that wait for it."""
        leader = await self.ask()
        await self.leads(leader)
        rest = [await self.ask() for _ in range(followers)]
        for request_id in rest:
            await self.waits(request_id)
        return leader, rest

    async def complete(self, leader: str, *, finish_reason: str = "stop") -> InferenceCompleted:
        """The leader is answered."""
        found = await self.leads(leader)
        answer = completed_body(leader)
        answer.response["choices"][0]["finish_reason"] = finish_reason
        body = answer.model_dump_json(exclude_none=True).encode()
        await self._end("inference.completed", leader, found, body)
        return answer

    async def fail(self, leader: str, error: ErrorBody) -> None:
        """The leader fails."""
        body = InferenceFailed(request_id=leader, error=error).model_dump_json(exclude_none=True).encode()
        await self._end("inference.failed", leader, await self.leads(leader), body)

    async def _end(self, event: str, leader: str, sent: Stored, body: bytes) -> None:
        key = f"{TENANT}.{leader}.terminal"
        own = envelope.new_headers(event=event, message_id=key, source="penstock/test", now=datetime.now(UTC))
        carried = {name: sent.headers[name] for name in envelope.CARRIED if name in sent.headers}
        lane = sent.subject.split(".")[4]
        await self.pipeline.publish(f"{subjects.ROOT}.{event}.{lane}.{TENANT}.{leader}", body, {**own, **carried})

    async def answered(self, request_id: str) -> InferenceCompleted:
        """Wait for an answer."""
        return await eventually(lambda: self.pipeline.completed(request_id), what=f"{request_id} was not answered")

    async def failed(self, request_id: str) -> InferenceFailed:
        """Wait for a failure."""
        return await eventually(lambda: self.pipeline.failed(request_id), what=f"{request_id} did not fail")
