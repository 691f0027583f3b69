"""The sliding window of a limit a minute, in buckets of five seconds. Pure.

What counts at a moment are the bucket that it lies in and the twelve before: all of the last sixty seconds, and up to
five seconds more. So in no sixty seconds passes more than the limit, and a place is free again sixty to sixty-five
seconds after it was taken.
"""

from collections.abc import Mapping

BUCKET = 5.0
"""Seconds."""
PAST = 12
"""So many buckets lie in the sixty seconds before the present one."""

Counts = Mapping[int, int]
"""What was counted, by the number of the bucket."""


def bucket_of(now: float) -> int:
    """The number of the bucket in which `now`, in seconds since 1970, lies."""
    return int(now // BUCKET)


def bucket_in(subject: str) -> int:
    """The number of the bucket whose counter has this subject."""
    return int(subject.rpartition(".")[2])


def leaves_at(bucket: int) -> float:
    """From when on a bucket counts no more, in seconds since 1970."""
    return (bucket + PAST + 1) * BUCKET


def still_counts(subject: str, now: float) -> bool:
    """Whether what is added to the counter of this subject is in the window yet."""
    return leaves_at(bucket_in(subject)) > now


def used(counts: Counts, bucket: int) -> int:
    """What counts in the bucket of that number. One that has not come by this clock counts: it has by another."""
    return sum(count for number, count in counts.items() if number >= bucket - PAST)


def seconds_to_wait(limit: int, amount: int, counts: Counts, now: float) -> float:
    """0 where `amount` more is within `limit`, else the seconds until it would be, if nobody counts in between.

    Infinite for what is more than the limit by itself.
    """
    if amount > limit:
        return float("inf")
    bucket = bucket_of(now)
    left = used(counts, bucket)
    if left + amount <= limit:
        return 0.0
    for number in sorted(number for number in counts if number >= bucket - PAST):
        left -= counts[number]
        if left + amount <= limit:
            return leaves_at(number) - now
    return leaves_at(bucket) - now


def seconds_to_reset(counts: Counts, now: float) -> float:
    """Until nothing of what was counted counts any more."""
    bucket = bucket_of(now)
    newest = max((number for number, count in counts.items() if count and number >= bucket - PAST), default=None)
    return 0.0 if newest is None else leaves_at(newest) - now
