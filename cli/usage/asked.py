"""From the options of `penstock usage` to the parameters of GET /v1/usage. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from cli.failures import CommandError

Pairs = list[tuple[str, str]]
BUCKETS = ("day", "hour")
_AGE = re.compile(r"(\d{1,5})([hdw])")
_UNITS = {"h": timedelta(hours=1), "d": timedelta(days=1), "w": timedelta(weeks=1)}


def parameters(  # noqa: PLR0913 - the options of a command
    by: Sequence[str],
    *,
    since: str,
    until: str | None,
    filters: Mapping[str, Sequence[str]],
    tags: Iterable[str],
    now: datetime,
) -> Pairs:
    """`by` may name a bucket, `day` or `hour`, among what breaks down. Raises `CommandError`."""
    buckets = [name for name in by if name in BUCKETS]
    if len(set(buckets)) > 1:
        raise CommandError("--by day and --by hour are two answers: choose one of them.")
    asked: Pairs = [("bucket", buckets[0] if buckets else "none"), ("start", moment(since, now, "--since"))]
    if until is not None:
        asked.append(("end", _known(until, "--until", "date")))
    if groups := [name for name in by if name not in BUCKETS]:
        asked.append(("group_by", ",".join(groups)))
    asked += [(name, value) for name, values in filters.items() for value in values]
    return [*asked, *(("tag", tag) for tag in tags)]


def moment(given: str, now: datetime, option: str) -> str:
    """A time as the API takes it: `7d`, `24h` and `2w` are so long ago, `7d` with today as its seventh day.

    Raises `CommandError` for what is neither that nor a date or time.
    """
    if (age := _AGE.fullmatch(given)) is None:
        return _known(given, option, "7d, 24h, 2w, date")
    count, unit = int(age[1]), _UNITS[age[2]]
    if age[2] == "h":
        return f"{(now - count * unit).astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return f"{(now - count * unit + timedelta(days=1)).astimezone(UTC):%Y-%m-%d}"


def _known(given: str, option: str, what: str) -> str:
    try:
        found = datetime.fromisoformat(given)
    except ValueError:
        raise CommandError(f"{option}: «{given}» is no {what} or RFC 3339 time.") from None
    return given if len(given) == len("2026-11-23") else found.astimezone().isoformat()
