"""Documents for a prompt: where they are looked up, which of them are taken, and what is said where none can be."""

from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.inference import OPENAI_CHAT, ErrorBody, Ground
from contracts.retrieval import Hit, RetrievalAnswered, RetrievalRequested
from infra.catalog import CatalogSource, Model
from infra.telemetry.tracing import TraceContext
from tests.support.messages import job_of
from tests.support.pipeline import Stored
from tests.unit.apis.grounding_samples import CHAT, SEARCH, Json, passage
from workers.cache.key import cache_key
from workers.retrieval.grounding import Grounder, budget_for, look_up, tokens_of, within

QUESTION = CHAT["messages"][0]["content"]


@dataclass
class Stores:
    """Stands in for the search: a store answers what it holds, under its own id."""

    holding: dict[str, list[Hit]]
    confidential: frozenset[str] = frozenset()
    errors: dict[str, PenstockError] = field(default_factory=dict)
    asked: list[tuple[str, RetrievalRequested]] = field(default_factory=list)
    version: int | None = None

    async def search(
        self, tenant: str, request: RetrievalRequested, parent: TraceContext | None = None
    ) -> RetrievalAnswered:
        self.asked.append((tenant, request))
        if (error := self.errors.get(request.store)) is not None:
            return RetrievalAnswered(error=ErrorBody.of(error))
        store = f"vs_{request.store.removeprefix('vs_')}"
        hits = tuple(self.holding.get(store, ())[: request.limit])
        return RetrievalAnswered(
            store_id=store, version=self.version, hits=hits, confidential=store in self.confidential
        )


def hit(document: str, score: float, text: str = "So.") -> Hit:
    return Hit(
        document_id=document,
        filename=f"{document}.md",
        attributes={"year": 2026.0},
        score=score,
        text=text,
        start=7,
        end=7 + len(text),
        ordinal=0,
        page=2,
    )


def asking(*tools: Json, **fields: Any) -> Json:
    return {**CHAT, "tools": list(tools), **fields}


def tool(*stores: str, **fields: Any) -> Json:
    return {**SEARCH, "vector_store_ids": list(stores), **fields}


async def found(stores: Stores, request: Json, budget: int = 1000) -> list[tuple[str, str]]:
    looked_up = await look_up(stores, "acme", OPENAI_CHAT, request, budget)
    return [(ground.store_id, ground.document_id) for ground in looked_up.grounds]


async def test_every_store_is_searched_and_the_best_of_all_are_taken():
    stores = Stores({"vs_a": [hit("x", 0.9), hit("y", 0.3)], "vs_b": [hit("z", 0.5)]})
    assert await found(stores, asking(tool("a", "b"))) == [("vs_a", "x"), ("vs_b", "z"), ("vs_a", "y")]
    assert [(tenant, request.store, request.queries) for tenant, request in stores.asked] == [
        ("acme", "a", (QUESTION,)),
        ("acme", "b", (QUESTION,)),
    ]


async def test_a_passage_keeps_its_place_and_whose_it_is():
    looked_up = await look_up(Stores({"vs_a": [hit("x", 0.9)]}), "acme", OPENAI_CHAT, asking(tool("a")), 1000)
    (ground,) = looked_up.grounds
    assert ground == Ground(
        store_id="vs_a",
        document_id="x",
        filename="x.md",
        attributes={"year": 2026.0},
        start=7,
        end=10,
        page=2,
        score=0.9,
        text="So.",
    )
    assert (looked_up.stores, looked_up.tokens, looked_up.confidential) == (1, 1, False)


async def test_a_tool_gets_no_more_than_it_asks_for_from_all_its_stores():
    stores = Stores({"vs_a": [hit("x", 0.9), hit("y", 0.8)], "vs_b": [hit("z", 0.85)], "vs_c": [hit("w", 0.1)]})
    asked = asking(tool("a", "b", max_num_results=2), tool("c", max_num_results=1))
    assert await found(stores, asked) == [("vs_a", "x"), ("vs_b", "z"), ("vs_c", "w")]


async def test_a_store_that_is_named_twice_gives_its_passages_once():
    stores = Stores({"vs_a": [hit("x", 0.9)]})
    assert await found(stores, asking(tool("a", "vs_a"), tool("a"))) == [("vs_a", "x")]
    assert (await look_up(stores, "acme", OPENAI_CHAT, asking(tool("a", "vs_a")), 1000)).stores == 1


async def test_a_tools_own_wishes_go_with_its_search():
    wishes = {
        "filters": {"type": "eq", "key": "year", "value": 2026},
        "max_num_results": 3,
        "ranking_options": {
            "score_threshold": 0.4,
            "hybrid_search": {"embedding_weight": 0.5, "text_weight": 1.5},
        },
    }
    stores = Stores({})
    await found(stores, asking(tool("a", **wishes)))
    ((_, request),) = stores.asked
    assert (request.limit, request.filters, request.score_threshold, request.vector_weight) == (
        3,
        wishes["filters"],
        0.4,
        0.25,
    )


