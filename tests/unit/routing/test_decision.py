"""Which models `auto` tries, in which order, and what stood in the way of the others."""

from collections import Counter
from dataclasses import replace
from random import Random

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.route import Candidate
from infra.catalog import Catalog
from tests.support.router import Heard, decided, priced, routed
from workers.routing.chosen import route_of
from workers.routing.decision import Decision, draw_of
from workers.routing.facts import facts_of, facts_of_prompt

MODELS = {
    "middle": [priced(3, "a/middle")],
    "small": [priced(1, "a/small")],
    "large": [priced(10, "b/large")],
    "house": [priced(0, "h/house")],
}
KNOWN = routed(MODELS, h="local")


def reasons(decision: Decision) -> dict[str, str]:
    return {found.model: found.reason for found in decision.passed}


@pytest.mark.parametrize(
    ("taken_for", "order"),
    [
        ("faq", ["house", "small", "middle", "large"]),
        ("general", ["house", "small", "middle", "large"]),
        ("code", ["large", "middle", "small", "house"]),
        ("reasoning", ["large", "middle", "small", "house"]),
        ("internal", ["house", "small", "middle", "large"]),
    ],
)
def test_without_configuration_what_is_easy_goes_to_the_cheapest_and_what_is_hard_to_the_dearest(
    taken_for: str, order: list[str]
):
    decision = decided(KNOWN, taken_for=taken_for)
    assert list(decision.models) == order
    assert decision.label == f"auto/{taken_for}/{order[0]}"
    assert reasons(decision) == dict.fromkeys(order[1:], "rank")


@pytest.mark.parametrize(
    ("asked", "first"), [("auto:cost", "house"), ("auto:quality", "large"), ("auto:latency", "middle")]
)
def test_an_alias_has_a_policy_of_its_own(asked: str, first: str):
    seconds = {"a/middle": 0.2, "a/small": 0.9, "b/large": 2.0, "h/house": 1.0}
    assert decided(KNOWN, asked, taken_for="code", signals=Heard(seconds)).models[0] == first


def test_a_model_whose_time_nobody_knows_is_tried_first_for_latency():
    assert decided(KNOWN, "auto:latency", signals=Heard({"a/middle": 0.1, "a/small": 0.2})).models[0] in {
        "large",
        "house",
    }


def test_the_catalogues_own_quality_goes_over_the_price():
    known = routed({**MODELS, "small": {"deployments": [priced(1, "a/small")], "quality": 0.9}})
    assert decided(known, "auto:quality").models[:2] == ("small", "large")


def test_models_are_tried_as_a_class_lists_them():
    known = routed(MODELS, {"classes": [{"name": "code", "models": ["middle", "large"]}]})
    assert decided(known, taken_for="code").models == ("middle", "large")
    assert decided(known, "auto:cost", taken_for="code").models == ("middle", "large")
    assert decided(known, "auto:quality", taken_for="code").models == ("large", "middle")
    # Other classes stay as they are.
    assert len(decided(known, taken_for="faq").models) == 4


def test_what_may_not_leave_the_house_goes_nowhere_else():
    decision = decided(KNOWN, taken_for="code", local=True)
    assert decision.models == ("house",)
    assert reasons(decision) == {"middle": "residency", "small": "residency", "large": "residency"}


def test_a_class_can_be_bound_to_the_house():
    known = routed(MODELS, {"classes": [{"name": "internal", "residency": "local"}]}, h="local")
    decision = decided(known, taken_for="internal")
    assert (decision.models, decision.local) == (("house",), True)


def test_models_that_can_not_do_it_are_passed_over():
    able = {"tools": ["tools"], "plain": [], "all": ["tools", "images", "json_schema"]}
    known = routed({name: [priced(1, f"a/{name}", capabilities=can)] for name, can in able.items()})
    request = {
        "messages": [
            {"role": "user", "content": [{"type": "image_url", "image_url": {}}, {"type": "text", "text": "?"}]}
        ],
        "tools": [{"type": "function"}],
    }
    decision = decided(known, facts=facts_of("openai.chat_completions", request, {}))
    assert decision.models == ("all",)
    assert reasons(decision) == {"tools": "capability", "plain": "capability"}


def test_a_prompt_that_is_too_long_goes_to_a_model_that_can_read_it():
    known = routed({"short": [priced(1, "a/s", context_window=100)], "long": [priced(9, "a/l", context_window=10_000)]})
    decision = decided(known, facts=facts_of_prompt("word " * 1000))
    assert (decision.models, reasons(decision)) == (("long",), {"short": "context_window"})


def test_only_models_that_the_key_may_use_are_chosen():
    decision = decided(KNOWN, allows=lambda name: name in {"small", "large"})
    assert decision.models == ("small", "large")
    assert reasons(decision)["middle"] == "not_allowed"


def test_under_a_budget_a_price_must_be_known():
    known = routed({"free": [priced(None, "a/free")], "known": [priced(5, "a/known")]})
    assert set(decided(known).models) == {"free", "known"}
    decision = decided(known, budgeted=True)
    assert (decision.models, reasons(decision)) == (("known",), {"free": "price_unknown"})


def test_a_model_that_fails_is_tried_last():
    decision = decided(KNOWN, signals=Heard(failing=frozenset({"h/house"})))
    assert decision.models == ("small", "middle", "large", "house")
    assert reasons(decision)["house"] == "failing"


