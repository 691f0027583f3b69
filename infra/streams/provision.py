"""The one function that makes the broker hold what it must.

Configuration is not re-applied by a worker that finds its durable (FACTS 7), so it is applied here, and workers bind.
"""

import asyncio
from collections.abc import Coroutine, Iterable
from typing import Any

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from infra.catalog import Catalog
from infra.settings import Settings
from infra.streams.configs import stream_configs
from infra.streams.subscriptions import consumer_config, stage_subscriptions


async def provision(js: JetStreamContext, settings: Settings, catalog: Catalog) -> None:
    """Make streams and consumers what the settings say, keeping what they hold.

    Raises `nats.js.errors.APIError` where the server refuses a change; what was asked for beside it is done.
    """
    await _all(_apply_stream(js, config) for config in stream_configs(settings))
    groups = stage_subscriptions(settings, catalog).values()
    # Create-or-update is one call for consumers.
    await _all(
        js.add_consumer(subscription.stream, config=consumer_config(subscription, settings))
        for group in groups
        for subscription in group
    )


async def _all(calls: Iterable[Coroutine[Any, Any, object]]) -> None:
    for outcome in await asyncio.gather(*calls, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


async def _apply_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.update_stream(config)
    except NotFoundError:
        await js.add_stream(config)
