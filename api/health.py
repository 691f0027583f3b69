"""Is it alive, and can it work: /healthz, /readyz."""

import asyncio

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
from infra.streams import Subscription, stage_subscriptions

_PATIENCE = 2.0


class Health:
    """Asks the consumers and the database themselves: a broker that answers pings can have lost a durable (FACTS 2)."""

    def __init__(self, gateway: Gateway, engine: AsyncEngine) -> None:
        self._gateway = gateway
        self._engine = engine

    async def healthz(self, exchange: Exchange, _: Visit) -> None:
        """The process runs."""
        await exchange.reply(200, b'{"status":"ok"}', {})

    async def readyz(self, exchange: Exchange, _: Visit) -> None:
        """200 where a request could be answered now, else 503 with what is missing, by name."""
        database, *consumers = await asyncio.gather(
            self._database_problem(), *(self._consumer_problem(durable) for durable in durables(self._gateway))
        )
        problems = [problem for problem in (database, *consumers) if problem]
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