def test_the_first_rule_that_holds_decides_and_no_classifier_is_asked():
    rules = [
        {"name": "german", "when": "language == 'de'", "class": "general"},
        {"name": "long", "when": "tokens > 100 and not has_code", "models": ["large"]},
        {"name": "team", "when": "tag.team in ['support', 'sales']", "class": "faq", "policy": "quality"},
    ]
    known = routed(MODELS, {"rules": rules})
    long = decided(known, facts=facts_of_prompt("word " * 1000), taken_for="code")
    assert (long.models, long.rule, long.verdict) == (("large",), "long", None)
    assert long.label == "auto/rule:long/large"
    german = decided(known, facts=facts_of_prompt("Wie ist das Wetter und was soll ich tun?" * 30))
    assert (german.rule, german.name) == ("german", "general")
    team = decided(known, facts=replace(facts_of_prompt("hi"), told={"tag.team": "sales"}))
    assert (team.rule, team.models[0]) == ("team", "large")
    assert decided(known).rule is None


def test_a_rule_leads_no_request_past_what_must_be():
    known = routed(MODELS, {"rules": [{"name": "all", "when": "true", "models": ["large"]}]}, h="local")
    assert decided(known, local=True).models == ()


def test_a_canary_gets_its_share_and_is_the_last_resort_of_the_rest():
    models = ["small", {"model": "large", "canary": 0.1}]
    known = routed(MODELS, {"classes": [{"name": "faq", "models": models}]})
    drawn = Counter(decided(known, draw=draw_of(f"request-{n}")).models for n in range(2000))
    assert drawn.keys() == {("small", "large"), ("large", "small")}
    assert drawn["large", "small"] / 2000 == pytest.approx(0.1, abs=0.03)
    assert decided(known, draw=draw_of("one")).models == decided(known, draw=draw_of("one")).models


def test_an_alias_with_models_of_its_own_asks_no_classifier():
    known = routed(MODELS, {"aliases": [{"name": "fast", "policy": "cost", "models": ["large", "small"]}]})
    decision = decided(known, "fast")
    assert (decision.models, decision.verdict, decision.label) == (("small", "large"), None, "fast/general/small")


PAIR = {"difficulty": [{"tenant": "*", "weak": "small", "strong": "large", "threshold": 0.6, "classes": ["reasoning"]}]}


@pytest.mark.parametrize(
    ("taken_for", "difficulty", "first"),
    [
        ("reasoning", 0.7, "large"),
        ("reasoning", 0.5, "small"),
        # Nobody has trained it, or it is not for this class.
        ("reasoning", None, "large"),
        ("faq", 0.9, "house"),
    ],
)
def test_a_trained_difficulty_decides_between_the_strong_and_the_weak_model(
    taken_for: str, difficulty: float | None, first: str
):
    decision = decided(routed(MODELS, PAIR, h="local"), taken_for=taken_for, difficulty=difficulty)
    assert decision.models[0] == first
    assert len(decision.models) == 4


def test_difficulty_leads_to_no_model_that_may_not_be_taken():
    decision = decided(routed(MODELS, PAIR), taken_for="reasoning", difficulty=0.9, allows=lambda name: name != "large")
    assert (decision.models[0], decision.difficulty) == ("middle", None)


def route(decision: Decision, known: Catalog = KNOWN):
    return route_of(decision, known, lambda _: True, Random(1))


def test_each_model_is_a_tier_and_the_first_ones_fallbacks_come_behind():
    models = {**MODELS, "small": {"deployments": [priced(1, "a/small"), priced(1, "h/s")], "fallbacks": ["middle"]}}
    known = routed(models, {"classes": [{"name": "faq", "models": ["small", "large"]}]}, h="local")
    found = route(decided(known), known)
    assert found.tiers == (
        (Candidate("a/small", "small"), Candidate("h/s", "small")),
        (Candidate("b/large", "large"),),
        (Candidate("a/middle", "middle"),),
    )
    assert found.reason == "auto/faq/small"
    inside = route(decided(known, local=True), known)
    assert inside.tiers == ((Candidate("h/s", "small"),),)


@pytest.mark.parametrize(
    ("decision", "code"),
    [
        (decided(routed(MODELS), local=True), ErrorCode.RESIDENCY_UNAVAILABLE),
        (decided(KNOWN, allows=lambda _: False), ErrorCode.PERMISSION_DENIED),
        (decided(KNOWN, local=True, allows=lambda name: name != "house"), ErrorCode.RESIDENCY_UNAVAILABLE),
        (decided(routed({"m": [priced(None, "a/m")]}), budgeted=True), ErrorCode.PRICE_UNKNOWN),
        (decided(routed({"m*": ["a/m"]})), ErrorCode.MODEL_NOT_FOUND),
    ],
)
def test_where_no_model_is_left_the_error_says_what_stood_in_the_way(decision: Decision, code: ErrorCode):
    with pytest.raises(PenstockError) as raised:
        route(decision)
    assert (raised.value.code, raised.value.param) == (code, "model")


def test_models_for_embeddings_are_not_chosen():
    known = routed({**MODELS, "text-embedding": ["a/e"], "vectors": [{"name": "a/v", "prices": {"input": 1}}]})
    assert set(decided(known).models) == set(MODELS)
