"""Is it alive, can it work, and what does it count: /healthz, /readyz, /metrics."""

import asyncio

import nats.errors
import orjson
from nats.js.api import ConsumerInfo
from nats.js.errors import APIError
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest
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

    def __init__(self, gateway: Gateway, engine: AsyncEngine, registry: CollectorRegistry) -> None:
        self._gateway = gateway
        self._engine = engine
        self._registry = registry
        durables = stage_subscriptions(gateway.settings, gateway.catalog.current).values()
        self._durables = [subscription for group in durables for subscription in group]
        self._waiting = Gauge(
            "penstock_queue_messages", "Messages waiting or in hand", ("consumer", "state"), registry=registry
        )

    async def healthz(self, exchange: Exchange, _: Visit) -> None:
        """The process runs."""
        await exchange.reply(200, b'{"status":"ok"}', {})

    async def readyz(self, exchange: Exchange, _: Visit) -> None:
        """200 where a request could be answered now, else 503 with what is missing, by name."""
        database, *consumers = await asyncio.gather(
            self._database_problem(), *(self._consumer_problem(durable) for durable in self._durables)
        )
        problems = [problem for problem in (database, *consumers) if problem]
        body = orjson.dumps({"status": "ready" if not problems else "not ready", "problems": problems})
        await exchange.reply(503 if problems else 200, body, {})

    async def metrics(self, exchange: Exchange, _: Visit) -> None:
        """Prometheus text; the queues are asked at each scrape."""
        for durable in self._durables:
            info = await self._info(durable)
            if info is not None:
                self._waiting.labels(durable.durable, "waiting").set(info.num_pending or 0)
                self._waiting.labels(durable.durable, "in_hand").set(info.num_ack_pending or 0)
        await exchange.start(200, {}, CONTENT_TYPE_LATEST)
        await exchange.write(generate_latest(self._registry), more=False)

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
