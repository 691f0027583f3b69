"""Admission to deployments: who is called, who is passed over and why, and what is learnt from the end of a call."""

import asyncio

import pytest

from contracts.errors import ErrorCode, PenstockError
from tests.support.fleets import FAILED, REFUSED, Yard, admit, break_open, called, refusal
from tests.support.plans import option, plan
from workers.provider import errors
from workers.provider.breaker import OPEN_FOR, STREAK
from workers.provider.fleet import Kind
from workers.provider.plan import Option
from workers.provider.rate_limits import Full
from workers.provider.retry_budget import RESERVE

A, B, C = option("a/x"), option("b/x"), option("c/x")


@pytest.fixture
def yard() -> Yard:
    return Yard()


async def test_tiers_are_called_one_after_the_other_and_each_option_once(yard: Yard) -> None:
    wanted = plan((A,), (B,), (C,))
    found = [await called(yard, wanted, FAILED) for _ in range(3)]
    assert [grant.option for grant in found] == [A, B, C]
    assert [grant.kind for grant in found] == [Kind.FIRST, Kind.FAILOVER, Kind.FAILOVER]
    await refusal(yard, wanted)


async def test_within_a_tier_the_one_with_less_to_do_is_called(yard: Yard) -> None:
    busy = [await admit(yard, plan((A,))) for _ in range(5)]
    assert (await admit(yard, plan((A, B)))).option is B
    for grant in busy:
        yard.end(grant)
    assert yard.census.station("a/x").slots.in_flight == 0


async def test_within_a_tier_the_faster_one_is_called(yard: Yard) -> None:
    for wanted, seconds in ((A, 3.0), (B, 0.2)):
        yard.end(await admit(yard, plan((wanted,))), seconds=seconds)
    assert {(await called(yard, plan((A, B)))).option for _ in range(20)} == {B}


async def test_calls_are_shared_by_weight(yard: Yard) -> None:
    heavy, light = option("h/x", weight=3), option("l/x", weight=1)
    found = [(await called(yard, plan((heavy, light)))).option for _ in range(1000)]
    assert found.count(heavy) / 1000 == pytest.approx(0.75, abs=0.05)


async def test_a_deployment_that_asks_for_a_rest_gets_it_and_others_are_called(yard: Yard) -> None:
    limited = errors.from_status(429, None, "7", "a")
    for _ in range(STREAK + 1):
        await called(yard, plan((A,)), limited)
        yard.now += 7
    await called(yard, plan((A,)), limited)
    assert (await called(yard, plan((A,), (B,)))).option is B
    error = await refusal(yard, plan((A,)))
    assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 7)
    assert not yard.bucket.told, "a rate limit is no failure"


async def test_a_retry_is_called_where_no_option_is_left_that_was_not(yard: Yard) -> None:
    wanted = plan((A,), (B,))
    for kind in (Kind.FIRST, Kind.FAILOVER, Kind.RETRY):
        assert (await called(yard, wanted, FAILED, again=True)).kind is kind


async def test_retries_end_with_their_budget(yard: Yard) -> None:
    for _ in range(RESERVE):
        yard.now += 0.01
        wanted = plan((A,))
        # Answered in between, so that no breaker opens.
        await called(yard, wanted)
        assert yard.fleet.outlook(wanted).again_after == 0.0
        await called(yard, wanted, again=True)
    spent = plan((A,))
    await called(yard, spent)
    # Two more than the reserve: the first calls have added to it.
    for _ in range(2):
        await called(yard, spent, again=True)
    assert yard.fleet.outlook(spent) == (False, False, None)
    assert yard.metric("penstock_provider_retries_denied_total", deployment="a/x") == 1
    await refusal(yard, spent, again=True)
    assert yard.metric("penstock_provider_calls_total", deployment="a/x", kind="retry") == RESERVE + 2


async def test_the_outlook_after_a_failure(yard: Yard) -> None:
    alone, narrow = plan((A,)), option("n/x", concurrency=1)
    await called(yard, alone, FAILED)
    assert yard.fleet.outlook(alone) == (False, False, 0.0)
    both = plan((A,), (narrow,))
    await called(yard, both, FAILED)
    assert yard.fleet.outlook(both) == (True, False, 0.0)
    await admit(yard, plan((narrow,)))
    assert yard.fleet.outlook(both) == (False, True, 0.0)
    await called(yard, alone, errors.from_status(429, None, "4", "a"), again=True)
    assert yard.fleet.outlook(alone).again_after == 4.0
    await called(yard, plan((B,)), REFUSED)
    refused = plan((B,))
    refused.tried.add(B.key)
    assert yard.fleet.outlook(refused) == (False, False, None)


async def test_calls_wait_for_a_slot_and_get_it_in_their_order(yard: Yard) -> None:
    narrow = option("n/x", concurrency=2)
    first, _ = [await admit(yard, plan((narrow,))) for _ in range(2)]
    waiting = [asyncio.create_task(admit(yard, plan((narrow,)), within=5.0)) for _ in range(2)]
    await asyncio.sleep(0)
    yard.end(first)
    got = await waiting[0]
    assert not waiting[1].done()
    yard.end(got)
    await waiting[1]
    assert yard.census.station("n/x").slots.in_flight == 2


