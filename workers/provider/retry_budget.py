"""How many retries a deployment may be sent: an outage must not be answered with three times the traffic.

As in Finagle (https://twitter.github.io/finagle/guide/Clients.html#retries): a share of the first calls of the last
seconds, and a small reserve, so that a deployment with little traffic is tried again as well.
"""

from workers.provider.recent import Recent

SECONDS = 10
SHARE = 0.1
RESERVE = 20
"""Retries in those seconds that need no first calls. In all, at most 1.1 calls a request and these, in one process."""
_FIRST, _AGAIN = 0, 1


class RetryBudget:
    """One deployment's budget. A retry is a call to a deployment that the same request has called before."""

    def __init__(self) -> None:
        self._calls = Recent(SECONDS)

    def first(self, now: float) -> None:
        """A request calls this deployment for the first time."""
        self._calls.add(_FIRST, now)

    def allows(self, now: float) -> bool:
        """Whether one more retry is within the budget."""
        first, again = self._calls.counts(now)
        return again + 1 <= RESERVE + SHARE * first

    def again(self, now: float) -> None:
        """A retry is made; ask `allows` before."""
        self._calls.add(_AGAIN, now)
