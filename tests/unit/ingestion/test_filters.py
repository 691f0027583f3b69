"""Attribute filters: what they mean, and what is refused with its path."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from openai.types.shared_params import ComparisonFilter, CompoundFilter

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Compound
from ingestion.filters import MOST_FILTERS, MOST_LEVELS, MOST_VALUES, matches, parse_filter


def comparison(operator: str, value: Any, key: str = "k") -> dict[str, Any]:
    return {"type": operator, "key": key, "value": value}


def holds(data: Any, **attributes: Any) -> bool:
    return matches(parse_filter(data, stage="api"), attributes)


def refused(data: Any) -> PenstockError:
    with pytest.raises(PenstockError) as raised:
        parse_filter(data, stage="api")
    assert (raised.value.code, raised.value.stage) == (ErrorCode.INVALID_REQUEST, "api")
    assert raised.value.message.startswith(f"{raised.value.param}: ")
    return raised.value


# Reading


def test_a_filter_of_the_openai_sdk_is_read():
    data = CompoundFilter(
        type="and",
        filters=[
            ComparisonFilter(type="eq", key="region", value="eu"),
            CompoundFilter(type="or", filters=[ComparisonFilter(type="in", key="year", value=[2024.0, 2025.0])]),
        ],
    )
    expected = Compound(
        "and", (Comparison("region", "eq", "eu"), Compound("or", (Comparison("year", "in", (2024.0, 2025.0)),)))
    )
    assert parse_filter(data, stage="api") == expected


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (None, "filters"),
        ([], "filters"),
        ({}, "filters.type"),
        ({"type": ["eq"]}, "filters.type"),
        ({"type": "like", "key": "k", "value": "%"}, "filters.type"),
        ({"type": "eq", "value": 1}, "filters.key"),
        (comparison("eq", 1, key=""), "filters.key"),
        (comparison("eq", 1, key="k" * 65), "filters.key"),
        (comparison("eq", 1, key="a\0b"), "filters.key"),
        ({"type": "eq", "key": "k"}, "filters.value"),
        (comparison("eq", None), "filters.value"),
        (comparison("eq", [1]), "filters.value"),
        (comparison("eq", {"a": 1}), "filters.value"),
        (comparison("eq", "x" * 513), "filters.value"),
        (comparison("eq", "\ud800"), "filters.value"),
        (comparison("eq", float("nan")), "filters.value"),
        (comparison("lt", float("inf")), "filters.value"),
        (comparison("eq", 10**400), "filters.value"),
        (comparison("gt", True), "filters.value"),
        (comparison("in", "abc"), "filters.value"),
        (comparison("in", []), "filters.value"),
        (comparison("nin", [1] * (MOST_VALUES + 1)), "filters.value"),
        (comparison("in", ["a", None]), "filters.value[1]"),
        ({"type": "eq", "key": "k", "value": 1, "sql": "DROP"}, "filters.sql"),
        ({"type": "and", "filters": [comparison("eq", 1)], "key": "k"}, "filters.key"),
        ({"type": "and", "filters": []}, "filters.filters"),
        ({"type": "or"}, "filters.filters"),
        (
            {"type": "or", "filters": [comparison("eq", 1), {"type": "and", "filters": [7]}]},
            "filters.filters[1].filters[0]",
        ),
    ],
)
def test_what_is_wrong_is_refused_with_its_path(data: Any, path: str):
    assert refused(data).param == path


def test_the_place_of_the_filter_in_a_request_is_part_of_the_path():
    with pytest.raises(PenstockError) as raised:
        parse_filter({}, stage="api", path="tools[0].filters")
    assert raised.value.param == "tools[0].filters.type"


def nested(levels: int) -> dict[str, Any]:
    data = comparison("eq", 1)
    for _ in range(levels - 1):
        data = {"type": "and", "filters": [data]}
    return data


def test_depth_and_size_are_limited():
    parse_filter(nested(MOST_LEVELS), stage="api")
    assert "levels deep" in refused(nested(MOST_LEVELS + 1)).message
    assert "levels deep" in refused(nested(100_000)).message
    parse_filter({"type": "or", "filters": [comparison("eq", 1)] * (MOST_FILTERS - 1)}, stage="api")
    assert (
        f"at most {MOST_FILTERS} parts"
        in refused({"type": "or", "filters": [comparison("eq", 1)] * MOST_FILTERS}).message
    )


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=5)
    | st.sampled_from(["eq", "in", "and"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["type", "key", "value", "filters", "x"]), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(JSON)
def test_anything_else_is_refused_and_breaks_nothing(data: Any):
    try:
        condition = parse_filter(data, stage="api")
    except PenstockError as error:
        assert error.param
    else:
        matches(condition, {"k": "v"})


# Meaning


@pytest.mark.parametrize(
    ("operator", "value", "attribute", "expected"),
    [
        ("eq", "eu", "eu", True),
        ("eq", "eu", "EU", False),
        ("eq", 1, 1.0, True),
        ("eq", 1, True, False),
        ("eq", "1", 1, False),
        ("eq", True, True, True),
        ("ne", "eu", "us", True),
        ("ne", "eu", "eu", False),
        ("ne", 1, "1", True),
        ("gt", 5, 5.5, True),
        ("gt", 5, 5, False),
        ("gte", 5, 5, True),
        ("lt", 5, 4, True),
        ("lte", 5, 5.0, True),
        ("lte", 5, True, False),
        ("gt", 5, "6", False),
        ("lt", "2025-01-01", "2024-12-31", True),
        ("lt", "a", "B", True),
        ("in", ["a", 1], 1.0, True),
        ("in", ["a", 1], "b", False),
        ("nin", ["a", 1], "b", True),
        ("nin", ["a", 1], "a", False),
    ],
)
def test_a_comparison_holds_between_values_of_one_type(operator: str, value: Any, attribute: Any, expected: bool):
    assert holds(comparison(operator, value), k=attribute) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("eq", "x", False),
        ("in", ["x"], False),
        ("gt", 0, False),
        ("lte", "x", False),
        ("ne", "x", True),
        ("nin", ["x"], True),
    ],
)
def test_an_attribute_that_is_not_there_equals_nothing(operator: str, value: Any, expected: bool):
    assert holds(comparison(operator, value), other="x") is expected


def test_and_wants_all_and_or_wants_any():
    parts = [comparison("eq", 1, "a"), comparison("eq", 2, "b")]
    assert holds({"type": "and", "filters": parts}, a=1, b=2)
    assert not holds({"type": "and", "filters": parts}, a=1, b=3)
    assert holds({"type": "or", "filters": parts}, a=0, b=2)
    assert not holds({"type": "or", "filters": parts}, a=0, b=0)