async def test_a_call_that_waits_in_vain_is_told_that_all_are_busy(yard: Yard) -> None:
    narrow = option("n/x", concurrency=1)
    await admit(yard, plan((narrow,)))
    assert (await refusal(yard, plan((narrow,)), within=0.02)).code is ErrorCode.OVERLOADED
    assert (await called(yard, plan((narrow,), (A,)))).option is A


async def test_the_limit_of_a_deployment_is_for_all_of_its_models(yard: Yard) -> None:
    narrow = option("n/x", concurrency=1)
    await admit(yard, plan((narrow,)))
    await refusal(yard, plan((Option(narrow.deployment, "another"),)))


LIMITED = option("l/x", requests_per_minute=60, tokens_per_minute=1000)


async def test_a_deployment_without_limits_is_not_counted(yard: Yard) -> None:
    await called(yard, plan((A,)))
    assert yard.limits.reserved == []


async def test_a_call_is_counted_by_an_estimate_and_corrected_when_it_has_ended(yard: Yard) -> None:
    yard.end(await admit(yard, plan((LIMITED,), tokens=30)), tokens=50)
    await yard.fleet.close()
    assert (yard.limits.reserved, yard.limits.corrected) == ([("l/x", 30)], [(30, 100)])
    await called(yard, plan((LIMITED,), tokens=30))
    assert yard.limits.reserved[-1] == ("l/x", 80), "its last answer was 50 tokens long"


async def test_a_call_that_was_not_made_is_not_counted(yard: Yard) -> None:
    yard.fleet.settle(await admit(yard, plan((LIMITED,), tokens=30)), None)
    await yard.fleet.close()
    assert yard.limits.given_back == [30]


async def test_one_at_its_limit_is_passed_over_and_asked_again_when_that_is_over(yard: Yard) -> None:
    yard.limits.refusals.append(Full(5.0, everybody=True))
    assert (await called(yard, plan((LIMITED,), (A,)))).option is A
    assert (await refusal(yard, plan((LIMITED,)))).retry_after == 5.0
    assert len(yard.limits.reserved) == 1, "it is known to be full"
    yard.now += 5
    assert (await called(yard, plan((LIMITED,), (A,)))).option is LIMITED


async def test_where_only_the_tokens_are_spent_a_shorter_prompt_may_still_pass(yard: Yard) -> None:
    yard.limits.refusals.append(Full(5.0, everybody=False))
    error = await refusal(yard, plan((LIMITED,), tokens=900))
    assert (error.code, error.retry_after) == (ErrorCode.RATE_LIMITED, 5.0)
    assert (await called(yard, plan((LIMITED,), tokens=10))).option is LIMITED


async def test_a_patient_request_waits_until_a_limit_is_over(yard: Yard) -> None:
    yard.limits.refusals.append(Full(0.01, everybody=False))
    assert (await called(yard, plan((LIMITED,)), within=5.0, patient=True)).option is LIMITED


async def test_a_patient_request_does_not_wait_longer_than_it_has(yard: Yard) -> None:
    await break_open(yard, A)
    error = await refusal(yard, plan((A,)), within=OPEN_FOR / 2, patient=True)
    assert error.code is ErrorCode.PROVIDER_UNAVAILABLE


async def test_a_spare_call_goes_to_an_option_that_was_not_called_is_healthy_and_free(yard: Yard) -> None:
    narrow, wanted = option("n/x", concurrency=1), plan((A, B), (C,))
    first = await admit(yard, wanted)
    spare = await yard.fleet.spare(wanted)
    assert spare is not None
    assert {first.option, spare.option} == {A, B}
    assert spare.kind is Kind.HEDGE
    assert await yard.fleet.spare(plan((narrow,))) is not None
    assert await yard.fleet.spare(plan((narrow,))) is None, "it has no slot left"
    await break_open(yard, C)
    yard.now += OPEN_FOR
    assert await yard.fleet.spare(plan((C,))) is None, "a probe is nobody's second call"


async def test_spare_calls_end_with_the_retry_budget(yard: Yard) -> None:
    spares = [await yard.fleet.spare(plan((A,))) for _ in range(RESERVE + 5)]
    assert sum(spare is not None for spare in spares) == RESERVE


async def test_a_call_that_another_one_has_beaten_took_at_least_so_long(yard: Yard) -> None:
    lost = PenstockError(ErrorCode.CANCELLED, "another one was first", stage="provider")
    yard.end(await admit(yard, plan((A,))), lost, seconds=4.0)
    yard.end(await admit(yard, plan((B,))), seconds=1.0)
    assert {(await called(yard, plan((A, B)))).option for _ in range(10)} == {B}


async def test_whoever_is_cancelled_while_it_asks_leaves_nothing_taken(yard: Yard) -> None:
    yard.limits.silent = True
    task = asyncio.create_task(admit(yard, plan((LIMITED,))))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert yard.census.station("l/x").slots.in_flight == 0
