"""How long to wait before a deployment is called again."""

import random

_FIRST, _LONGEST = 0.1, 5.0


def pause_before_retry(rest: float, calls: int) -> float:
    """Seconds, after so many calls: what is left of the rest that the provider asked for (`Retry-After`), and a jitter.

    Full jitter over a doubling bound: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    return rest + random.uniform(0, min(_FIRST * 2**calls, _LONGEST))
