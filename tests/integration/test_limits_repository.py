"""Limits as administrators set and delete them, and what the audit log says of it."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from infra.access.audit import AuditLog
from infra.access.policies import Policies
from infra.index.paging import Paging
from infra.limits.repository import Limits, Most
from tests.support.database import Database

BY = "cli:ada"


@pytest.fixture
async def limits(engine: AsyncEngine, database: Database) -> Limits:
    await database.execute("INSERT INTO tenants (id) VALUES ('acme')")
    return Limits(engine)


async def refusal(attempt: Any) -> tuple[ErrorCode, str | None]:
    with pytest.raises(PenstockError) as raised:
        await attempt
    return raised.value.code, raised.value.param


async def test_a_limit_is_set_anew_as_a_whole_and_deleted(limits: Limits, engine: AsyncEngine) -> None:
    made = await limits.set(BY, "tenant", "acme", Most(requests_per_minute=10, concurrent_requests=2))
    again = await limits.set(BY, "tenant", "acme", Most(tokens_per_minute=500))
    assert again.id == made.id
    assert (again.requests_per_minute, again.tokens_per_minute, again.concurrent_requests) == (None, 500, None)
    await limits.set(BY, "tenant", "acme", Most(tokens_per_minute=500))
    policies = Policies(engine, "test")
    (counted,) = (await policies.of("acme", None)).limits_of("any")
    assert counted.tokens_per_minute == 500
    await limits.delete(BY, made.id)
    policies.forget()
    assert (await policies.of("acme", None)).limits == ()
    assert await refusal(limits.find(made.id)) == (ErrorCode.NOT_FOUND, None)
    changes, _ = await AuditLog(engine).list(10, kind="limit", subject_id=made.id)
    assert [(each.action, each.actor) for each in changes] == [("deleted", BY), ("updated", BY), ("created", BY)]
    assert changes[1].before is not None
    assert changes[1].before["requests_per_minute"] == 10


async def test_each_subject_and_model_has_its_own_and_they_are_listed(limits: Limits) -> None:
    made = [
        await limits.set(BY, "tenant", "acme", Most(1)),
        await limits.set(BY, "tenant", "acme", Most(2), "gpt-5"),
        await limits.set(BY, "model", "openai/gpt-5 mini", Most(3)),
    ]
    assert len({each.id for each in made}) == 3
    found, more = await limits.list(Paging(2, "asc"))
    assert (found, more) == (made[:2], True)
    assert (await limits.list(Paging(9, "asc"), kind="model"))[0] == made[2:]
    assert await limits.find(made[2].id) == made[2]


async def test_what_says_nothing_or_is_of_nobody_is_no_limit(limits: Limits) -> None:
    invalid = ErrorCode.INVALID_REQUEST
    assert await refusal(limits.set(BY, "tenant", "acme", Most())) == (invalid, "requests_per_minute")
    assert await refusal(limits.set(BY, "tenant", "acme", Most(0))) == (invalid, "requests_per_minute")
    assert await refusal(limits.set(BY, "tenant", "nobody", Most(1))) == (ErrorCode.NOT_FOUND, None)
    assert await refusal(limits.set(BY, "key", "nobody", Most(1))) == (ErrorCode.NOT_FOUND, None)
    assert await refusal(limits.set(BY, "model", "gpt-5", Most(1), "gpt-5")) == (invalid, "model")
    assert await refusal(limits.set(BY, "user", "ada", Most(1))) == (invalid, "kind")  # type: ignore[arg-type]
