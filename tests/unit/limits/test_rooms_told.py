"""Who hears the stream of another request is told the room of its own limits, and on what it hears first."""

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

from nats.aio.client import Client

from contracts import envelope
from contracts.inference import OPENAI_CHAT
from contracts.subjects import Lane
from infra.catalog import Deployment
from infra.dispatch.job import Job, Position
from infra.telemetry.tracing import Span
from workers.cache.waiting import joining
from workers.provider.attempt import Attempt
from workers.provider.relay import DeltaRelay

ATTEMPT = Attempt(
    1, Deployment(name="d", provider="p", model="m"), "m", "acme.first.1", datetime(2026, 11, 23, tzinfo=UTC)
)
CHUNK: Any = {"choices": [{"delta": {"content": "word"}}]}


def job(request_id: str, **rooms: str) -> Job:
    headers = {envelope.API: OPENAI_CHAT, envelope.INGRESS: "ingress", envelope.STREAM: "true"}
    return Job(
        subject="",
        lane=Lane.INTERACTIVE,
        tenant="acme",
        request_id=request_id,
        headers=headers | {f"ce-{name}": value for name, value in rooms.items()},
        body=b"",
        deadline=None,
        position=Position("S", "c", 1, 1, 0.0),
        span=cast("Span", SimpleNamespace()),
    )


class Heard:
    """The room that each delta's headers tell, by the request that it is for."""

    def __init__(self) -> None:
        self.rooms: dict[str, list[str | None]] = {}

    async def publish(self, subject: str, _: bytes, headers: dict[str, str]) -> None:
        self.rooms.setdefault(subject.rpartition(".")[2], []).append(headers.get(envelope.ROOMS))


async def test_each_that_hears_a_stream_is_told_its_own_room_with_the_first_that_it_hears() -> None:
    heard = Heard()
    relay = DeltaRelay(cast("Client", heard), job("first", rooms="of first"), wants_usage=False, keeps=True)
    send = relay.sender(ATTEMPT)
    await send(CHUNK)
    relay.admit(joining(job("late", rooms="of late"), {}))
    relay.admit(joining(job("unlimited"), {}))
    await send(CHUNK)
    assert heard.rooms == {"first": ["of first", None], "late": ["of late", None], "unlimited": [None, None]}
