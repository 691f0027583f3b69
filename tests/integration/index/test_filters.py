"""Filters mean what they say: nothing else passes, nothing that passes is missed."""

import random
from typing import get_args

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Compound, Filter, Operator, Scalar
from tests.support.index import Index, document_chunks

VALUES: tuple[Scalar, ...] = (1, 1.0, 2, -0.5, True, False, "1", "a", "ä", "B", "", "true")
KEYS = ("a", "b", "c d")


def passes(attributes: dict[str, Scalar], wanted: Filter) -> bool:
    """What a filter means, said in Python."""
    if isinstance(wanted, Compound):
        results = [passes(attributes, part) for part in wanted.filters]
        return all(results) if wanted.junction == "and" else any(results)
    own, value = attributes.get(wanted.key), wanted.value
    if wanted.operator in {"in", "nin"}:
        assert isinstance(value, tuple)
        return any(same(own, each) for each in value) == (wanted.operator == "in")
    assert not isinstance(value, tuple)
    if wanted.operator in {"eq", "ne"}:
        return same(own, value) == (wanted.operator == "eq")
    if own is None or isinstance(own, bool) or kind(own) != kind(value):
        return False
    compared = {"gt": own > value, "gte": own >= value, "lt": own < value, "lte": own <= value}  # type: ignore[operator]
    return compared[wanted.operator]


def same(own: Scalar | None, value: Scalar) -> bool:
    return own is not None and kind(own) == kind(value) and own == value


def kind(value: Scalar) -> str:
    return "boolean" if isinstance(value, bool) else "text" if isinstance(value, str) else "number"


def some_filter(chance: random.Random, depth: int = 3) -> Filter:
    if depth and chance.random() < 0.4:
        parts = tuple(some_filter(chance, depth - 1) for _ in range(chance.randint(0, 3)))
        return Compound("and" if chance.random() < 0.5 else "or", parts)
    operator = chance.choice(get_args(Operator))
    several = tuple(chance.choices(VALUES, k=chance.randint(0, 3)))
    value = several if operator in {"in", "nin"} else chance.choice(VALUES)
    return Comparison(chance.choice(KEYS), operator, value)


async def test_any_filter_finds_what_it_says_and_nothing_else(index: Index):
    chance = random.Random(7)
    attributes = {
        f"d{number}": {key: chance.choice(VALUES) for key in KEYS if chance.random() < 0.7} for number in range(40)
    }
    for name, each in attributes.items():
        await index.register(document_chunks(name, f"text {name}", "more"), each)
    await index.write(*(document_chunks(name, f"text {name}", "more") for name in attributes))
    found_something = 0
    for _ in range(150):
        wanted = some_filter(chance)
        expected = {name for name, each in attributes.items() if passes(each, wanted)}
        found = await index.nearest("text", 100, wanted)
        assert {chunk.document_id for chunk in found} == expected, wanted
        assert len(found) == 2 * len(expected)
        assert set(await index.with_word("text", wanted)) == {f"text {name}" for name in expected}
        found_something += 0 < len(expected) < len(attributes)
    assert found_something > 50


async def test_a_text_is_ordered_as_a_text_and_a_number_as_a_number(index: Index):
    for number, value in enumerate((9, 10, 10.5, "9", "10", True)):
        await index.add(f"d{number}", f"value {value!r}", attributes={"v": value})
    above = await index.nearest("x", where=Comparison("v", "gt", 9))
    assert {chunk.attributes["v"] for chunk in above} == {10, 10.5}
    below = await index.nearest("x", where=Comparison("v", "lt", "9"))
    assert {chunk.attributes["v"] for chunk in below} == {"10"}


@pytest.mark.parametrize(
    ("where", "reason"),
    [
        (Comparison("a", "eq", (1, 2)), "one value"),
        (Comparison("a", "gt", (1,)), "one value"),
        (Comparison("a", "in", 1), "a list"),
        (Comparison("a", "eq", float("nan")), "finite number"),
        (Comparison("a", "lt", float("-inf")), "finite number"),
        (Comparison("a", "eq", 10**5000), "finite number"),
        (Comparison("\0", "eq", 1), "U\\+0000"),
        (Comparison("a", "in", ("\\\0",)), "U\\+0000"),
        (Comparison("\ud800", "gte", 1), "finite number"),
        (Compound("or", tuple(Comparison("a", "eq", number) for number in range(257))), "256 comparisons"),
    ],
)
async def test_a_filter_that_can_mean_nothing_is_refused(index: Index, where: Filter, reason: str):
    with pytest.raises(PenstockError, match=reason) as raised:
        await index.nearest("x", where=where)
    assert (raised.value.code, raised.value.param) == (ErrorCode.INVALID_REQUEST, "filters")


async def test_a_filter_of_any_depth_is_an_answer_or_a_refusal(index: Index):
    where: Filter = Comparison("a", "eq", 1)
    for _ in range(3000):
        where = Compound("and", (where,))
    with pytest.raises(PenstockError, match="nested"):
        await index.nearest("x", where=where)


async def test_backslashes_before_a_u_are_no_escape(index: Index):
    await index.add("d", "text", attributes={"path": "c:\\u0000"})
    assert await index.nearest("x", where=Comparison("path", "eq", "c:\\u0000"))
