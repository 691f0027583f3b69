"""Readiness and metrics look at the queues of the catalogue that is in force, and at no others."""

from types import SimpleNamespace
from typing import Any

import orjson
from prometheus_client import CollectorRegistry

from api.health import Health
from infra.catalog import Catalog, CatalogSource
from infra.settings import Settings


def catalog(*providers: str) -> Catalog:
    deployment = {"name": "any", "provider": providers[0], "model": "real"}
    entries = [{"name": name, "kind": "openai", "base_url": "http://a/"} for name in providers]
    return Catalog.model_validate({"providers": entries, "models": [{"name": "m", "deployments": [deployment]}]})


class Server:
    """JetStream, in which each consumer has a reader but those of the providers in `unread`."""

    unread: frozenset[str] = frozenset()

    async def consumer_info(self, _: str, durable: str, **__: Any) -> Any:
        bound = not any(durable.startswith(f"provider-{name}-") for name in self.unread)
        return SimpleNamespace(push_bound=bound, num_pending=1, num_ack_pending=0)


class Answer:
    """What was answered."""

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
        connection = SimpleNamespace(js=self.server)
        gateway = SimpleNamespace(settings=Settings(), catalog=self.source, connection=connection)
        self._health = Health(gateway, NoDatabase(), CollectorRegistry())  # type: ignore[arg-type]

    async def problems(self) -> list[str]:
        answer = Answer()
        await self._health.readyz(answer, None)  # type: ignore[arg-type]
        found: list[str] = orjson.loads(answer.body)["problems"]
        return [problem for problem in found if "database" not in problem]

    async def told(self) -> set[str]:
        """The providers whose queues the metrics tell of."""
        answer = Answer()
        await self._health.metrics(answer, None)  # type: ignore[arg-type]
        names = [line.partition('consumer="provider-')[2] for line in answer.body.decode().splitlines()]
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


async def test_the_metrics_forget_a_provider_that_the_catalogue_has_no_more():
    rig = Rig("one", "two")
    assert await rig.told() == {"one", "two"}
    await rig.source.swap(catalog("two", "three"))
    assert await rig.told() == {"two", "three"}
