"""How long credentials last, as a person writes it."""

import time

from infra.access.spans import span_of
from infra.access.transaction import refused


def expiry(lifetime: str) -> int:
    """From `30m`, `12h` or `90d` to the second since 1970 at which that has passed. Raises `PenstockError`."""
    span = span_of(lifetime, "expires")
    if not span:
        raise refused("expires: a span of time that is over has no use", "expires")
    return int(time.time()) + int(span.total_seconds())
