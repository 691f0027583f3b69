"""`penstock usage` without a platform: what its options ask, and what its readers see."""

import io
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from cli.failures import CommandError
from cli.usage.asked import parameters
from cli.usage.shown import bar, dollars, notes, place, table

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)


def asked(by: list[str], since: str = "7d", until: str | None = None, **filters: list[str]) -> list[tuple[str, str]]:
    return parameters(by, since=since, until=until, filters=dict(filters), tags=["team=search"], now=NOW)


def row(cost: str, requests: int = 3, **more: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("calls", "cache_hits", "failed", "input_tokens", "output_tokens", "estimated"), 0)
    return {"start": "2026-11-23T00:00:00Z", "model": "m", **counts, "unpriced": 0, "saved_usd": "0"} | {
        "cost_usd": cost, "requests": requests, **more,
    }  # fmt: skip


def printed(rows: list[dict[str, Any]], total: dict[str, Any]) -> list[str]:
    out = io.StringIO()
    Console(file=out, width=200).print(table(["start", "model"], rows, total, "day"))
    return out.getvalue().splitlines()


def test_what_is_asked_for():
    assert asked(["model", "day", "tag:team"], tenant=["a", "b"]) == [
        ("bucket", "day"), ("start", "2026-11-17"), ("group_by", "model,tag:team"),
        ("tenant", "a"), ("tenant", "b"), ("tag", "team=search"),
    ]  # fmt: skip
    assert asked(["model"])[0] == ("bucket", "none")


@pytest.mark.parametrize(
    ("since", "start"),
    [
        ("1d", "2026-11-23"),
        ("2w", "2026-11-10"),
        ("24h", "2026-11-22T15:20:00Z"),
        ("2026-11-01", "2026-11-01"),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T08:00:00+00:00"),
    ],
)
def test_days_are_whole_and_today_is_one_of_them(since: str, start: str):
    (given,) = (value for name, value in asked(["day"], since) if name == "start")
    assert len(given) == len(start)
    assert datetime.fromisoformat(given) == datetime.fromisoformat(start)


@pytest.mark.parametrize(("since", "until"), [("week", None), ("7x", None), ("7d", "later")])
def test_a_time_that_is_none_is_told(since: str, until: str | None):
    with pytest.raises(CommandError, match="RFC 3339"):
        asked(["day"], since, until)


def test_two_buckets_are_refused():
    with pytest.raises(CommandError, match="choose one"):
        asked(["day", "hour"])


@pytest.mark.parametrize(
    ("value", "drawn"), [("0", ""), ("8", "████████"), ("4", "████"), ("4.5", "████▌"), ("0.0001", "▏")]
)
def test_a_bar_is_as_long_as_its_value(value: str, drawn: str):
    assert bar(Decimal(value), Decimal(8), width=8) == drawn


def test_dollars_are_exact_where_rounding_would_hide_them():
    assert [dollars(amount) for amount in ("1234.56789", "0", "0.0000072")] == ["1,234.5679", "0.0000", "0.0000072"]


def test_the_table_has_a_line_a_row_its_bar_and_the_total():
    lines = printed([row("1"), row("0.5", model=None)], row("1.5", 6))
    (first,), (second,), (total,) = ([line for line in lines if word in line] for word in (" m ", "(none)", "total"))
    assert first.count("█") == 2 * second.count("█") > 0
    assert "2026-11-23" in first
    assert "1.5000" in total


def test_where_nothing_costs_anything_the_bars_are_requests():
    lines = printed([row("0", 8), row("0", 2)], row("0", 10))
    assert sorted(line.count("█") for line in lines)[-2:] == [6, 24]


def test_hours_are_told_to_the_minute():
    assert place("start", "2026-11-23T00:00:00Z", hours=True) == "2026-11-23 00:00"
    assert place("start", "2026-11-23T00:00:00Z", hours=False) == "2026-11-23"


def test_sums_that_are_not_all_known_say_so():
    assert notes(row("1")) == []
    assert "12.5 s" in notes(row("1", saved_seconds=12.5))[0]
    told = notes(row("1", calls=9, estimated=2, unpriced=1))
    assert [line.split(" ")[0] for line in told] == ["2", "1"]
