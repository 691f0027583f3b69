"""Providers that the catalogue has no more, and in whose queues messages still lie: each has to come to its end."""

from collections.abc import Collection

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

_PAGE = 256
"""Consumers that the server tells of at once."""


async def leftover_providers(js: JetStreamContext, stream: str, prefix: str, known: Collection[str]) -> tuple[str, ...]:
    """Names that are not `known` and for which messages of `stream` wait or are in hand, here or elsewhere.

    Their durables are `<prefix>-<name>-<lane>`. Raises `nats.errors.Error` while the broker is away.
    """
    names: dict[str, None] = {}
    offset = 0
    while page := await js.consumers_info(stream, offset):
        busy = (consumer for consumer in page if consumer.num_pending or consumer.num_ack_pending)
        names |= {_provider_of(consumer, prefix): None for consumer in busy}
        offset += len(page)
        if len(page) < _PAGE:
            break
    return tuple(name for name in names if name and name not in known)


def _provider_of(consumer: ConsumerInfo, prefix: str) -> str:
    """The empty string for a durable of another kind."""
    first, _, rest = consumer.name.partition("-")
    return rest.rpartition("-")[0] if first == prefix else ""
