"""SQL, or what no database can hold, in attributes, keys, filters, names and texts: it is text, or refused."""

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Operator
from tests.support.index import OTHER, STORE, TENANT, Index, texts_of


@pytest.mark.parametrize("name", ["vs\0", "vs\ud800"])
async def test_a_name_that_can_not_be_stored_is_refused(index: Index, name: str):
    for attempt in (
        index.versions.live(TENANT, name),
        index.versions.find(name, index.version.id),
        index.documents.delete(TENANT, STORE, [name]),
        index.documents.rename(TENANT, STORE, name, "x"),
        opened(index, name),
    ):
        with pytest.raises(PenstockError) as raised:
            await attempt
        assert raised.value.code == ErrorCode.INVALID_REQUEST


async def opened(index: Index, store: str) -> None:
    async with index.searcher.live(TENANT, store):
        pass


HOSTILE = (
    "'; DROP TABLE documents; --",
    "' OR '1'='1",
    "x') OR TRUE --",
    "%s %(tenant)s {} $1",
    "\"}' || (SELECT text FROM chunks_1) || '",
    "\\'; SELECT set_config('penstock.tenant', 'acme', true); --",
    "ü😀",
)


@pytest.mark.parametrize("value", HOSTILE)
async def test_sql_in_an_attribute_is_text(secret: Index, other: Index, value: str):
    await other.add("own", "my own words", attributes={value: value, "plain": 1})
    same: tuple[Operator, ...] = ("eq", "gte", "lte")
    for operator in same:
        (found,) = await other.nearest("anything", where=Comparison(value, operator, value))
        assert found.attributes == {value: value, "plain": 1}
    assert texts_of(await other.nearest("x", where=Comparison(value, "in", (value, 1)))) == ["my own words"]
    other_than: tuple[Operator, ...] = ("ne", "gt", "lt")
    for operator in other_than:
        assert not await other.nearest("anything", where=Comparison(value, operator, value))
    assert not await other.nearest("x", where=Comparison(value, "nin", (value,)))
    assert len(await secret.nearest("the secret plan")) == 1


@pytest.mark.parametrize("value", HOSTILE)
async def test_sql_in_a_text_or_a_name_is_text(secret: Index, other: Index, value: str):
    await other.add(value, f"{value} words")
    await other.documents.rename(OTHER, STORE, value, value)
    (found,) = await other.nearest("anything")
    assert (found.document_id, found.filename, found.text) == (value, value, f"{value} words")
    assert await other.with_word(value.lower().split()[0]) == [f"{value} words"]
    assert await other.documents.delete(OTHER, STORE, [value]) == 1
    assert len(await secret.nearest("the secret plan")) == 1
