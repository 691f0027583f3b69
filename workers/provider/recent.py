"""How often something happened lately, and how often something else: two counts that forget second by second."""


class Recent:
    """Counts over the last `seconds` seconds, the one that runs included. Moments are in seconds, and never go back."""

    def __init__(self, seconds: int) -> None:
        self._slots = [[0, 0] for _ in range(seconds)]
        self._sums = [0, 0]
        self._second = 0

    def add(self, kind: int, now: float) -> None:
        """Count one of `kind` 0 or 1."""
        self._forget(int(now))
        self._slots[self._second % len(self._slots)][kind] += 1
        self._sums[kind] += 1

    def counts(self, now: float) -> tuple[int, int]:
        """How many of each kind."""
        self._forget(int(now))
        return self._sums[0], self._sums[1]

    def clear(self) -> None:
        """Forget all."""
        self._slots = [[0, 0] for _ in self._slots]
        self._sums = [0, 0]

    def _forget(self, second: int) -> None:
        if second <= self._second:
            return
        size = len(self._slots)
        for passed in range(self._second + 1, min(second, self._second + size) + 1):
            slot = self._slots[passed % size]
            self._sums[0] -= slot[0]
            self._sums[1] -= slot[1]
            slot[0] = slot[1] = 0
        self._second = second
