"""The headers that say what limits have room for, as each API's SDK and its documentation know them. Pure."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from contracts.envelope import rfc3339
from contracts.limits import Room, Rooms


def openai_rooms(rooms: Rooms) -> Mapping[str, str]:
    """`x-ratelimit-limit-requests` and so on: https://platform.openai.com/docs/guides/rate-limits"""
    found: dict[str, str] = {}
    for kind, room in _known(rooms).items():
        found[f"x-ratelimit-limit-{kind}"] = str(room.limit)
        found[f"x-ratelimit-remaining-{kind}"] = str(room.remaining)
        found[f"x-ratelimit-reset-{kind}"] = duration(room.reset)
    return found


def anthropic_rooms(rooms: Rooms, now: datetime) -> Mapping[str, str]:
    """`anthropic-ratelimit-requests-limit` and so on: https://docs.anthropic.com/en/api/rate-limits"""
    found: dict[str, str] = {}
    for kind, room in _known(rooms).items():
        found[f"anthropic-ratelimit-{kind}-limit"] = str(room.limit)
        found[f"anthropic-ratelimit-{kind}-remaining"] = str(room.remaining)
        found[f"anthropic-ratelimit-{kind}-reset"] = rfc3339(now + timedelta(seconds=room.reset))
    return found


def duration(seconds: float) -> str:
    """As OpenAI writes it: `20ms`, `1.5s`, `6m0s`."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes}m{rest / 1000:g}s" if minutes else f"{rest / 1000:g}s"


def _known(rooms: Rooms) -> Mapping[str, Room]:
    both = {"requests": rooms.requests, "tokens": rooms.tokens}
    return {kind: room for kind, room in both.items() if room is not None}
