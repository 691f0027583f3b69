"""What this process counts, and how the queues are: /metrics."""

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from api.exchange import Exchange
from api.observed import Visit
from infra.telemetry.queues import Queues


class Metrics:
    """The endpoint. The queues are asked at each scrape."""

    def __init__(self, registry: CollectorRegistry, queues: Queues) -> None:
        self._registry = registry
        self._queues = queues

    async def __call__(self, exchange: Exchange, _: Visit) -> None:
        """Prometheus text; exemplars are in OpenMetrics alone, which a scraper asks for in `accept`."""
        await self._queues.refresh()
        encode, content_type = choose_encoder(exchange.header("accept") or "")
        await exchange.start(200, {}, content_type)
        await exchange.write(encode(self._registry), more=False)
