"""A counter as somebody saw it, and what that says to what was asked of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from infra.limits.counted import Asked, Entry, Full, Kind, Passed, Standing, unpacked, unpacked_places
from infra.limits.window import PAST, bucket_of, seconds_to_reset, seconds_to_wait, used

AskedOf = dict[str, tuple[Asked, ...]]
"""What is asked of each counter, by its name."""
SETTLE = 0.02
"""Seconds in which others take back what did not pass."""


@dataclass(frozen=True, slots=True)
class Look:
    """A counter at a moment. `counts` are without what was asked; a wait is infinite where it never fits."""

    asked: tuple[Asked, ...]
    counts: dict[int, int]
    waits: tuple[float, ...]
    at: float
    entry: Entry | None = None

    @property
    def name(self) -> str:
        """The counter's."""
        return self.asked[0].name

    @property
    def places(self) -> dict[int, int]:
        """Places that somebody had taken ahead, by the bucket in which they count: at least one in each."""
        oldest = bucket_of(self.at) - PAST
        found = {bucket: unpacked_places(value) for bucket, value in self.counts.items() if bucket >= oldest}
        return {bucket: number for bucket, number in found.items() if number > 0}

    @property
    def full(self) -> bool:
        """Whether something that was asked does not fit."""
        return any(self.waits)

    def standings(self) -> Iterator[Standing]:
        """Of each window that was asked; what was counted is taken off."""
        for one in self.asked:
            counts, bucket = _of_kind(one.kind, self.counts), bucket_of(self.at)
            if self.entry is not None and not self.full:
                counts[bucket] = counts.get(bucket, 0) + one.amount
            left = one.limit - used(counts, bucket)
            yield Standing(one.limit, max(left, 0), seconds_to_reset(counts, self.at))


def by_counter(asked: Iterable[Asked]) -> AskedOf:
    """In the order in which counters are named first."""
    found: AskedOf = {}
    for one in asked:
        found[one.name] = (*found.get(one.name, ()), one)
    return found


def waits_of(asked: Iterable[Asked], counts: Mapping[int, int], now: float, least: float = 0.0) -> tuple[float, ...]:
    """Seconds until each would fit, and `least` at the least."""
    return tuple(max(seconds_to_wait(one.limit, one.amount, _of_kind(one.kind, counts), now), least) for one in asked)


def _of_kind(kind: Kind, counts: Mapping[int, int]) -> dict[int, int]:
    return {number: unpacked(kind, value) for number, value in counts.items()}


def standings_of(looks: Iterable[Look]) -> dict[Asked, Standing]:
    """Of everything that was asked of these counters."""
    return {one: standing for look in looks for one, standing in zip(look.asked, look.standings(), strict=True)}


def passed_of(asked: Sequence[Asked], looks: Sequence[Look]) -> Passed:
    """What is told where everything fits."""

    def standings() -> tuple[Standing, ...]:
        found = standings_of(looks)
        return tuple(found[one] for one in asked)

    return Passed(tuple(look.entry for look in looks if look.entry is not None), standings)


def full_of(asked: Sequence[Asked], looks: Sequence[Look]) -> Full:
    """What is told where something does not fit; `looks` need not be at all counters."""
    waits = {one: wait for look in looks for one, wait in zip(look.asked, look.waits, strict=True) if wait}
    standings = standings_of(looks)
    refused = frozenset(place for place, one in enumerate(asked) if one in waits)
    return Full(max(waits.values(), default=SETTLE), refused, tuple(standings.get(one) for one in asked))
