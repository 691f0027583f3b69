"""The one function that makes the broker hold what it must.

Configuration is not re-applied by a worker that finds its durable (FACTS 7), so it is applied here, and workers bind.
"""

from nats.js import JetStreamContext
from nats.js.api import StreamConfig
from nats.js.errors import NotFoundError

from infra.catalog import Catalog
from infra.settings import Settings
from infra.streams.configs import stream_configs
from infra.streams.subscriptions import consumer_config, stage_subscriptions


async def provision(js: JetStreamContext, settings: Settings, catalog: Catalog) -> None:
    """Make streams and consumers what the settings say, keeping what they hold.

    Raises `nats.js.errors.APIError` where the server refuses a change.
    """
    for config in stream_configs(settings):
        await _apply_stream(js, config)
    groups = stage_subscriptions(settings, catalog).values()
    for subscription in (each for group in groups for each in group):
        # Create-or-update is one call for consumers.
        await js.add_consumer(subscription.stream, config=consumer_config(subscription, settings))


async def _apply_stream(js: JetStreamContext, config: StreamConfig) -> None:
    try:
        await js.update_stream(config)
    except NotFoundError:
        await js.add_stream(config)
