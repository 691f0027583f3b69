"""Is it alive, and can it work: /healthz, /readyz."""

import asyncio
from collections.abc import Sequence

import nats.errors
import orjson
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.exchange import Exchange
from api.gateway import Gateway
from api.observed import Visit
from infra.readers import living_readers
from infra.streams import Subscription, stage_subscriptions

_PATIENCE = 2.0


class Health:
    """Asks consumers, workers and the database themselves: a broker that answers pings can have lost a durable, and a
    durable that has a reader can have one that hangs.
    """

    def __init__(self, gateway: Gateway, engine: AsyncEngine) -> None:
        self._gateway = gateway
        self._engine = engine

    async def healthz(self, exchange: Exchange, _: Visit) -> None:
        """The process runs."""
        await exchange.reply(200, b'{"status":"ok"}', {})

    async def readyz(self, exchange: Exchange, _: Visit) -> None:
        """200 where a request could be answered now, else 503 with what is missing, by name."""
        wanted = durables(self._gateway)
        database, *consumers = await asyncio.gather(
            self._database_problem(), *(self._consumer_problem(durable) for durable in wanted)
        )
        unread = [problem for problem in consumers if problem] or await self._silence(wanted)
        problems = [*unread, *([database] if database else ())]
        body = orjson.dumps({"status": "ready" if not problems else "not ready", "problems": problems})
        await exchange.reply(503 if problems else 200, body, {})

    async def _info(self, durable: Subscription) -> ConsumerInfo | None:
        js = self._gateway.connection.js
        try:
            info: ConsumerInfo = await js.consumer_info(durable.stream, durable.durable, timeout=_PATIENCE)
        except (APIError, nats.errors.Error, OSError):
            return None
        return info

    async def _consumer_problem(self, durable: Subscription) -> str | None:
        info = await self._info(durable)
        if info is None:
            return f"consumer {durable.durable} can't be reached"
        return None if info.push_bound else f"no worker reads {durable.durable}"

    async def _silence(self, wanted: Sequence[Subscription]) -> list[str]:
        names = [durable.durable for durable in wanted]
        living = await living_readers(self._gateway.connection.client, names, _PATIENCE)
        return [f"the worker that reads {name} does not answer" for name in names if name not in living]

    async def _database_problem(self) -> str | None:
        try:
            async with asyncio.timeout(_PATIENCE), self._engine.connect() as connection:
                await connection.execute(text("SELECT 1"))
        except (SQLAlchemyError, OSError, TimeoutError):
            return "the database can't be reached"
        return None


def durables(gateway: Gateway) -> list[Subscription]:
    """The consumers that the settings and the catalogue that is in force ask for."""
    groups = stage_subscriptions(gateway.settings, gateway.catalog.current).values()
    return [subscription for group in groups for subscription in group]
