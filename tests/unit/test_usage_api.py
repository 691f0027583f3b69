"""GET /v1/usage without a platform: what its parameters ask, who may ask it, and how it is shown."""

import csv
import io
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from api.auth import Principal
from api.usage.asked import asked_of, cursor_of
from api.usage.endpoint import permitted
from api.usage.shown import as_csv, as_json
from contracts.errors import ErrorCode, PenstockError
from contracts.tags import read_tags
from infra.usage.question import COUNTS, TOKENS, Question
from infra.usage.report import Report, Sums

NOW = datetime(2026, 11, 23, 15, 20, tzinfo=UTC)
KEY = Principal("acme", "k1", frozenset({"inference"}))
OWNER = Principal("default", "k2", frozenset({"admin"}))


def asked(*pairs: tuple[str, str]) -> Question:
    return asked_of(pairs, None, NOW).question


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def sums(*place: str, cost: str = "0") -> Sums:
    counts = dict.fromkeys((*COUNTS, *TOKENS), 1)
    return Sums(place, counts, Decimal(cost), Decimal("0.0000000007"), 2.5, 1.5, None)


def test_what_is_asked_without_parameters_is_the_last_seven_days():
    assert asked() == Question(at(17), at(23, 16), "day")


@pytest.mark.parametrize(
    ("start", "end", "hours"),
    [
        ("2026-11-01", "2026-11-02", (at(1), at(2))),
        ("2026-11-01T10:59:59Z", "2026-11-01T11:00:01Z", (at(1, 10), at(1, 12))),
        ("2026-11-01T10:00:00+02:00", "2026-11-01T11:00:00Z", (at(1, 8), at(1, 11))),
        # What a form decodes: a plus is a space there.
        ("2026-11-01T10:00:00 02:00", "2026-11-01T11:00:00Z", (at(1, 8), at(1, 11))),
    ],
)
def test_times_are_whole_hours_of_utc_and_what_was_asked_lies_within(
    start: str, end: str, hours: tuple[datetime, datetime]
):
    found = asked(("start", start), ("end", end))
    assert (found.start, found.end) == hours


def test_groups_and_filters_may_be_there_more_than_once():
    found = asked(
        ("group_by", "tenant,tag:team"), ("group_by", "model"), ("model", "a,b"), ("model", "c"),
        ("tag", "team=search"), ("tag", "team=shop"), ("tag", "feature=faq"), ("bucket", "none"),
    )  # fmt: skip
    assert (found.by, found.tags, found.names) == (("tenant", "model"), ("team",), ("tenant", "model", "tag:team"))
    assert found.filters == {"model": ["a,b", "c"]}
    assert found.tagged == {"team": ["search", "shop"], "feature": ["faq"]}


@pytest.mark.parametrize(
    ("pair", "param"),
    [
        (("tennant", "acme"), "tennant"),
        (("start", "yesterday"), "start"),
        (("start", "2026-11-01T10:00:00"), "start"),
        (("start", "0001-01-01"), "start"),
        (("start", "2026-12-01"), "start"),
        (("end", "9999-12-31T23:59:59-12:00"), "end"),
        (("bucket", "week"), "bucket"),
        (("group_by", "tag:"), "group_by"),
        (("group_by", "cost_usd"), "group_by"),
        (("tag", "team"), "tag"),
        (("tenant", "a\0"), "tenant"),
        (("tenant", "a" * 513), "tenant"),
        (("format", "xml"), "format"),
        (("limit", "0"), "limit"),
        (("after", "x"), "after"),
        (("after", cursor_of(("no", "place"))), "after"),
    ],
)
def test_what_is_wrong_is_refused_by_its_name(pair: tuple[str, str], param: str):
    with pytest.raises(PenstockError) as raised:
        asked(pair)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_REQUEST, param)


def test_a_filter_that_is_there_twice_where_one_counts_is_refused():
    with pytest.raises(PenstockError, match="only once"):
        asked(("bucket", "day"), ("bucket", "hour"))


def test_a_cursor_is_the_place_of_a_row():
    place = ("2026-11-23T00:00:00Z", "acme")
    assert asked(("group_by", "tenant"), ("after", cursor_of(place))).after == place


@pytest.mark.parametrize(("accept", "given"), [("text/csv", None), (None, "csv"), ("application/json", "csv")])
def test_csv_is_asked_for_by_header_or_parameter(accept: str | None, given: str | None):
    assert asked_of([("format", given)] if given else [], accept, NOW).format == "csv"
    assert asked_of([("format", "json")], "text/csv", NOW).format == "json"


