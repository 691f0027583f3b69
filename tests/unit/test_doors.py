"""What an envelope that anybody may have written can claim, and whose word ends a call."""

import asyncio
from typing import cast

import pytest
from nats.aio.msg import Msg

from contracts import envelope, subjects
from contracts.errors import ContractError, ErrorCode, PenstockError
from infra.access.policy import Policy
from infra.dispatch.job import Job
from workers.door import of_tenant, require_enabled, require_own_ingress
from workers.provider.cancellation import Cancellations


class Asked:
    """As much of a job as an envelope's check looks at."""

    def __init__(self, ingress: str | None, request_id: str = "r1") -> None:
        self.headers = {} if ingress is None else {envelope.INGRESS: ingress}
        self.tenant, self.request_id = "team", request_id


def job_of(tenant: str) -> Job:
    asked = Asked(None)
    asked.tenant = tenant
    return cast("Job", asked)


async def nobody_else(_: Job) -> bool:
    return False


async def somebody_else(_: Job) -> bool:
    return True


def test_tenant_and_key_are_what_was_found_out_not_what_was_claimed() -> None:
    claimed = {envelope.TENANT: "victim", envelope.KEY_ID: "theirs", envelope.REQUEST_ID: "r1"}
    assert of_tenant(claimed, "team", None) == {envelope.TENANT: "team", envelope.REQUEST_ID: "r1"}
    assert of_tenant(claimed, "team", "ours")[envelope.KEY_ID] == "ours"


@pytest.mark.parametrize(
    "asked",
    [Asked(None), Asked("team"), Asked("0f0f0f0f", "0f0f0f0f123")],
    ids=["none", "the tenant's", "an ingress's"],
)
def test_deltas_may_go_to_their_own_ingress(asked: Asked) -> None:
    require_own_ingress(cast("Job", asked), "validation", accounts=True)


@pytest.mark.parametrize(("ingress", "accounts"), [("victim", True), ("a.b", True), ("a.b", False), (">", False)])
def test_deltas_may_not_go_to_anothers(ingress: str, accounts: bool) -> None:
    with pytest.raises(ContractError) as refused:
        require_own_ingress(cast("Job", Asked(ingress)), "validation", accounts=accounts)
    assert refused.value.param == envelope.INGRESS


def test_without_accounts_an_ingress_has_any_name() -> None:
    require_own_ingress(cast("Job", Asked("dashboard")), "validation", accounts=False)


@pytest.mark.parametrize(
    ("said", "ended"),
    [
        (subjects.cancel("r1"), True),
        (subjects.cancel_of("team", "r1"), True),
        (subjects.cancel_of("victim", "r1"), False),
        (subjects.cancel_of("team", "r2"), False),
    ],
)
async def test_a_tenant_ends_its_own_requests_and_no_others(said: str, ended: bool) -> None:
    gone = Cancellations(nobody_else)
    await gone._on_cancel(cast("Msg", type("Said", (), {"subject": said})))
    call = asyncio.create_task(asyncio.Event().wait())
    with gone.stops(job_of("team"), call):
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert gone.left("team", "r1") is ended
        assert bool(call.cancelling()) is ended
    call.cancel()


async def test_a_call_in_progress_ends_at_its_tenants_word_alone() -> None:
    gone = Cancellations(nobody_else)
    calls = {tenant: asyncio.create_task(asyncio.Event().wait()) for tenant in ("team", "victim")}
    with gone.stops(job_of("team"), calls["team"]), gone.stops(job_of("victim"), calls["victim"]):
        await gone._on_cancel(cast("Msg", type("Said", (), {"subject": subjects.cancel_of("team", "r1")})))
        assert [bool(call.cancelling()) for call in calls.values()] == [True, False]
    calls["victim"].cancel()


async def test_a_call_for_others_too_goes_on_when_its_own_caller_leaves() -> None:
    gone = Cancellations(somebody_else)
    call = asyncio.create_task(asyncio.Event().wait())
    with gone.stops(job_of("team"), call):
        await gone._on_cancel(cast("Msg", type("Said", (), {"subject": subjects.cancel("r1")})))
        assert not call.cancelling()
        assert not gone.left("team", "r1")
    call.cancel()


def test_what_is_disabled_is_told_so():
    require_enabled(Policy("team"), "chunking")
    with pytest.raises(PenstockError, match="«team», or its organisation, is disabled") as caught:
        require_enabled(Policy("team", disabled=True), "chunking")
    assert (caught.value.code, caught.value.stage, caught.value.retryable) == (
        ErrorCode.PERMISSION_DENIED, "chunking", False
    )  # fmt: skip
