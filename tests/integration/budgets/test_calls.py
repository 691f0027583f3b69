"""Calls under a budget, on real parts: what is called, what is refused, and that it adds up in the end."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal
from functools import partial
from pathlib import Path
from unittest import mock

import pytest

from contracts.errors import ErrorCode
from contracts.inference import InferenceCompleted, InferenceFailed
from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome
from infra.dispatch.stage import Handler
from tests.support.budgets import add_budget
from tests.support.database import Database
from tests.support.pipeline import TENANT, Pipeline
from tests.support.reliability import ask
from tests.support.simulator import Simulator
from tests.support.waiting import eventually
from tests.support.workers import InjectedError, StartWorkers, intercepted
from workers.provider.journal import Journal

WORKERS = ("routing", "provider", "ledger")
CENT = {"input": "0", "output": "1000"}
"""With ten tokens of output, a call costs a cent, before and after it."""


@pytest.fixture
def catalog(tmp_path: Path, simulator: Simulator) -> Path:
    """Models whose calls cost a cent, one whose price nobody knows, and one that fails before it is answered."""

    def deployment(name: str, model: str, prices: dict[str, str] | None = CENT) -> dict[str, object]:
        known = {} if prices is None else {"prices": prices}
        return {"name": name, "provider": "sim", "model": model, "max_output_tokens": 10, **known}

    cent, secret = deployment("cent", "sim-small@tokens=10"), deployment("secret", "sim-secret", None)
    models = [
        {"name": "cent", "deployments": [cent]},
        {"name": "secret", "deployments": [secret]},
        {"name": "secret-then-cent", "deployments": [{**secret, "name": "secret-2"}], "fallbacks": ["cent"]},
        {"name": "down", "deployments": [deployment("down", "sim-error-500@tokens=9")], "fallbacks": ["cent"]},
        {"name": "dear", "deployments": [deployment("dear", "sim-small@tokens=10", {**CENT, "output": "100000"})]},
        {
            "name": "down-or-dear",
            "deployments": [deployment("down-2", "sim-error-500@tokens=9")],
            "fallbacks": ["dear"],
        },
    ]
    catalog = {"providers": [{"name": "sim", "kind": "openai", "base_url": f"{simulator.url}/v1"}], "models": models}
    target = tmp_path / "catalog.json"
    target.write_text(json.dumps(catalog), encoding="utf-8")
    return target


@pytest.fixture
async def budgeted(database: Database) -> AsyncIterator[Database]:
    """A tenant that may spend twenty cents in all."""
    await database.execute(f"INSERT INTO tenants (id) VALUES ('{TENANT}')")
    await add_budget(database, "tenant", TENANT, "total", "0.20")
    yield database


async def ended(pipeline: Pipeline, request_id: str) -> InferenceCompleted | InferenceFailed:
    async def terminal() -> InferenceCompleted | InferenceFailed | None:
        return await pipeline.completed(request_id) or await pipeline.failed(request_id)

    return await eventually(terminal, within=20, what="neither an answer nor a failure")


async def balance(database: Database) -> tuple[Decimal, Decimal]:
    rows = await database.rows("SELECT spent, reserved FROM budget_balances")
    return (rows[0]["spent"], rows[0]["reserved"]) if rows else (Decimal(0), Decimal(0))


async def stands_at(database: Database, spent: str) -> None:
    """Wait until all is settled, and nothing reserved any more."""

    async def settled() -> bool:
        return await balance(database) == (Decimal(spent), 0)

    await eventually(settled, within=20, what=f"the budget does not stand at {spent}")


async def test_as_many_are_called_as_there_is_money_for_and_the_others_are_told_why(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, budgeted: Database
):
    async with workers(*WORKERS), workers("provider"):
        ids = await asyncio.gather(*(ask(pipeline, "cent", content=f"Hello {number}") for number in range(26)))
        found = await asyncio.gather(*(ended(pipeline, request_id) for request_id in ids))
        await stands_at(budgeted, "0.20")
    refused = [one.error for one in found if isinstance(one, InferenceFailed)]
    assert len(refused) == 6
    assert {(error.code, error.retryable, error.stage) for error in refused} == {
        (ErrorCode.INSUFFICIENT_QUOTA, False, "provider")
    }
    assert simulator.stats()["by_model"] == {"sim-small@tokens=10": 20}
    assert {one.cost_usd for one in found if isinstance(one, InferenceCompleted)} == {Decimal("0.01")}
    assert {one.attempts for one in found if isinstance(one, InferenceFailed)} == {0}


async def test_a_model_without_a_price_is_not_called_under_a_budget_and_another_answers_where_there_is_one(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, budgeted: Database
):
    async with workers(*WORKERS):
        failure = await ended(pipeline, await ask(pipeline, "secret"))
        answer = await ended(pipeline, await ask(pipeline, "secret-then-cent"))
        await stands_at(budgeted, "0.01")
        await budgeted.execute("DELETE FROM budgets")

        async def answered() -> bool:
            return isinstance(await ended(pipeline, await ask(pipeline, "secret")), InferenceCompleted)

        await eventually(answered, within=20, what="a tenant without a budget is refused too")
    assert isinstance(failure, InferenceFailed)
    assert (failure.error.code, failure.error.retryable) == (ErrorCode.PRICE_UNKNOWN, False)
    assert isinstance(answer, InferenceCompleted)
    assert (answer.deployment, answer.attempts) == ("cent", 1)
    assert simulator.stats()["by_model"]["sim-small@tokens=10"] == 1


async def test_a_call_that_fails_costs_nothing_and_its_successor_reserves_anew(
    pipeline: Pipeline, workers: StartWorkers, budgeted: Database
):
    async with workers(*WORKERS):
        answer = await ended(pipeline, await ask(pipeline, "down"))
        await stands_at(budgeted, "0.01")
    assert isinstance(answer, InferenceCompleted)
    assert (answer.deployment, answer.attempts) == ("cent", 2)


async def test_a_retry_that_a_budget_refuses_is_told_as_that_with_the_failure_it_was_wanted_for(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, budgeted: Database
):
    async with workers(*WORKERS):
        failure = await ended(pipeline, await ask(pipeline, "down-or-dear"))
        await stands_at(budgeted, "0")
    assert isinstance(failure, InferenceFailed)
    assert (failure.error.code, failure.error.retryable) == (ErrorCode.INSUFFICIENT_QUOTA, False)
    assert "has too little left for this request; the call that was made before failed: " in failure.error.message
    assert (failure.deployment, failure.attempts) == ("down-2", 1)
    assert [row["error_code"] for row in await budgeted.rows("SELECT error_code FROM usage")] == ["provider_error"]


async def test_a_worker_that_fails_between_reserving_and_calling_has_reserved_once(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, budgeted: Database
):
    """The message is delivered again, and its call is the same attempt."""
    enter, failures = Journal.enter, iter((InjectedError(),))

    async def fail_once(journal: Journal, call: object) -> None:
        if failure := next(failures, None):
            raise failure
        assert await balance(budgeted) == (0, Decimal("0.01"))
        await enter(journal, call)  # type: ignore[arg-type]

    with mock.patch.object(Journal, "enter", fail_once):
        async with workers(*WORKERS):
            request_id = await ask(pipeline, "cent")
            assert isinstance(await ended(pipeline, request_id), InferenceCompleted)
            await stands_at(budgeted, "0.01")
    assert simulator.calls_of(TENANT, request_id) == 1
    await eventually(partial(budgeted.usage, request_id), what="no row")


async def test_a_call_that_was_refused_is_never_taken_for_one_that_was_interrupted(
    pipeline: Pipeline, workers: StartWorkers, simulator: Simulator, budgeted: Database
):
    """It stands in the journal, as that is written while it is reserved for: and is withdrawn there."""
    refusals: list[str] = []

    async def fail_after_the_first(job: Job, handler: Handler) -> Outcome:
        outcome = await handler(job)
        refusals.append(outcome.label)
        if len(refusals) == 1:
            raise InjectedError
        return outcome

    await budgeted.execute("UPDATE budgets SET amount_usd = 0.001")
    with intercepted("provider", "inference.routed", fail_after_the_first):
        async with workers(*WORKERS):
            request_id = await ask(pipeline, "cent")
            failure = await ended(pipeline, request_id)
            # The ledger takes rows in their order: one of the refused call would be there before this one's.
            await budgeted.execute("UPDATE budgets SET amount_usd = 1")
            answered = await ask(pipeline, "cent")
            assert isinstance(await ended(pipeline, answered), InferenceCompleted)
            await eventually(partial(budgeted.usage, answered), what="no row")
    assert isinstance(failure, InferenceFailed)
    assert failure.error.code == ErrorCode.INSUFFICIENT_QUOTA
    assert refusals[:2] == ["failed", "failed"]
    assert await budgeted.usage(request_id) == []
    assert simulator.calls_of(TENANT, request_id) == 0
