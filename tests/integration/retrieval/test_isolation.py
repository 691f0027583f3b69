"""Two tenants with stores of the same name: nothing that one asks shows it the other's text, or that it is there."""

from itertools import product
from typing import Any

import pytest

from contracts.errors import ErrorCode
from infra.index.evaluation_sets import EvaluationSets, StoredSet
from tests.support.index import OTHER, STORE, TENANT, Index, make_index, make_store
from tests.support.retrieval import Retrieval

SECRET = "the secret plan"
MODES = ("hybrid", "vector", "text", "rrf")
EVERYTHING: tuple[Any, ...] = (
    None,
    {"type": "ne", "key": "tenant_id", "value": OTHER},
    {"type": "eq", "key": "tenant_id", "value": TENANT},
    {"type": "or", "filters": [{"type": "eq", "key": "x", "value": 1}, {"type": "ne", "key": "x", "value": 1}]},
    {"type": "ne", "key": "') OR TRUE --", "value": "' OR '1'='1"},
    {"type": "nin", "key": "\"'; SET ROLE postgres; --", "value": ["%s", "{}", "$1", ":tenant"]},
    {
        "type": "ne",
        "key": "penstock.tenant",
        "value": "'; RESET ROLE; SELECT set_config('penstock.tenant','acme',false)",
    },
)


@pytest.fixture
async def hostile(index: Index, other: Index) -> Index:
    """The index of one who knows everything about the other's but its text; SQL stands in its own attributes."""
    await index.add("plan", SECRET, attributes={"level": 5})
    own = {"x') OR TRUE --": "'; SET penstock.tenant = 'acme'; --", "tenant_id": TENANT}
    await other.add("plan", "words of my own", attributes=own)
    return other


async def test_no_filter_lets_a_search_out_of_its_tenant(hostile: Index, retrieval: Retrieval):
    assert await retrieval.texts("secret plan", SECRET) == [SECRET]  # what is remembered since is of the other tenant
    for where, mode in product(EVERYTHING, MODES):
        found = await retrieval.texts("secret plan own", SECRET, tenant=OTHER, mode=mode, filters=where)
        assert set(found) <= {"words of my own"}, (where, mode)


async def test_what_stands_in_attributes_is_only_text(hostile: Index, retrieval: Retrieval):
    where = {"type": "eq", "key": "x') OR TRUE --", "value": "'; SET penstock.tenant = 'acme'; --"}
    (hit,) = await retrieval.hits("own", tenant=OTHER, filters=where)
    assert hit.attributes["tenant_id"] == TENANT
    assert await retrieval.texts("own", filters=where) == []


async def test_another_tenants_store_is_as_one_that_is_not_there(hostile: Index, retrieval: Retrieval):
    await make_store(hostile.engine, TENANT, "vs_only_mine")
    for store in ("vs_only_mine", f"{STORE}' OR '1'='1", "%", "*"):
        answer = await retrieval.answer("secret", tenant=OTHER, store=store)
        nowhere = await retrieval.answer("secret", tenant=OTHER, store="vs_nowhere")
        assert answer.error is not None
        assert nowhere.error is not None
        assert answer.error.message.replace(repr(store), "") == nowhere.error.message.replace("'vs_nowhere'", "")


async def test_another_tenants_version_is_as_one_that_is_not_there(hostile: Index, retrieval: Retrieval, index: Index):
    assert await retrieval.texts("secret", version=index.version.id) == [SECRET]
    for mode in MODES:
        answer = await retrieval.answer("secret", tenant=OTHER, version=index.version.id, mode=mode)
        assert answer.error is not None
        assert (answer.error.code, answer.hits) == (ErrorCode.NOT_FOUND, ())


async def test_another_tenants_version_can_not_be_measured(hostile: Index, retrieval: Retrieval, index: Index):
    await EvaluationSets(index.engine).put(TENANT, STORE, StoredSet("s", {"q": "secret"}, {"q": {"plan": 1}}))
    assert (await retrieval.evaluate(evaluation_set="s")).error is None
    before = (await index.current()).quality
    for fields in ({"evaluation_set": "s"}, {"versions": [index.version.id], "read_back": 1}):
        answer = await retrieval.evaluate(OTHER, **fields)
        assert answer.error is not None
        assert answer.error.code == ErrorCode.NOT_FOUND
    assert await EvaluationSets(index.engine).list(OTHER, STORE) == []
    assert (await index.current()).quality == before


async def test_what_one_asked_is_embedded_anew_for_the_other(hostile: Index, retrieval: Retrieval):
    for tenant in (TENANT, TENANT, OTHER, OTHER):
        await retrieval.hits("a question", tenant=tenant)
    assert retrieval.embedders.asked == ["a question"] * 2


async def test_a_store_of_the_same_id_that_is_deleted_is_gone_for_its_own_tenant_alone(
    hostile: Index, retrieval: Retrieval
):
    assert await retrieval.texts("own", tenant=OTHER)
    await hostile.versions.drop_store(OTHER, STORE)
    answer = await retrieval.answer("own", tenant=OTHER)
    assert answer.error is not None
    assert answer.error.code == ErrorCode.NOT_FOUND
    assert await retrieval.texts("secret") == [SECRET]
    await make_index(hostile.engine, OTHER)
    assert await retrieval.texts("secret", tenant=OTHER) == []
