"""A request's options: what is left of its route, whether the prompt fits, and where one goes that does not."""

import pytest

from contracts import envelope
from contracts.errors import ErrorCode, PenstockError
from contracts.route import Candidate, encode_route
from infra.catalog import Catalog
from tests.support.plans import catalog, option, plan
from workers.provider.plan import Plan, plan_of

CATALOG = catalog(
    {
        "small": ["a/small", {"name": "b/small", "model": "real-small"}],
        "large*": [{"name": "c/any", "residency": "local"}],
    },
    b="local",
)


def names(found: Plan) -> list[list[tuple[str, str]]]:
    return [[option.key for option in tier] for tier in found.tiers]


def headers(*tiers: tuple[Candidate, ...], **more: str) -> dict[str, str]:
    return {envelope.MODEL: "small", envelope.DEPLOYMENTS: encode_route(tiers), **more}


def of(found: dict[str, str], known: Catalog = CATALOG) -> Plan:
    return plan_of(found, known, 10)


def test_a_route_is_read_tier_by_tier_each_deployment_with_what_its_provider_calls_the_model():
    found = of(headers((Candidate("a/small"), Candidate("b/small")), (Candidate("c/any", "large-2"),)))
    assert names(found) == [[("a/small", "small"), ("b/small", "real-small")], [("c/any", "large-2")]]


def test_what_the_catalogue_does_not_have_any_more_is_left_out():
    assert names(of(headers((Candidate("gone/x"), Candidate("a/small")), (Candidate("gone/y"),)))) == [
        [("a/small", "small")]
    ]


def test_a_route_of_which_nothing_is_left_may_be_understood_in_a_moment():
    with pytest.raises(PenstockError) as raised:
        of(headers((Candidate("gone/x"),)))
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.MODEL_NOT_FOUND, True)


def test_a_prompt_that_may_not_leave_the_house_goes_to_local_deployments_alone():
    tiers = ((Candidate("a/small"), Candidate("b/small")), (Candidate("c/any", "large"),))
    local = {envelope.RESIDENCY: "local", envelope.LONG_CONTEXT: encode_route(((Candidate("a/small"),),))}
    found = of(headers(*tiers, **local))
    assert names(found) == [[("b/small", "real-small")], [("c/any", "large")]]
    assert not found.go_longer()


def test_a_deployment_that_is_not_local_any_more_is_not_called_however_the_request_was_routed():
    with pytest.raises(PenstockError) as raised:
        of(headers((Candidate("a/small"),), **{envelope.RESIDENCY: "local"}))
    assert raised.value.code is ErrorCode.RESIDENCY_UNAVAILABLE


SMALL, LARGE, OPEN = option("a/8k", context_window=8000), option("b/100k", context_window=100_000), option("c/any")


def test_options_that_are_too_small_for_the_prompt_are_left_out():
    assert names(plan((SMALL, LARGE, OPEN), tokens=8000)) == [[SMALL.key, LARGE.key, OPEN.key]]
    assert names(plan((SMALL, LARGE, OPEN), tokens=8001)) == [[LARGE.key, OPEN.key]]


def test_a_prompt_that_fits_no_deployment_of_its_model_goes_to_those_for_long_ones_before_other_fallbacks():
    found = plan((SMALL,), (OPEN,), longer=((LARGE,),), tokens=50_000)
    assert names(found) == [[LARGE.key], [OPEN.key]]


def test_where_nothing_is_large_enough_the_provider_shall_say_so():
    assert names(plan((SMALL,), tokens=50_000)) == [[SMALL.key]]
    assert names(plan((SMALL,), longer=((LARGE,),), tokens=500_000)) == [[LARGE.key]]


def test_when_a_provider_says_that_the_prompt_is_too_long_those_for_long_ones_are_next_and_once_only():
    found = plan((OPEN,), longer=((SMALL, LARGE),), tokens=50_000)
    assert names(found) == [[OPEN.key]]
    assert found.go_longer()
    assert names(found) == [[LARGE.key]]
    assert not found.go_longer()


def test_one_that_was_called_already_is_no_longer_a_way_out():
    found = plan((LARGE,), longer=((LARGE,),), tokens=10)
    found.tried.add(LARGE.key)
    assert not found.go_longer()
