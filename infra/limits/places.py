"""Places that a process has taken ahead in some windows: counted in one bucket, and given to nobody yet. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from infra.limits.counted import Asked, Entry, Kind, Passed, Standing, packed, packed_places
from infra.limits.look import Look, by_counter, standings_of
from infra.limits.reading import SKEW, subject_of
from infra.limits.window import bucket_of, leaves_at

LOT = 8
"""There are so many, and as many again when half of them are given."""
_PLENTY = 8 * LOT
"""Places are taken ahead while there is room for so many more …"""
_SHARE = 10
"""… and for one in so many of all that pass in a minute."""

Amounts = Mapping[Kind, int]
"""How much of each kind."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many `places`, as what is `asked` of their windows. `told`: so many were given that counters don't know of."""

    asked: tuple[Asked, ...]
    places: int
    told: int

    @property
    def amounts(self) -> Amounts:
        """What is added to each counter."""
        return {Kind.TOKENS: 0} | {one.kind: one.amount for one in self.asked} | {Kind.REQUESTS: self.places}


@dataclass(slots=True)
class Places:
    """Of the windows that are `asked`, in the bucket of that number. Each is taken with `size` tokens, and the next
    request may have the tokens of all.

    `free` ones and `tokens` are counted and nobody's; `given` ones are somebody's, and the counters don't know yet.
    `room` is what the windows had left beside all that was counted, when they were last asked.
    """

    asked: tuple[Asked, ...]
    bucket: int
    size: int
    free: int = 0
    tokens: int = 0
    given: int = 0
    room: tuple[int, ...] = ()
    _coming: Wanted | None = None
    _past: dict[Kind, int] = field(default_factory=lambda: dict.fromkeys(Kind, 0))
    _counters: tuple[tuple[str, bool, bool], ...] = ()

    def __post_init__(self) -> None:
        """Which counters they are on, and whether requests and whether tokens are limited there."""
        kinds = {name: {one.kind for one in asked} for name, asked in by_counter(self.asked).items()}
        self._counters = tuple(
            (subject_of(name, self.bucket), Kind.REQUESTS in of, Kind.TOKENS in of) for name, of in kinds.items()
        )

    def has(self, tokens: int, now: float) -> bool:
        """Whether there is one for a request of so many tokens."""
        return self.free > 0 and self.tokens >= tokens and bucket_of(now) == self.bucket

    def give(self, key: str, tokens: int, now: float) -> Passed:
        """Make one a request's of so many tokens. `key` is the request's."""
        self.free, self.tokens, self.given = self.free - 1, self.tokens - tokens, self.given + 1
        asked, room = self.asked, self.room
        own = {Kind.REQUESTS: self.free - self._past[Kind.REQUESTS], Kind.TOKENS: self.tokens - self._past[Kind.TOKENS]}

        def standings() -> tuple[Standing, ...]:
            reset = leaves_at(self.bucket) - now
            found = [Standing(one.limit, left, reset) for one, left in zip(asked, room, strict=True)]
            return beside(asked, found, own)

        return Passed(self._entries(1, tokens, 0, key), standings)

    def count_past(self, tokens: int) -> Amounts:
        """A request of so many tokens is about to be counted like any other. What it will find counted of these."""
        self._past = {Kind.REQUESTS: self._past[Kind.REQUESTS] + 1, Kind.TOKENS: self._past[Kind.TOKENS] + tokens}
        coming = {} if self._coming is None else self._coming.amounts
        return {
            Kind.REQUESTS: self.free + coming.get(Kind.REQUESTS, 0),
            Kind.TOKENS: self.tokens + coming.get(Kind.TOKENS, 0),
        }

    def wanted(self, now: float) -> Wanted | None:
        """What to take; None where there is enough, and where it is too late for the bucket."""
        enough = self.free > LOT // 2 and self.tokens >= self.size
        if enough or bucket_of(now + SKEW) != self.bucket:
            return None
        amounts = {Kind.REQUESTS: LOT - self.free, Kind.TOKENS: max(LOT * self.size - self.tokens, 0)}
        asked = tuple(replace(one, amount=amounts[one.kind]) for one in self.asked)
        self.room = tuple(left - self._past[one.kind] for one, left in zip(self.asked, self.room, strict=False))
        self._past = dict.fromkeys(Kind, 0)
        self._coming = Wanted(asked, LOT - self.free, self.given)
        return self._coming

    def took(self, wanted: Wanted, looks: Sequence[Look]) -> bool:
        """They are counted. Whether there is plenty left beside them; if not, they are to be taken back."""
        self.free += wanted.places
        self.tokens += wanted.amounts[Kind.TOKENS]
        self.given -= wanted.told
        self._coming = None
        found = standings_of(looks)
        self.room = tuple(found[one].remaining for one in wanted.asked)
        return not any(look.full for look in looks) and is_plenty(self.asked, self.room, self.size)

    def rest(self) -> tuple[Entry, ...]:
        """What is to be taken back, so that nothing of these is anywhere any more."""
        entries = self._entries(self.free, self.tokens, self.free + self.given, None)
        return tuple(entry for entry in entries if entry.amount)

    def _entries(self, requests: int, tokens: int, places: int, key: str | None) -> tuple[Entry, ...]:
        both, more = (requests, packed(Kind.TOKENS, tokens)), packed_places(places)
        return tuple(
            Entry(to, both[0] * some + both[1] * many + more, None if key is None else f"{key}.{to}")
            for to, some, many in self._counters
        )


def is_plenty(asked: Sequence[Asked], room: Sequence[int], size: int) -> bool:
    """Whether there is so much room in all windows that a few places more or less are nobody's loss."""
    return all(
        left >= max(_PLENTY * (size if one.kind is Kind.TOKENS else 1), one.limit // _SHARE)
        for one, left in zip(asked, room, strict=True)
    )


def beside(asked: Sequence[Asked], standings: Sequence[Standing], own: Amounts) -> tuple[Standing, ...]:
    """With a process's own places as room, which they are."""
    return tuple(
        Standing(one.limit, max(min(standing.remaining + own[one.kind], one.limit), 0), standing.reset)
        for one, standing in zip(asked, standings, strict=True)
    )
