"""The cache worker's rules: when two requests are the same, and which answers are worth keeping."""

from decimal import Decimal
from typing import Any

import pytest

from contracts.apis.translate import Origin
from contracts.inference import (
    ANTHROPIC_MESSAGES,
    OPENAI_CHAT,
    OPENAI_EMBEDDINGS,
    OPENAI_RESPONSES,
    InferenceCompleted,
    TokenUsage,
)
from infra.catalog import Catalog
from workers.cache.entry import answer_from, entry_of, is_kept, worth_keeping
from workers.cache.key import cache_key, models_behind
from workers.cache.semantic.questions import digest

REQUEST: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Hello"}], "temperature": 0.5}


def answered(finish_reason: str | None, **fields: Any) -> InferenceCompleted:
    choice = {"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": finish_reason}
    values = {
        "request_id": "r1",
        "api": OPENAI_CHAT,
        "response": {"choices": [choice]},
        "model": "m",
        "cache": "miss",
        **fields,
    }
    return InferenceCompleted.model_validate(values)


def test_the_order_of_fields_makes_no_difference():
    assert cache_key("a", REQUEST) == cache_key("a", dict(reversed(REQUEST.items())))


@pytest.mark.parametrize("change", [{"stream": True}, {"user": "someone"}, {"metadata": {"a": "b"}}])
def test_how_an_answer_travels_makes_no_difference(change: dict[str, Any]):
    assert cache_key("a", REQUEST) == cache_key("a", {**REQUEST, **change})


def test_what_was_looked_up_is_part_of_the_question():
    plain, empty, found = (cache_key("a", REQUEST, grounds) for grounds in (None, [], [{"text": "x", "score": 0.5}]))
    assert len({plain, empty, found, cache_key("a", REQUEST, [{"text": "y", "score": 0.5}])}) == 4
    assert plain == cache_key("a", REQUEST)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"temperature": 0.6},
        {"seed": 1},
        {"tools": []},
        {"messages": [{"role": "user", "content": "Hello!"}]},
        {"messages": [{"role": "system", "content": "Be brief"}, *REQUEST["messages"]]},
        {"something_new": 1},
    ],
)
def test_what_an_answer_depends_on_makes_a_difference(change: dict[str, Any]):
    assert cache_key("a", REQUEST) != cache_key("a", {**REQUEST, **change})


def test_another_api_is_another_question():
    assert cache_key("a", REQUEST) != cache_key("b", REQUEST)


@pytest.mark.parametrize(
    ("finish_reason", "kept"),
    [("stop", True), ("length", True), ("tool_calls", True), ("content_filter", False), (None, False), ("odd", False)],
)
def test_only_whole_answers_are_kept(finish_reason: str | None, kept: bool):
    assert worth_keeping(answered(finish_reason)) is kept


