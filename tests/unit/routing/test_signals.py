"""What a routing process hears of deployments."""

import json
from types import SimpleNamespace
from typing import Any

from nats.aio.client import Client

from tests.support.logs import RecordedLog
from tests.support.waiting import eventually
from workers.routing.signals import HeardSignals


class Broker:
    """Remembers who listens, and tells them."""

    def __init__(self) -> None:
        self.heard_by: dict[str, Any] = {}

    async def subscribe(self, subject: str, cb: Any) -> None:
        self.heard_by[subject] = cb

    async def tell(self, subject: str, **body: Any) -> None:
        await self.heard_by[subject](SimpleNamespace(subject=subject, data=json.dumps(body).encode()))


def signals(broker: Broker, now: float = 100.0) -> HeardSignals:
    client: Any = broker
    assert isinstance(client, Client | Broker)
    return HeardSignals(client, RecordedLog().logger, lambda: now)


async def test_a_deployment_is_open_until_its_breaker_closes_or_its_time_is_over():
    broker = Broker()
    heard = signals(broker)
    await heard.open()
    subject = "penstock.v1.breaker.*"
    await broker.tell(subject, deployment="a", model="m", open=True, until=101, reason="failures", by="x")
    await broker.tell(subject, deployment="b", model="m", open=True, until=99)
    assert (heard.is_open("a"), heard.is_open("b"), heard.is_open("c")) == (True, False, False)
    await broker.tell(subject, deployment="a", model="m", open=False)
    assert not heard.is_open("a")
    await broker.tell(subject, nonsense=True)


async def test_the_time_of_calls_is_known_once_it_was_asked_for():
    broker = Broker()
    heard = signals(broker)
    heard.watch_calls()
    subject = "penstock.v1.usage.recorded.*"
    await eventually(lambda: subject in broker.heard_by, within=5)
    for status, milliseconds in (("completed", 1000), ("failed", 1), ("cache_hit", 1), ("completed", 2000)):
        await broker.tell(subject, deployment="a", status=status, latency_ms=milliseconds)
    await broker.tell(subject, status="completed")
    found = heard.seconds("a")
    assert found is not None
    assert 1 < found < 2
    assert heard.seconds("b") is None
