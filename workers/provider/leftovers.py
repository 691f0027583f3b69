"""Providers that the catalogue has no more, and in whose queues messages still lie: each gets its terminal message."""

from collections.abc import Collection

from nats.js import JetStreamContext
from nats.js.api import ConsumerInfo

from infra.streams import ROUTED

_PAGE = 256
"""Consumers that the server tells of at once."""


async def leftover_providers(js: JetStreamContext, known: Collection[str]) -> tuple[str, ...]:
    """Names that are not `known` and for which messages wait or are in hand, here or elsewhere.

    Raises `nats.errors.Error` while the broker is away.
    """
    names: dict[str, None] = {}
    offset = 0
    while page := await js.consumers_info(ROUTED, offset):
        names |= {_provider_of(consumer): None for consumer in page if consumer.num_pending or consumer.num_ack_pending}
        offset += len(page)
        if len(page) < _PAGE:
            break
    return tuple(name for name in names if name and name not in known)


def _provider_of(consumer: ConsumerInfo) -> str:
    """The durable is `provider-<name>-<lane>`; the empty string for any other."""
    prefix, _, rest = consumer.name.partition("-")
    return rest.rpartition("-")[0] if prefix == "provider" else ""
