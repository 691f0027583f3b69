"""How long to wait before the next attempt."""

import random

from contracts.errors import PenstockError

_FIRST, _LONGEST = 0.1, 5.0


def pause_before_retry(error: PenstockError, attempt: int, *, same: bool) -> float:
    """Seconds. Another deployment is tried at once; the same one when it said (`Retry-After`), else with full jitter.

    Full jitter over a doubling bound: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    if not same:
        return 0.0
    if error.retry_after is not None:
        return error.retry_after
    return random.uniform(0, min(_FIRST * 2**attempt, _LONGEST))
