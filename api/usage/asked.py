"""From the parameters of GET /v1/usage to a question. Pure."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

import orjson

from api.documents.paging import limit_of
from api.served import refused
from contracts.tags import is_tag_name, read_tags
from infra.usage.question import BUCKETS, DIMENSIONS, START, Bucket, Question

USUAL, MOST = 1000, 10_000
"""Rows of a page."""
FORMATS: Final = ("json", "csv")
_TAG = "tag"
_ONCE: Final = ("start", "end", "bucket", "format", "limit", "after")
_MANY: Final = ("group_by", _TAG, *DIMENSIONS)
_HOUR = timedelta(hours=1)
_USUAL_DAYS, _LONGEST = timedelta(days=6), timedelta(days=3660)
_LONGEST_VALUE = 512
Pairs = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and how it is to be answered."""

    question: Question
    format: Literal["json", "csv"]


def asked_of(pairs: Pairs, accept: str | None, now: datetime) -> Asked:
    """Raises `PenstockError` (`invalid_request`) that names the parameter that is wrong.

    A parameter that is none is wrong as well: left out, a filter would make a larger sum of it.
    """
    _check_names(pairs)
    once = {name: value for name, value in pairs if name in _ONCE}
    start, end = _hours(once, now)
    by, tags = _grouping([value for name, value in pairs if name == "group_by"])
    bucket = _bucket(once.get("bucket", "day"))
    question = Question(
        start=start,
        end=end,
        bucket=bucket,
        by=by,
        tags=tags,
        filters={name: values for name in DIMENSIONS if (values := _values(pairs, name))},
        tagged=_tagged(_values(pairs, _TAG)),
        limit=limit_of(once, USUAL, MOST),
    )
    after = _place(once["after"], question) if "after" in once else None
    wanted = once.get("format") or ("csv" if "text/csv" in (accept or "") else "json")
    if wanted not in FORMATS:
        raise refused(f"format: must be {' or '.join(FORMATS)}", "format")
    return Asked(replace(question, after=after), "csv" if wanted == "csv" else "json")


def cursor_of(place: tuple[str, ...]) -> str:
    """What `after` is given for the page behind a row."""
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode().rstrip("=")


def _check_names(pairs: Pairs) -> None:
    names = [name for name, _ in pairs]
    for name, value in pairs:
        if name not in (*_ONCE, *_MANY):
            raise refused(f"there is no parameter «{name[:64]}»; there are {', '.join((*_ONCE, *_MANY))}", name[:64])
        if name in _ONCE and names.count(name) > 1:
            raise refused(f"{name}: may be there only once", name)
        if "\0" in value or (len(value) > _LONGEST_VALUE and name != "after"):
            raise refused(f"{name}: is longer than {_LONGEST_VALUE} characters, or holds U+0000", name)


def _hours(once: dict[str, str], now: datetime) -> tuple[datetime, datetime]:
    """Whole hours: the sums know no smaller part of the time."""
    end = _moment(once["end"], "end") if "end" in once else now
    end = _floor(end) if _floor(end) == end else _floor(end) + _HOUR
    last_day = (end - timedelta(microseconds=1)).replace(hour=0)
    start = _floor(_moment(once["start"], "start") if "start" in once else last_day - _USUAL_DAYS)
    if not _HOUR <= end - start <= _LONGEST:
        raise refused(f"start: must lie before end, by {_LONGEST.days} days at most", "start")
    return start, end


def _moment(value: str, name: str) -> datetime:
    """A date is its midnight. OverflowError: at the ends of the calendar another zone's time has no UTC."""
    try:
        moment = datetime.fromisoformat(value.replace(" ", "+"))
        moment = moment.replace(tzinfo=UTC) if len(value) == len("2026-11-23") else moment
        if moment.tzinfo is not None and 1970 < moment.year < 9000:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise refused(f"{name}: must be a date or an RFC 3339 time with a zone, from 1971 on", name)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)


def _bucket(value: str) -> Bucket:
    for bucket in BUCKETS:
        if bucket == value:
            return bucket
    raise refused(f"bucket: must be {', '.join(BUCKETS[:-1])} or {BUCKETS[-1]}", "bucket")


def _grouping(values: Iterable[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [name.strip() for value in values for name in value.split(",") if name.strip()]
    for name in names:
        tag = name.removeprefix("tag:")
        if name not in DIMENSIONS and (tag == name or not is_tag_name(tag)):
            raise refused(f"group_by: must be of {', '.join(DIMENSIONS)} and tag:<name>", "group_by")
    known = dict.fromkeys(names)
    return (
        tuple(name for name in known if name in DIMENSIONS),
        tuple(name.removeprefix("tag:") for name in known if name not in DIMENSIONS),
    )


def _values(pairs: Pairs, wanted: str) -> list[str]:
    return [value for name, value in pairs if name == wanted]


def _tagged(values: Iterable[str]) -> dict[str, list[str]]:
    """`team=search`; the same name with several values is any of these."""
    found: dict[str, list[str]] = {}
    for value in values:
        try:
            ((name, wanted),) = read_tags(value).items()
        except ValueError:
            raise refused("tag: must be name=value, and may be there more than once", _TAG) from None
        found.setdefault(name, []).append(wanted)
    return found


def _place(cursor: str, question: Question) -> tuple[str, ...]:
    try:
        place = orjson.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
        if isinstance(place, list) and len(place) == len(question.names) and all(_is_text(part) for part in place):
            if START in question.names:
                _moment(place[0], "after")
            return tuple(place)
    except (binascii.Error, ValueError):
        pass
    raise refused("after: is no place in this list", "after")


def _is_text(part: object) -> bool:
    return isinstance(part, str) and "\0" not in part
