"""What a report is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

Bucket = Literal["day", "hour", "none"]
BUCKETS: Final[tuple[Bucket, ...]] = ("day", "hour", "none")
DIMENSIONS: Final = ("organisation", "tenant", "key", "model", "route")
START: Final = "start"
COUNTS: Final = ("requests", "calls", "cache_hits", "failed", "cancelled", "estimated", "unpriced")
TOKENS: Final = (
    *("input_tokens", "output_tokens", "cached_input_tokens", "reasoning_tokens"),
    *("cache_write_tokens", "cache_write_1h_tokens", "input_audio_tokens", "output_audio_tokens"),
)
DOLLARS: Final = ("cost_usd", "saved_usd")
LONGEST_PART: Final = timedelta(days=7)
_HOUR = timedelta(hours=1)
_OF_TENANTS: Final = frozenset({"organisation", "tenant"})


@dataclass(frozen=True, slots=True)
class Question:
    """Which hours (UTC, `end` not among them), in which buckets, broken down by what, and of whom.

    `by` are `DIMENSIONS`; `tags` are names of tags, which break down as well. A filter is a dimension and the values of
    which it has one; `tagged` the same for tags. `after` is the place behind which a page begins: a row's `place`.
    """

    start: datetime
    end: datetime
    bucket: Bucket = "day"
    by: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    tagged: Mapping[str, Sequence[str]] = field(default_factory=dict)
    limit: int = 1000
    after: tuple[str, ...] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What every row is named by, in the order that rows are in."""
        bucket = () if self.bucket == "none" else (START,)
        return (*bucket, *self.by, *(f"tag:{name}" for name in self.tags))

    @property
    def of_tenants(self) -> bool:
        """Whether it is about organisations and tenants alone, of whose hours there are sums of their own."""
        return not self.tags and not self.tagged and _OF_TENANTS.issuperset((*self.by, *self.filters))

    @property
    def part(self) -> tuple[datetime, datetime]:
        """The times that a page is about, where rows have one: they go on from the page before, and end after
        `LONGEST_PART` where there are many sums to be read for an hour.
        """
        start = self.start if self.after is None else max(self.start, datetime.fromisoformat(self.after[0]))
        if self.bucket != "hour" or self.of_tenants:
            return start, self.end
        whole = start.replace(minute=0, second=0, microsecond=0)
        return start, min(self.end, (whole if whole == start else whole + _HOUR) + LONGEST_PART)