async def test_one_confidential_store_makes_the_prompt_so_even_if_nothing_was_found():
    stores = Stores({"vs_a": [hit("x", 0.9)]}, confidential=frozenset({"vs_b"}))
    assert (await look_up(stores, "acme", OPENAI_CHAT, asking(tool("a", "b")), 1000)).confidential
    assert not (await look_up(stores, "acme", OPENAI_CHAT, asking(tool("a")), 1000)).confidential


async def test_where_nothing_is_asked_nothing_is_searched():
    stores = Stores({"vs_a": [hit("x", 0.9)]})
    assert await found(stores, asking(tool("a"), messages=[{"role": "system", "content": "Be brief."}])) == []
    assert await found(stores, asking(tool("a"), tool_choice="none")) == []
    assert stores.asked == []


@pytest.mark.parametrize(
    ("error", "param", "message"),
    [
        (
            PenstockError(ErrorCode.NOT_FOUND, "the vector store 'b' does not exist", stage="index"),
            "tools[1].vector_store_ids[2]",
            "tools[1].vector_store_ids[2]: the vector store 'b' does not exist",
        ),
        (
            PenstockError(ErrorCode.INVALID_REQUEST, "the vector store 'b' has expired", stage="retrieval"),
            "tools[1].vector_store_ids[2]",
            "tools[1].vector_store_ids[2]: the vector store 'b' has expired",
        ),
        (
            PenstockError(
                ErrorCode.INVALID_REQUEST, "filters.key: a key is text", stage="retrieval", param="filters.key"
            ),
            "tools[1].filters.key",
            "tools[1].filters.key: a key is text",
        ),
    ],
)
async def test_an_error_names_the_field_that_is_to_be_mended(error: PenstockError, param: str, message: str):
    function: Json = {"type": "function", "function": {"name": "add"}}
    stores = Stores({}, errors={"b": error})
    with pytest.raises(PenstockError) as raised:
        await found(stores, asking(function, tool("a", "a", "b")))
    assert (raised.value.code, raised.value.param, raised.value.message) == (error.code, param, message)


async def test_an_error_that_passes_stays_one_that_passes():
    away = PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "away", stage="index", retryable=True, retry_after=2.0)
    with pytest.raises(PenstockError) as raised:
        await found(Stores({}, errors={"a": away}), asking(tool("a")))
    assert (raised.value.retryable, raised.value.retry_after, raised.value.param) == (True, 2.0, None)


def test_the_best_that_fit_are_taken_and_a_long_one_leaves_its_place_to_shorter_ones():
    long, short, tiny = passage("x" * 300), passage("y" * 90), passage("z" * 3)
    assert [tokens_of(one) for one in (long, short, tiny, passage("水門"))] == [100, 30, 1, 2]
    assert list(within([long, short, tiny], 131)) == [long, short, tiny]
    assert list(within([long, short, tiny], 120)) == [long, tiny]
    assert list(within([long, short, tiny], 40)) == [short, tiny]
    assert list(within([long], 99)) == []


@pytest.mark.parametrize(
    ("windows", "budget"),
    [((4096,), 2048), ((4096, 8192), 4096), ((4096, None), 5000), ((None,), 5000), ((99_999,), 5000)],
)
def test_a_model_that_can_read_little_gets_less(windows: tuple[int | None, ...], budget: int):
    deployments = [
        {"name": f"d{number}", "provider": "p", "model": "x", **({"context_window": window} if window else {})}
        for number, window in enumerate(windows)
    ]
    assert budget_for(Model.model_validate({"name": "m", "deployments": deployments}), 5000) == budget


def test_a_model_that_nobody_knows_is_not_this_stages_business():
    assert budget_for(None, 5000) == 5000


async def test_the_same_passages_of_another_index_version_are_another_question():
    """Which is why what was answered with the version before can't be had out of the cache any more."""
    request = asking(tool("a", "b"), model="m")
    keys = []
    for version in (1, 2):
        stores = Stores({"vs_a": [hit("x", 0.9)], "vs_b": []}, version=version)
        body = orjson.dumps({"request_id": "r1", "request": request})
        headers = {envelope.API: OPENAI_CHAT, envelope.MODEL: "m", envelope.TENANT: "acme", envelope.REQUEST_ID: "r1"}
        job = replace(job_of(Stored("p.v1.inference.ungrounded.interactive.acme", headers, body, 1)), span=_span())
        catalog = cast("CatalogSource", SimpleNamespace(current=SimpleNamespace(resolve=lambda _: None)))
        (message,) = (await Grounder(stores, catalog, 1000).handle(job)).publications
        assert message.headers[envelope.INDEX] == f"vs_a@{version},vs_b@{version}"
        passed_on = orjson.loads(message.body)
        keys.append(cache_key(OPENAI_CHAT, passed_on["request"], passed_on["grounds"], message.headers))
    assert keys[0] != keys[1]


def _span() -> Any:
    return SimpleNamespace(attributes={}, context=None)
