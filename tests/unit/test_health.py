"""Readiness and metrics look at the queues of the catalogue that is in force, and at no others; and how those are."""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from prometheus_client import CollectorRegistry

from api.health import Health, durables
from api.metrics import Metrics
from infra.catalog import Catalog, CatalogSource
from infra.settings import Settings
from infra.telemetry.queues import Queues, fill_of


def catalog(*providers: str) -> Catalog:
    deployment = {"name": "any", "provider": providers[0], "model": "real"}
    entries = [{"name": name, "kind": "openai", "base_url": "http://a/"} for name in providers]
    return Catalog.model_validate({"providers": entries, "models": [{"name": "m", "deployments": [deployment]}]})


def stream(*, messages: int = 0, most: int = -1, size: int = 0, largest: int = -1) -> Any:
    config = SimpleNamespace(name="INFERENCE_ROUTED", max_msgs=most, max_bytes=largest, discard="new")
    return SimpleNamespace(config=config, state=SimpleNamespace(messages=messages, bytes=size))


class Server:
    """JetStream, in which each consumer has a reader but those of the providers in `unread`."""

    unread: frozenset[str] = frozenset()
    pending = 1

    async def consumer_info(self, _: str, durable: str, **__: Any) -> Any:
        bound = not any(durable.startswith(f"provider-{name}-") for name in self.unread)
        return SimpleNamespace(
            push_bound=bound,
            num_pending=self.pending,
            num_ack_pending=0,
            num_redelivered=0,
            ack_floor=SimpleNamespace(stream_seq=41),
        )

    async def get_msg(self, _: str, *, seq: int, **__: Any) -> Any:
        assert seq == 42, "the first one behind those that are acked"
        return SimpleNamespace(time=datetime.now(UTC) - timedelta(seconds=60))

    async def streams_info(self) -> list[Any]:
        return [stream(messages=30, most=100)]

    async def stream_info(self, *_: str) -> Any:
        return SimpleNamespace(state=SimpleNamespace(subjects={"penstock.v1.deadletter.routing": 3}))


class Workers:
    """What is asked of all of them: each tells what it reads, but for those that hang."""

    hanging: frozenset[str] = frozenset()

    def __init__(self, reads: Callable[[], Iterable[str]]) -> None:
        self.reads = reads

    def new_inbox(self) -> str:
        return "inbox"

    async def subscribe(self, _: str, cb: Any) -> Any:
        self.hear = cb
        return SimpleNamespace(unsubscribe=self._unsubscribed)

    async def publish(self, _: str, *, reply: str) -> None:
        assert reply == "inbox"
        for name in self.reads():
            if name not in self.hanging:
                await self.hear(SimpleNamespace(data=orjson.dumps([name])))

    async def _unsubscribed(self) -> None:
        pass


class Answer:
    """A request and what it was answered."""

    def header(self, _: str) -> None:
        return None

    def __init__(self) -> None:
        self.status, self.body = 0, b""

    async def reply(self, status: int, body: bytes, _: object) -> None:
        self.status, self.body = status, body

    async def start(self, status: int, *_: object) -> None:
        self.status = status

    async def write(self, body: bytes, **_: object) -> None:
        self.body += body


class Rig:
    """The endpoints over a catalogue that can change."""

    def __init__(self, *providers: str) -> None:
        self.server, self.source = Server(), CatalogSource(catalog(*providers))
        self.workers = Workers(lambda: (each.durable for each in durables(gateway)))  # type: ignore[arg-type]
        connection = SimpleNamespace(js=self.server, client=self.workers)
        gateway = SimpleNamespace(settings=Settings(), catalog=self.source, connection=connection)
        self._health, registry = Health(gateway, NoDatabase()), CollectorRegistry()  # type: ignore[arg-type]
        hours = count(0, 3600)
        asked = partial(durables, gateway)  # type: ignore[arg-type]
        queues = Queues(self.server, asked, registry, lambda: float(next(hours)))  # type: ignore[arg-type]
        self._metrics = Metrics(registry, queues)

    async def problems(self) -> list[str]:
        answer = Answer()
        await self._health.readyz(answer, None)  # type: ignore[arg-type]
        found: list[str] = orjson.loads(answer.body)["problems"]
        return [problem for problem in found if "database" not in problem]

    async def metrics(self) -> str:
        """What a scrape is answered that comes an hour after the one before."""
        answer = Answer()
        await self._metrics(answer, None)  # type: ignore[arg-type]
        return answer.body.decode()

    async def told(self) -> set[str]:
        """The providers whose queues the metrics tell of."""
        names = [line.partition('consumer="provider-')[2] for line in (await self.metrics()).splitlines()]
        return {name.partition("-")[0] for name in names if name}


class NoDatabase:
    """A database that can't be reached."""

    def connect(self) -> Any:
        raise OSError


async def test_readiness_wants_the_queues_of_the_catalogue_that_is_in_force():
    rig = Rig("one")
    rig.server.unread = frozenset({"one", "two"})
    assert await rig.problems() == [f"no worker reads provider-one-{lane}" for lane in ("interactive", "batch")]
    await rig.source.swap(catalog("two"))
    assert await rig.problems() == [f"no worker reads provider-two-{lane}" for lane in ("interactive", "batch")]


async def test_readiness_wants_an_answer_of_the_workers_themselves(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("api.health._PATIENCE", 0.05)
    rig = Rig("one")
    assert await rig.problems() == []
    rig.workers.hanging = frozenset({"ledger"})
    assert await rig.problems() == ["the worker that reads ledger does not answer"]


async def test_the_metrics_forget_a_provider_that_the_catalogue_has_no_more():
    rig = Rig("one", "two")
    assert await rig.told() == {"one", "two"}
    await rig.source.swap(catalog("two", "three"))
    assert await rig.told() == {"two", "three"}


async def test_the_metrics_tell_what_waits_and_for_how_long_who_reads_and_what_is_dead():
    rig = Rig("one")
    rig.server.unread = frozenset({"one"})
    told = dict(line.rsplit(" ", 1) for line in (await rig.metrics()).splitlines() if not line.startswith("#"))
    consumer = 'consumer="provider-one-interactive"'
    assert told[f'penstock_queue_messages{{{consumer},state="waiting"}}'] == "1.0"
    assert 60 <= float(told[f"penstock_queue_oldest_seconds{{{consumer}}}"]) < 120
    assert told[f"penstock_queue_read{{{consumer}}}"] == "0.0"
    assert told['penstock_queue_read{consumer="ledger"}'] == "1.0"
    assert told['penstock_stream_fill_ratio{stream="INFERENCE_ROUTED"}'] == "0.3"
    assert told['penstock_dead_letters{stage="routing"}'] == "3.0"


async def test_nobody_waits_in_an_empty_queue():
    rig = Rig("one")
    rig.server.pending = 0
    assert 'penstock_queue_oldest_seconds{consumer="ledger"} 0.0' in await rig.metrics()


def test_a_stream_is_as_full_as_the_limit_that_it_is_nearest_to():
    assert fill_of(stream(messages=10, most=100, size=90, largest=100)) == 0.9
    assert fill_of(stream(messages=10, size=90)) == 0.0
