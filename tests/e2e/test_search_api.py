"""Searching a store, measuring it, and feedback, over HTTP: by the openai SDK where that has a method."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from openai import OpenAI

from infra.access.scopes import DOCUMENTS, SEARCH
from infra.telemetry import names
from tests.e2e.documents import HOSTILE, fill, refusal
from tests.e2e.otlp_sink import OtlpSink
from tests.e2e.running import Penstock

TEXTS = {
    "cats.md": "Cats sleep most of the day and hunt at night.",
    "water.md": "A penstock is a gate that leads water to the turbines of a power station.",
    "bread.md": "Bread is made of flour, water, salt and yeast.",
}
RIVAL = "the rival's secret recipe for bread"


@pytest.fixture(scope="module")
def store(penstock: Penstock) -> str:
    """A store with three documents. Its id."""
    with penstock.client() as client:
        made = client.vector_stores.create(name="searched").id
    asyncio.run(fill(penstock.database, "default", made, TEXTS))
    return made


@pytest.fixture(scope="module")
def rival(penstock: Penstock, store: str) -> Iterator[OpenAI]:
    """Another tenant, which has a store of that name too."""
    with penstock.client(penstock.create_key("rival")) as client:
        mine = client.vector_stores.create(name="searched").id
        asyncio.run(fill(penstock.database, "rival", mine, {"recipe.md": RIVAL}))
        yield client


def post(client: OpenAI, path: str, **body: Any) -> Any:
    return client.post(path, cast_to=object, body=body)


def test_the_sdk_searches(client: OpenAI, store: str) -> None:
    page = client.vector_stores.search(store, query="sleeping cats")
    first = page.data[0]
    assert (first.file_id, first.filename, first.content[0].type) == ("cats.md", "cats.md", "text")
    assert first.content[0].text == TEXTS["cats.md"]
    assert first.attributes == {"name": "cats.md", "length": len(TEXTS["cats.md"]), **HOSTILE}
    assert [each.file_id for each in page] == [each.file_id for each in page.data]
    assert 1 >= first.score > page.data[1].score
    ours = first.model_dump()
    assert (ours["start"], ours["end"], ours["page"], ours["heading"]) == (0, len(TEXTS["cats.md"]), None, None)
    assert [ours["content"][0]["text"][begin:end] for begin, end in ours["highlights"]] == ["Cats"]


def test_everything_that_can_be_asked_for(client: OpenAI, store: str) -> None:
    page = client.vector_stores.search(
        store,
        query=["water gate", "yeast"],
        max_num_results=2,
        filters={"type": "in", "key": "name", "value": ["water.md", "bread.md"]},
        ranking_options={"ranker": "none", "score_threshold": 0.1},
        rewrite_query=True,
        extra_body={"mode": "hybrid"},
    )
    assert {each.file_id for each in page.data} == {"water.md", "bread.md"}
    assert page.model_dump()["search_query"] == ["water gate", "yeast"]
    assert not page.has_next_page()


@pytest.mark.parametrize("mode", ["hybrid", "vector", "text", "rrf"])
def test_a_mode_is_ours_to_choose(client: OpenAI, store: str, mode: str) -> None:
    found = post(client, f"/vector_stores/{store}/search", query="bread yeast", mode=mode)
    assert found["data"][0]["file_id"] == "bread.md"
    weights = {"hybrid_search": {"embedding_weight": 0, "text_weight": 2}}
    assert post(client, f"/vector_stores/{store}/search", query="yeast", mode=mode, ranking_options=weights)["data"]


def test_a_store_without_documents_is_an_empty_page(client: OpenAI) -> None:
    empty = client.vector_stores.create(name="empty").id
    page = client.vector_stores.search(empty, query="anything")
    assert (page.data, page.object) == ([], "vector_store.search_results.page")


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "query"),
        ({"query": []}, "query"),
        ({"query": ""}, "query"),
        ({"query": "x", "max_num_results": 51}, "max_num_results"),
        ({"query": "x", "mode": "magic"}, "mode"),
        ({"query": "x", "ranking_options": {"score_threshold": 2}}, "ranking_options.score_threshold"),
        ({"query": "x", "filters": {"type": "and", "filters": []}}, "filters.filters"),
        ({"query": "x", "filters": {"type": "eq", "key": "k", "value": {}}}, "filters.value"),
        ({"query": "x", "unknown": 1}, "unknown"),
    ],
)
def test_what_can_not_be_searched_for_is_refused_by_its_field(
    client: OpenAI, store: str, body: dict[str, Any], param: str
) -> None:
    assert refusal(lambda: post(client, f"/vector_stores/{store}/search", **body)) == (400, param)


def test_what_is_not_there_is_not_found(client: OpenAI, store: str) -> None:
    assert refusal(lambda: client.vector_stores.search("vs_nowhere", query="x"))[0] == 404
    assert refusal(lambda: post(client, f"/vector_stores/{store}/search", query="x", version=10**9))[0] == 404


@pytest.mark.parametrize(
    "query", [*HOSTILE.values(), "' OR 1=1 --", "'; DROP TABLE documents; --", "}}{{", "\u202e", "recipe secret"]
)
def test_no_search_shows_the_text_of_another_tenant(client: OpenAI, rival: OpenAI, store: str, query: str) -> None:
    """By name each finds its own; by the other's id nothing is there."""
    anything = {"type": "ne", "key": query[:64], "value": query}
    assert RIVAL not in [each.content[0].text for each in client.vector_stores.search("searched", query=query)]
    for filters in (
        anything,
        {"type": "or", "filters": [anything, {"type": "eq", "key": "x", "value": "' OR '1'='1"}]},
    ):
        found = rival.vector_stores.search("searched", query=[query, "cats"], filters=filters)  # type: ignore[arg-type]
        assert [each.content[0].text for each in found] == [RIVAL]
    assert refusal(lambda: rival.vector_stores.search(store, query=query))[0] == 404


