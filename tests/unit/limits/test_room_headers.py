"""The headers that say what limits have room for, as OpenAI and Anthropic write them."""

from datetime import UTC, datetime

import pytest

from api.dialects.room_headers import anthropic_rooms, duration, openai_rooms
from contracts.limits import Room, Rooms

ROOMS = Rooms(
    requests=Room(limit=100, remaining=99, reset=63.25),
    tokens=Room(limit=40_000, remaining=0, reset=1),
)


def test_openai_counts_in_durations() -> None:
    assert openai_rooms(ROOMS) == {
        "x-ratelimit-limit-requests": "100",
        "x-ratelimit-remaining-requests": "99",
        "x-ratelimit-reset-requests": "1m3.25s",
        "x-ratelimit-limit-tokens": "40000",
        "x-ratelimit-remaining-tokens": "0",
        "x-ratelimit-reset-tokens": "1s",
    }


def test_anthropic_names_moments() -> None:
    assert anthropic_rooms(ROOMS, datetime(2026, 11, 23, 8, tzinfo=UTC)) == {
        "anthropic-ratelimit-requests-limit": "100",
        "anthropic-ratelimit-requests-remaining": "99",
        "anthropic-ratelimit-requests-reset": "2026-11-23T08:01:03.250Z",
        "anthropic-ratelimit-tokens-limit": "40000",
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2026-11-23T08:00:01.000Z",
    }


def test_a_kind_that_nothing_limits_has_no_headers() -> None:
    assert set(openai_rooms(Rooms(requests=ROOMS.requests))) == {
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
    }
    assert anthropic_rooms(Rooms(), datetime.now(UTC)) == {}


@pytest.mark.parametrize(
    ("seconds", "written"),
    [(0, "0ms"), (0.02, "20ms"), (1, "1s"), (1.5, "1.5s"), (59.9996, "1m0s"), (60, "1m0s"), (360, "6m0s")],
)
def test_durations(seconds: float, written: str) -> None:
    assert duration(seconds) == written
