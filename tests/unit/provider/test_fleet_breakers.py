"""Deployments whose breakers open and close: who is called instead, who probes, and who is told."""

import pytest

from contracts.errors import ErrorCode
from tests.support.fleets import FAILED, NOW, REFUSED, Yard, admit, break_open, called, refusal
from tests.support.plans import catalog, option, plan
from workers.provider.breaker import OPEN_FOR, REFUSED_FOR, Opening, Reason
from workers.provider.fleet import Kind
from workers.provider.plan import Option

A, B = option("a/x"), option("b/x")


@pytest.fixture
def yard() -> Yard:
    return Yard()


async def test_an_option_whose_breaker_is_open_is_passed_over(yard: Yard) -> None:
    await break_open(yard, A)
    grant = await called(yard, plan((A,), (B,)))
    assert grant.option is B
    assert grant.kind is Kind.FIRST, "the request called nothing before it"
    assert [(block.option, block.obstacle.value) for block in grant.skipped] == [(A, "its breaker is open")]


async def test_where_all_breakers_are_open_the_request_is_told_when_the_first_may_close(yard: Yard) -> None:
    await break_open(yard, A)
    yard.now += 2
    await break_open(yard, B)
    error = await refusal(yard, plan((A,), (B,)))
    assert (error.code, error.retry_after) == (ErrorCode.PROVIDER_UNAVAILABLE, OPEN_FOR - 2)


async def test_an_opening_is_told_to_the_others_to_operators_and_to_prometheus(yard: Yard) -> None:
    await break_open(yard, A)
    assert yard.bucket.told == [(A.key, Opening(Reason.FAILURES, NOW + OPEN_FOR, 1))]
    (line,) = yard.log.events("breaker_opened")
    assert (line["level"], line["deployment"], line["model"], line["reason"]) == ("warning", "a/x", "m", "failures")
    assert not yard.log.events("provider_refused_credentials")
    assert yard.metric("penstock_breaker_state", deployment="a/x", model="m") == 2


async def test_refused_credentials_are_an_error_for_operators_and_say_nothing_of_the_key(yard: Yard) -> None:
    await called(yard, plan((A,)), REFUSED)
    (line,) = yard.log.events("provider_refused_credentials")
    assert (line["level"], line["deployment"], line["provider"]) == ("error", "a/x", "a")
    error = await refusal(yard, plan((A,)))
    assert (error.code, error.retry_after) == (ErrorCode.PROVIDER_ERROR, REFUSED_FOR)
    assert error.message == "the provider a refused our credentials"


async def test_when_the_time_is_over_one_call_probes_and_closes_the_breaker(yard: Yard) -> None:
    await break_open(yard, A)
    yard.now += OPEN_FOR
    probe = await admit(yard, plan((B, A)))
    assert (probe.option, probe.probe) == (A, True), "one that is due goes before the others"
    assert yard.metric("penstock_breaker_state", deployment="a/x", model="m") == 1
    assert (await called(yard, plan((A,), (B,)))).option is B, "there is one probe at a time"
    yard.end(probe)
    assert yard.bucket.told[-1] == (A.key, None)
    assert yard.bucket.given_back == [A.key]
    assert yard.metric("penstock_breaker_state", deployment="a/x", model="m") == 0
    assert len(yard.log.events("breaker_closed")) == 1
    assert (await called(yard, plan((A,), (B,)))).option is A


async def test_a_probe_that_fails_opens_the_breaker_for_longer(yard: Yard) -> None:
    await break_open(yard, A)
    yard.now += OPEN_FOR
    await called(yard, plan((A,)), FAILED)
    assert yard.bucket.told[-1] == (A.key, Opening(Reason.FAILURES, yard.now + 2 * OPEN_FOR, 2))
    assert yard.bucket.given_back == [A.key]
    assert (await refusal(yard, plan((A,)))).retry_after == 2 * OPEN_FOR


async def test_where_another_process_probes_this_one_calls_something_else_and_does_not_ask_at_once_again(
    yard: Yard,
) -> None:
    await break_open(yard, A)
    yard.now += OPEN_FOR
    yard.bucket.taken.add(A.key)
    for _ in range(3):
        assert (await called(yard, plan((A,), (B,)))).option is B
    assert yard.bucket.asked == [A.key]
    yard.now += 2
    await called(yard, plan((A,), (B,)))
    assert yard.bucket.asked == [A.key, A.key]
    assert yard.census.station("a/x").slots.in_flight == 0


async def test_a_probe_that_was_not_made_after_all_leaves_it_to_the_next(yard: Yard) -> None:
    await break_open(yard, A)
    yard.now += OPEN_FOR
    yard.fleet.settle(await admit(yard, plan((A,))), None)
    assert yard.bucket.given_back == [A.key]
    assert (await admit(yard, plan((A,)))).probe


async def test_what_other_processes_find_out_counts_here(yard: Yard) -> None:
    await yard.watch.open()
    assert yard.bucket.hear is not None
    yard.bucket.hear(A.key, Opening(Reason.FAILURES, NOW + 60, 2))
    assert (await called(yard, plan((A,), (B,)))).option is B
    assert yard.metric("penstock_breaker_state", deployment="a/x", model="m") == 2
    yard.bucket.hear(A.key, None)
    assert (await called(yard, plan((A,), (B,)))).option is A
    assert yard.bucket.told == [], "it is not told on"


async def test_a_deployment_that_the_catalogue_has_changed_is_called_again_at_once(yard: Yard) -> None:
    async def follow(**changed: str) -> None:
        await yard.watch.follow(
            catalog({"m": [{"name": "a/x", "model": "m"}, {"name": "b/x", "model": "m"}]}, **changed)
        )

    await follow()
    await break_open(yard, A)
    await break_open(yard, B)
    await follow()
    await refusal(yard, plan((A, B)))
    await follow(b="local")
    assert (await called(yard, plan((A, B)))).option is B
    assert yard.metric("penstock_breaker_state", deployment="b/x", model="m") == 0


async def test_each_model_of_a_deployment_has_its_own_breaker(yard: Yard) -> None:
    await break_open(yard, A)
    other = Option(A.deployment, "another")
    assert (await called(yard, plan((other,)))).option is other
