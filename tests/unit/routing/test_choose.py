"""From a model's name to its tiers of deployments, and what residency leaves of them."""

from collections import Counter
from random import Random

import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.route import Candidate, Tier, decode_route, encode_route
from infra.catalog import Catalog
from tests.support.plans import catalog
from workers.routing.choose import Route, choose

CATALOG = catalog(
    {
        "main": {
            "deployments": ["a/main", "b/main"],
            "fallbacks": ["other", "claude-3", "main"],
            "context_window_fallbacks": ["long"],
        },
        "other": ["c/other"],
        "claude-*": ["d/any", {"name": "e/any", "residency": "external"}],
        "long": ["a/long", "c/long"],
        "alone": ["a/alone"],
    },
    b="local",
    d="local",
    e="local",
)


def route(asked: str, residency: str | None = None, known: Catalog = CATALOG) -> Route:
    return choose(known, asked, residency, Random(1))


def names(tiers: tuple[Tier, ...]) -> list[list[str]]:
    return [[candidate.deployment for candidate in tier] for tier in tiers]


def test_the_first_tier_is_the_models_own_and_each_fallback_is_one_more():
    found = route("main")
    assert found.tiers == (
        (Candidate("a/main"), Candidate("b/main")),
        (Candidate("c/other", "other"),),
        (Candidate("d/any", "claude-3"), Candidate("e/any", "claude-3")),
        (Candidate("a/main", "main"), Candidate("b/main", "main")),
    )
    assert found.long_context == ((Candidate("a/long", "long"), Candidate("c/long", "long")),)
    assert found.reason == "alias"


def test_a_model_without_fallbacks_has_one_tier():
    found = route("alone")
    assert (names(found.tiers), found.long_context) == ([["a/alone"]], ())


def test_a_fallback_that_is_named_twice_is_there_once():
    known = catalog({"m": {"deployments": ["a/m"], "fallbacks": ["n", "n"]}, "n": ["b/n"]})
    assert names(route("m", known=known).tiers) == [["a/m"], ["b/n"]]


def test_a_pattern_says_so():
    assert route("claude-9").reason == "pattern claude-*"


def test_what_may_not_leave_the_house_goes_to_local_deployments_in_every_tier():
    found = route("main", "local")
    assert names(found.tiers) == [["b/main"], ["d/any"], ["b/main"]]
    assert found.long_context == ()
    assert found.first.name == "b/main"


def test_a_model_whose_own_deployments_are_all_outside_falls_back_on_a_local_one():
    known = catalog({"m": {"deployments": ["a/m"], "fallbacks": ["n"]}, "n": ["b/n"]}, b="local")
    found = route("m", "local", known)
    assert (names(found.tiers), found.first.name) == ([["b/n"]], "b/n")


def test_where_nothing_is_local_the_request_is_refused():
    with pytest.raises(PenstockError) as raised:
        route("alone", "local")
    assert (raised.value.code, raised.value.param) == (ErrorCode.RESIDENCY_UNAVAILABLE, "model")


def test_a_name_that_nobody_knows_is_refused():
    with pytest.raises(PenstockError) as raised:
        route("nobody")
    assert raised.value.code is ErrorCode.MODEL_NOT_FOUND


def test_requests_go_to_the_providers_of_the_first_tier_by_weight():
    known = catalog({"m": {"deployments": [{"name": "a/m", "weight": 3}, "b/m"], "fallbacks": ["n"]}, "n": ["c/n"]})
    random = Random(1)
    counts = Counter(choose(known, "m", None, random).first.provider for _ in range(4000))
    assert counts.keys() == {"a", "b"}
    assert counts["a"] / 4000 == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize("model", ["plain", "gpt-4o@2024=x,y;z", "ünï / code", "a%3Db", None])
def test_a_route_is_the_same_after_its_way_through_the_header(model: str | None):
    tiers = ((Candidate("a/b.c:d", model), Candidate("x")), (Candidate("y/z", model),))
    header = encode_route(tiers)
    assert header.isascii()
    assert decode_route(header) == tiers


def test_an_empty_header_has_no_tiers():
    assert decode_route("") == ()