def test_a_guessed_version_shows_nothing(client: OpenAI, rival: OpenAI, store: str) -> None:
    mine = post(client, f"/vector_stores/{store}/search", query="cats")["version"]
    assert refusal(lambda: post(rival, "/vector_stores/searched/search", query="cats", version=mine))[0] == 404
    assert refusal(lambda: post(rival, "/vector_stores/searched/evaluate", versions=[mine], read_back=5))[0] == 404


def test_a_key_must_have_the_scope(penstock: Penstock, store: str) -> None:
    judged = {"queries": {"q": "cats"}, "judgements": {"q": {"cats.md": 1}}}
    with penstock.client(penstock.create_key("default", DOCUMENTS)) as writer:
        assert refusal(lambda: writer.vector_stores.search(store, query="x"))[0] == 403
        put(writer, store, "scoped", **judged)
    with penstock.client(penstock.create_key("default", SEARCH)) as searcher:
        assert searcher.vector_stores.search(store, query="cats").data
        assert refusal(lambda: put(searcher, store, "scoped", **judged))[0] == 403
        path = f"/vector_stores/{store}/evaluation_sets/scoped"
        assert refusal(lambda: searcher.delete(path, cast_to=object))[0] == 403
    with penstock.client() as client:
        client.delete(path, cast_to=object)


def put(client: OpenAI, store: str, name: str, **body: Any) -> Any:
    return client.put(f"/vector_stores/{store}/evaluation_sets/{name}", cast_to=object, body=body)


def test_a_store_is_measured_by_its_evaluation_sets(client: OpenAI, store: str) -> None:
    queries = {"1": "sleeping cats", "2": "turbines"}
    kept = put(client, store, "small", queries=queries, judgements={"1": {"cats.md": 1}, "2": {"water.md": 2}})
    assert (kept["name"], kept["queries"], kept["judgements"]) == ("small", 2, 2)
    sets = f"/vector_stores/{store}/evaluation_sets"
    listed: Any = client.get(sets, cast_to=object)
    assert [each["name"] for each in listed["data"]] == ["small"]
    whole: Any = client.get(f"{sets}/small", cast_to=object)
    assert whole["queries"] == queries
    found = post(client, f"/vector_stores/{store}/evaluate", evaluation_set="small", read_back=10)
    assert {each["mode"]: each["ndcg"] for each in found["measured"]} == {"vector": 1, "text": 1, "hybrid": 1}
    assert [(each["sampled"], each["found"]) for each in found["read_back"]] == [(3, 3)]
    client.delete(f"{sets}/small", cast_to=object)
    assert refusal(lambda: post(client, f"/vector_stores/{store}/evaluate", evaluation_set="small"))[0] == 404


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"queries": {}, "judgements": {}}, "queries"),
        ({"queries": {"q": "x"}, "judgements": {}}, "judgements"),
        ({"queries": {"q": "x"}, "judgements": {"p": {"d": 1}}}, "judgements"),
        ({"queries": {"q": "x"}, "judgements": {"q": {"d": -1}}}, "judgements"),
        ({"queries": {"q": ""}, "judgements": {"q": {"d": 1}}}, "queries"),
    ],
)
def test_a_set_that_measures_nothing_is_refused(client: OpenAI, store: str, body: dict[str, Any], param: str) -> None:
    assert refusal(lambda: put(client, store, "wrong", **body)) == (400, param)


def test_feedback_is_kept_beside_them(client: OpenAI, rival: OpenAI, store: str) -> None:
    given = {"query": "cats", "document_id": "cats.md", "comment": HOSTILE["sql"], "metadata": HOSTILE}
    kept = post(client, "/feedback", rating=-0.5, store="searched", request_id="r", **given)
    assert {name: kept[name] for name in given} == given
    assert (kept["object"], kept["rating"], kept["store"]) == ("feedback", -0.5, store)
    second = post(client, "/feedback", rating=1, request_id="r-2")
    listed: Any = client.get("/feedback?store=searched", cast_to=object)
    assert [each["id"] for each in listed["data"]] == [kept["id"]]
    page: Any = client.get(f"/feedback?limit=1&after={second['id']}", cast_to=object)
    assert [each["id"] for each in page["data"]] == [kept["id"]]
    nobodys: Any = rival.get("/feedback", cast_to=object)
    assert nobodys["data"] == []
    assert refusal(lambda: post(client, "/feedback", rating=2)) == (400, "rating")
    assert refusal(lambda: post(client, "/feedback", rating=1, store="vs_nowhere"))[0] == 404


def test_a_search_is_one_trace(client: OpenAI, store: str, spans: OtlpSink) -> None:
    raw = client.vector_stores.with_raw_response.search(store, query="traced cats")
    process = "process penstock.v1.retrieval.requested.{tenant}"
    server = "POST /v1/vector_stores/{store}/search"
    trace = spans.wait_for(raw.headers["traceparent"].split("-")[1], lambda found: found.has(server, process))
    embed, search = trace.one(names.EMBED_SPAN), trace.one(names.SEARCH_SPAN)
    assert trace.one(process).parent_id == trace.one(server).span_id
    assert embed.parent_id == search.parent_id == trace.one(process).span_id
    assert search.attributes[names.STORE] == store
