"""Look-up and fill on a real database: whose entries are found, what is learnt of answers, and what never is."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts import envelope
from infra.database.engine import create_engine
from infra.index.transaction import tenant_transaction
from infra.semantic import outcomes
from infra.settings import Settings
from tests.support.database import Database
from tests.support.semantic import SemanticHalf, catalog
from workers.cache.semantic.candidates import EVIDENCE
from workers.cache.semantic.lookup import is_sampled

ACME, OTHER = "acme", "other"
QUESTION, AGAIN = "How do I reset my password?", "How can I reset my password?"
ANSWER = "Open Settings, then Security."
UNVERIFIED = "not-sampled"  # whose hash is not in the first twentieth


@pytest.fixture
def half(engine: AsyncEngine) -> SemanticHalf:
    return SemanticHalf(engine)


async def open_all(database: Database) -> None:
    """Every group that is known lets everything through."""
    weights = ",".join("0" * (len(EVIDENCE) + 1))
    await database.execute(
        "INSERT INTO semantic_rules (tenant_id, question_group, model, target, weights, threshold, seen, bound) "
        f"SELECT DISTINCT tenant_id, decode(g, 'hex'), 'm', 0.01, ARRAY[{weights}]::float8[], -1, 500, 0.01 "
        "FROM semantic_entries, unnest(ARRAY(SELECT encode(question_group, 'hex') FROM semantic_outcomes)) g "
        "ON CONFLICT (tenant_id, question_group) DO UPDATE "
        "SET weights = excluded.weights, threshold = -1, seen = 500, bound = 0.01"
    )


async def opened(half: SemanticHalf, database: Database, *tenants: str, **fields: Any) -> None:
    """Two wordings are answered alike, so there is a group; then its rule is open, and nothing of it is remembered."""
    for tenant in tenants:
        await half.ask_and_answer(tenant, QUESTION, ANSWER, **fields)
        await half.ask_and_answer(tenant, "How could I reset my password?", ANSWER, **fields)
    await open_all(database)
    half.rules.forget()


async def test_nothing_is_answered_before_anything_is_learnt(half: SemanticHalf, database: Database):
    await half.ask_and_answer(ACME, QUESTION, ANSWER)
    job, hit = await half.ask(ACME, AGAIN)
    assert hit is None
    await half.answer(job, ANSWER)
    (outcome,) = await database.rows('SELECT "right", hit FROM semantic_outcomes')
    assert outcome == {"right": True, "hit": False}


async def test_an_open_rule_answers_with_the_similarity(half: SemanticHalf, database: Database):
    await opened(half, database, ACME)
    job, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED)
    assert hit is not None
    assert hit.entry.response["choices"][0]["message"]["content"] == ANSWER
    assert hit.status.startswith("semantic; similarity=0.9")
    assert job.headers[envelope.EMBEDDING]


async def test_an_entry_answers_once_the_model_has_borne_it_out(half: SemanticHalf, database: Database):
    await half.ask_and_answer(ACME, QUESTION, ANSWER)
    await half.ask_and_answer(ACME, "How do I order a card?", "In the app.")
    await open_all(database)
    half.rules.forget()
    job, hit = await half.ask(ACME, "How can I order a card?", request_id=UNVERIFIED)
    assert hit is None
    await half.answer(job, "In the app.")
    assert await database.rows('SELECT "right" FROM semantic_outcomes WHERE hit') == [{"right": True}]
    unverified = next(name for name in map("u{}".format, range(1000)) if not _is_verified(name))
    _, hit = await half.ask(ACME, "How could I order a card?", request_id=unverified)
    assert hit is not None


async def test_no_tenant_gets_another_s_entry_at_any_similarity(half: SemanticHalf, database: Database):
    await opened(half, database, ACME)
    await half.ask_and_answer(OTHER, "Where is my card?", "On its way.")
    await half.ask_and_answer(OTHER, "Where's my card?", "On its way.")
    await open_all(database)
    half.rules.forget()
    for question in (QUESTION, AGAIN):
        _, hit = await half.ask(OTHER, question, request_id=UNVERIFIED)
        assert hit is None or hit.entry.response["choices"][0]["message"]["content"] != ANSWER


async def test_the_database_itself_shows_no_tenant_another_s_rows(
    half: SemanticHalf, database: Database, engine: AsyncEngine
):
    await opened(half, database, ACME)
    for table in ("semantic_entries", "semantic_outcomes", "semantic_rules"):
        for tenant, seen in ((ACME, True), (OTHER, False), ("", False)):
            async with engine.begin() as connection:
                enter = "SELECT set_config('role', 'penstock_app', true), set_config('penstock.tenant', :t, true)"
                await connection.execute(text(enter), {"t": tenant})
                count = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
            assert (count > 0) is seen


async def test_an_answer_that_was_cut_or_filtered_is_never_kept(half: SemanticHalf, database: Database):
    job, _ = await half.ask(ACME, QUESTION)
    await half.answer(job, "Open Set", whole=False)
    assert await database.rows("SELECT id FROM semantic_entries") == []


async def test_another_system_prompt_or_model_reaches_no_entry(half: SemanticHalf, database: Database):
    await opened(half, database, ACME)
    _, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED, system="Answer in verse.")
    assert hit is None
    await half.catalog.swap(catalog("m-2"))
    _, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED)
    assert hit is None


async def test_what_the_router_has_answered_is_answered_again_to_keys_with_the_same_choice(
    half: SemanticHalf, database: Database
):
    await opened(half, database, ACME, model="auto")
    _, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED, model="auto")
    assert hit is not None
    for other in ({"model": "auto:cost"}, {"model": "auto", "named": (frozenset({"m"}),)}, {"model": "m"}):
        _, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED, **other)
        assert hit is None, other


async def test_facts_that_differ_are_no_hit(half: SemanticHalf, database: Database):
    await opened(half, database, ACME)
    for question in ("How do I reset my 2 passwords?", "How do I not reset my password?"):
        _, hit = await half.ask(ACME, question, request_id=UNVERIFIED)
        assert hit is None


async def test_an_answer_that_the_exact_cache_has_lost_is_a_miss(half: SemanticHalf, database: Database):
    await opened(half, database, ACME)
    half.answers.kept.clear()
    _, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED)
    assert hit is None


async def test_a_verified_hit_that_was_wrong_is_counted_once_and_closes_the_rule(
    half: SemanticHalf, database: Database
):
    await opened(half, database, ACME)
    sampled = next(f"v{number}" for number in range(1000) if _is_verified(f"v{number}"))
    job, hit = await half.ask(ACME, AGAIN, request_id=sampled)
    assert hit is None
    for _ in range(2):
        await half.answer(job, "Call us under 555.")
    rows = await database.rows('SELECT "right" FROM semantic_outcomes WHERE hit')
    assert rows == [{"right": False}]
    assert await database.rows("SELECT threshold FROM semantic_rules") == [{"threshold": None}]
    assert (await database.rows("SELECT sum(wrong) AS wrong FROM semantic_entries"))[0]["wrong"] == 1


async def test_whoever_dislikes_a_hit_says_that_it_was_wrong(
    half: SemanticHalf, database: Database, engine: AsyncEngine
):
    await opened(half, database, ACME)
    job, hit = await half.ask(ACME, AGAIN, request_id=UNVERIFIED)
    assert hit is not None
    await half.answer(job, ANSWER)
    await database.execute(
        f"INSERT INTO feedback (tenant_id, id, request_id, rating) VALUES ('{ACME}', 'f', '{UNVERIFIED}', -1)"
    )
    (group,) = [row["question_group"] for row in await database.rows("SELECT question_group FROM semantic_rules")]
    async with tenant_transaction(engine, ACME) as connection:
        found = await outcomes.outcomes(connection, bytes(group), 10)
    assert [(right, was_hit) for _, right, was_hit in found if was_hit] == [(False, True)]


async def test_without_a_database_it_is_a_miss():
    nowhere = Settings(database_url="postgresql://nobody@127.0.0.1:1/none")  # type: ignore[arg-type]
    engine = create_engine(nowhere, pool_size=1)
    half = SemanticHalf(engine)
    job, hit = await half.ask(ACME, QUESTION)
    assert hit is None
    await half.answer(job, ANSWER)
    assert {entry["event"] for entry in half.log.entries} == {"semantic_rule_unknown", "semantic_cache_not_filled"}
    await engine.dispose()


def _is_verified(request_id: str) -> bool:
    return is_sampled(request_id, 0.05)