class TestWhoMayAsk:
    def test_a_key_sees_its_own_tenant_and_no_other(self):
        question = Question(at(1), at(2))
        assert permitted(question, KEY).filters == {"tenant": ("acme",)}
        assert permitted(replace(question, filters={"tenant": ["acme"], "organisation": ["x"]}), KEY).filters == {
            "tenant": ("acme",),
            "organisation": ["x"],
        }

    @pytest.mark.parametrize("tenants", [["other"], ["acme", "other"]])
    def test_another_tenants_rows_are_denied(self, tenants: list[str]):
        with pytest.raises(PenstockError) as raised:
            permitted(Question(at(1), at(2), filters={"tenant": tenants}), KEY)
        assert (raised.value.code, raised.value.param) == (ErrorCode.PERMISSION_DENIED, "tenant")

    def test_the_owner_sees_everybody(self):
        everything, one = Question(at(1), at(2)), Question(at(1), at(2), filters={"tenant": ["acme"]})
        assert (permitted(everything, OWNER), permitted(one, OWNER)) == (everything, one)


class TestWhatAPageIsAbout:
    MONTH = Question(at(1), at(30), "hour", by=("model",))

    def test_by_hour_it_is_a_week_that_goes_on_from_the_page_before(self):
        assert self.MONTH.part == (at(1), at(8))
        assert replace(self.MONTH, after=("2026-11-09T05:00:00Z", "m1")).part == (at(9, 5), at(16, 5))
        assert replace(self.MONTH, after=("2026-11-07T23:59:59Z", "")).part[1] == at(15)

    def test_it_is_all_of_the_time_where_there_are_few_sums_to_read(self):
        for few in ({"by": ("tenant", "organisation")}, {"by": ()}, {"bucket": "day"}):
            assert replace(self.MONTH, **few).part == (at(1), at(30))
        for many in ({"tags": ("team",)}, {"filters": {"key": ["k1"]}}, {"tagged": {"team": ["x"]}}):
            assert replace(self.MONTH, by=(), **many).part == (at(1), at(8))


class TestHowItIsShown:
    QUESTION = Question(at(1), at(2), "day", by=("key", "model"))
    REPORT = Report([sums("2026-11-01T00:00:00Z", "", "=cmd|'/c'!A1", cost="1200")], None, sums(cost="0.30"))

    def test_dollars_are_exact_and_plain(self):
        shown = as_json(self.QUESTION, self.REPORT)
        assert (shown["data"][0]["cost_usd"], shown["total"]["cost_usd"]) == ("1200", "0.3")
        assert shown["total"]["saved_usd"] == "0.0000000007"

    def test_what_a_request_has_not_is_null(self):
        (row,) = as_json(self.QUESTION, self.REPORT)["data"]
        assert (row["key"], row["mean_first_token_ms"]) == (None, None)

    def test_csv_has_the_same_rows_and_no_formulas(self):
        (line,) = csv.DictReader(io.StringIO(as_csv(self.QUESTION, self.REPORT)))
        (row,) = as_json(self.QUESTION, self.REPORT)["data"]
        expected = {name: "" if value is None else str(value) for name, value in row.items()}
        assert line == expected | {"model": "'=cmd|'/c'!A1"}

    def test_the_next_page_begins_where_the_report_says(self):
        place = ("2026-11-01T23:59:59Z", "", "m1")
        shown = as_json(self.QUESTION, replace(self.REPORT, after=place))
        assert shown["has_more"] is True
        assert asked(("group_by", "key,model"), ("after", shown["next_page"])).after == place


class TestTags:
    def test_they_are_read_as_they_are_written(self):
        assert read_tags("team=search, feature = a b") == {"team": "search", "feature": "a b"}

    @pytest.mark.parametrize("written", ["x", "=x", "a=", "a=1,a=2", "a==x", "a=\n", "a=" + "x" * 65, "é=x", "a=ü"])
    def test_what_is_none_is_refused(self, written: str):
        with pytest.raises(ValueError, match=r"\S"):
            read_tags(written)

    def test_there_are_ten_at_most(self):
        ten = ",".join(f"t{number}=x" for number in range(10))
        assert len(read_tags(ten)) == 10
        with pytest.raises(ValueError, match="10"):
            read_tags(f"{ten},more=x")