@pytest.mark.parametrize(
    ("api", "response", "kept"),
    [
        (ANTHROPIC_MESSAGES, {"stop_reason": "end_turn"}, True),
        (ANTHROPIC_MESSAGES, {"stop_reason": "refusal"}, False),
        (ANTHROPIC_MESSAGES, {"stop_reason": None}, False),
        (OPENAI_RESPONSES, {"status": "completed"}, True),
        (OPENAI_RESPONSES, {"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}, True),
        (OPENAI_RESPONSES, {"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, False),
        (OPENAI_RESPONSES, {"status": "in_progress"}, False),
        (OPENAI_EMBEDDINGS, {"data": [{"embedding": [1.0]}]}, True),
        (OPENAI_EMBEDDINGS, {"data": []}, False),
    ],
)
def test_each_api_says_in_its_own_words_that_an_answer_is_whole(api: str, response: dict[str, Any], kept: bool):
    assert worth_keeping(answered("stop", api=api, response=response)) is kept


def test_a_response_that_goes_on_is_known_by_its_conversation_and_not_by_an_id():
    asked = {"model": "m", "input": "Hello"}
    assert cache_key("a", asked) == cache_key("a", {**asked, "previous_response_id": "resp_1", "background": True})


def test_an_answer_without_choices_is_not_kept():
    assert not worth_keeping(answered("stop", response={"choices": []}))


def test_a_hit_is_the_same_answer_and_costs_nothing():
    first = answered("stop", usage=TokenUsage(input_tokens=3, output_tokens=5), attempts=1, cost_usd=Decimal("0.1"))
    again = answer_from(entry_of(first), Origin("r2", 1), OPENAI_CHAT, REQUEST)
    assert again.response == first.response
    assert (again.request_id, again.cache, again.attempts, again.cost_usd) == ("r2", "hit", 0, Decimal(0))
    assert again.usage == TokenUsage()


def test_who_may_be_asked_and_with_what_knowledge_is_part_of_the_question():
    terms = ({}, {"ce-residency": "local"}, {"ce-index": "vs_a@1"}, {"ce-index": "vs_a@2"}, {"ce-beta": "b"})
    assert len({cache_key("a", REQUEST, None, headers) for headers in terms}) == len(terms)
    assert cache_key("a", REQUEST, None, {"ce-keyid": "k", "traceparent": "00"}) == cache_key("a", REQUEST, None, {})


def test_a_name_that_stands_for_another_model_is_another_question():
    assert cache_key("a", REQUEST, models=["sim small"]) != cache_key("a", REQUEST, models=["sim large"])


def catalog_of(deployed: str, **cache: bool) -> Catalog:
    """A model `m` that stands for a model of a provider."""
    provider = {"name": "sim", "kind": "openai", "base_url": "http://127.0.0.1/v1"}
    deployment = {"name": "sim/m", "provider": "sim", "model": deployed}
    return Catalog.model_validate(
        {"providers": [provider], "models": [{"name": "m", "deployments": [deployment], "cache": cache}]}
    )


def test_what_a_name_stands_for_is_what_the_catalogue_says():
    assert models_behind(catalog_of("small"), "m") == ["sim small"]
    assert models_behind(catalog_of("large"), "m") == ["sim large"]
    assert models_behind(catalog_of("large"), "nobody's") == []


def with_router(section: dict[str, Any], deployed: str = "small") -> Catalog:
    """The same with a section for the router."""
    return Catalog.model_validate({**catalog_of(deployed).model_dump(mode="json"), "router": section})


@pytest.mark.parametrize("behind", [models_behind, digest])
def test_a_name_of_the_router_s_stands_for_all_that_it_chooses_by(behind: Any):
    plain = with_router({"threshold": 0.4})
    for other in (
        with_router({"threshold": 0.5}),
        with_router({"classes": [{"name": "faq", "models": ["m"]}]}),
        with_router({"threshold": 0.4}, "large"),
    ):
        assert behind(plain, "auto") != behind(other, "auto")
    assert behind(plain, "auto") == behind(with_router({"shadow": ["m"], "cache": {"exact": False}}), "auto")


@pytest.mark.parametrize("behind", [models_behind, digest])
def test_keys_that_may_use_other_models_share_no_answer_of_the_router_s(behind: Any):
    catalog, one, both = catalog_of("small"), frozenset({"m"}), frozenset({"m", "n"})
    different = [(), (one,), (both,), (one, both)]
    assert len({str(behind(catalog, "auto", named)) for named in different}) == len(different)
    assert behind(catalog, "m", (one,)) == behind(catalog, "m")


def test_how_answers_of_the_router_s_names_are_given_again_is_said_of_them():
    semantic = {"semantic": {"target": 0.02}}
    aliases = [{"name": "own", "cache": {"exact": False}}, {"name": "other"}]
    catalog = with_router({"cache": semantic, "aliases": aliases})
    found = {asked: catalog.cache_of(asked) for asked in ("auto", "auto:cost", "other", "own", "m")}
    assert [asked for asked, cache in found.items() if cache.semantic] == ["auto", "auto:cost", "other"]
    assert [asked for asked, cache in found.items() if not cache.exact] == ["own"]


def test_a_model_may_go_without_the_cache_whoever_has_chosen_it():
    answer = answered("stop", deployment="sim/m")
    assert [is_kept(answer, catalog) for catalog in (catalog_of("a"), catalog_of("a", exact=False))] == [True, False]
    assert is_kept(answered("stop", deployment="gone"), catalog_of("a", exact=False))
    assert catalog_of("a", exact=False).cache_of("nobody's").exact
