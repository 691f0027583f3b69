"""What the database says of a tenant and its key, as every process comes to know it."""

from collections.abc import AsyncIterator

import pytest

from infra.access.policies import Policies
from infra.access.policy import Limit, Policy
from infra.database.engine import create_engine
from infra.settings import Settings
from tests.support.database import Database
from tests.support.waiting import eventually


@pytest.fixture
async def policies(database: Database) -> AsyncIterator[Policies]:
    found = Policies(create_engine(Settings(database_url=database.url), pool_size=1), "test")
    yield found
    await found.close()


async def acme(database: Database, *more: str) -> None:
    await database.execute(
        "INSERT INTO organisations (id) VALUES ('mills')",
        "INSERT INTO tenants (id, organisation_id, models) VALUES ('acme', 'mills', '{gpt-*}')",
        "INSERT INTO tenants (id, organisation_id) VALUES ('other', 'mills')",
        "INSERT INTO api_keys (id, tenant_id, secret_sha256, name, scopes, models, stores)"
        " VALUES ('00aa', 'acme', '', 'k', '{}', '{gpt-small,gpt-large}', '{vs_1}')",
        *more,
    )


async def test_a_key_is_allowed_what_it_and_its_tenant_both_name(policies: Policies, database: Database):
    await acme(database)
    policy = await policies.of("acme", "00aa")
    assert policy.organisation == "mills"
    assert [policy.allows_model(name) for name in ("gpt-small", "gpt-other", "claude")] == [True, False, False]
    assert policy.allows_store("vs_1")
    assert not policy.allows_store("vs_2")


async def test_a_key_of_another_tenant_is_none(policies: Policies, database: Database):
    await acme(database)
    policy = await policies.of("other", "00aa")
    assert policy.key_id is None
    assert policy.allows_store("vs_2")


async def test_the_limits_are_those_of_the_key_the_tenant_and_every_model(policies: Policies, database: Database):
    await acme(
        database,
        "INSERT INTO limits (kind, subject_id, model, requests_per_minute)"
        " VALUES ('key', '00aa', '*', 1), ('key', 'ffff', '*', 2), ('tenant', 'acme', 'gpt-small', 3),"
        " ('tenant', 'other', '*', 4), ('model', 'gpt-large', '*', 5)",
    )
    policy = await policies.of("acme", "00aa")
    assert {limit.requests_per_minute for limit in policy.limits_of("gpt-small")} == {1, 3}
    assert {limit.requests_per_minute for limit in policy.limits_of("gpt-large")} == {1, 5}


@pytest.mark.parametrize(("kind", "subject"), [("organisation", "mills"), ("tenant", "acme"), ("key", "00aa")])
async def test_a_budget_at_any_level_holds_for_the_key(policies: Policies, database: Database, kind: str, subject: str):
    await acme(database)
    assert not (await policies.of("acme", "00aa")).budgeted
    await database.execute(
        "INSERT INTO budgets (id, kind, subject_id, period, amount_usd)"
        f" VALUES ('b1', '{kind}', '{subject}', 'day', 5)",
        "INSERT INTO api_keys (id, tenant_id, secret_sha256, name, scopes, replaces)"
        " VALUES ('00bb', 'acme', '', 'k', '{}', '00aa')",
    )
    policies.forget()
    assert (await policies.of("acme", "00aa")).budgeted
    assert (await policies.of("acme", "00bb")).budgeted


async def test_a_change_counts_within_a_second_though_nobody_tells(policies: Policies, database: Database):
    await acme(database)
    await policies.of("acme", None)
    await database.execute("UPDATE tenants SET disabled_at = now() WHERE id = 'acme'")

    async def disabled() -> bool:
        return (await policies.of("acme", None)).disabled

    await eventually(disabled, what="a disabled tenant went on")


def test_a_tenant_that_nobody_made_has_no_limits_of_its_own():
    everybodys = Limit("model", "gpt-large", requests_per_minute=1)
    policy = Policy("stranger", limits=(everybodys,))
    assert policy.limits_of("gpt-large") == (everybodys,)
    assert policy.limits_of("gpt-small") == ()
    assert policy.allows_model("anything")
