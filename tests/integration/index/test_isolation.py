"""Two tenants in one database: nothing that one does shows it a row of the other's, or changes one."""

import numpy as np
import psycopg
import psycopg.errors
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncEngine

from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Comparison, Filter
from infra.index.documents import DocumentStatus
from infra.index.embeddings import Embeddings
from infra.index.segments import merge_segments
from infra.index.tables import (
    DeletedDocument,
    Document,
    DocumentState,
    Embedding,
    FileContent,
    IndexSegment,
    IndexVersionRow,
    StoredFile,
    VectorStore,
)
from infra.index.transaction import driver_of, tenant_transaction
from infra.index.upkeep import finish_bulk
from tests.support.database import Database
from tests.support.index import ANYTHING, OTHER, SPEC, STORE, TENANT, Index, document_chunks, embed, sha, texts_of

TABLES = tuple(
    table.__tablename__
    for table in (
        StoredFile,
        FileContent,
        VectorStore,
        IndexVersionRow,
        Document,
        DocumentState,
        DeletedDocument,
        IndexSegment,
        Embedding,
    )
)


def tables_of(index: Index) -> tuple[str, ...]:
    return (*TABLES, f"chunks_{index.version.id}", f"postings_{index.version.id}")


async def rows_seen(engine: AsyncEngine, table: str, *settings: str) -> int:
    """How many rows a transaction sees after `settings`."""
    async with engine.connect() as connection:
        for setting in settings:
            await connection.execute(text(setting))
        found: int = await connection.scalar(text(f"SELECT count(*) FROM {table}"))
        await connection.rollback()
    return found


async def test_a_tenant_sees_its_own_rows_in_every_table(secret: Index):
    for table in tables_of(secret):
        async with tenant_transaction(secret.engine, TENANT) as connection:
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) > 0, table


async def test_another_tenant_sees_no_row_of_any_table(secret: Index):
    for table in tables_of(secret):
        async with tenant_transaction(secret.engine, OTHER) as connection:
            assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0, table


async def test_whoever_forgets_the_tenant_sees_nothing(secret: Index):
    for table in tables_of(secret):
        assert await rows_seen(secret.engine, table, "SET LOCAL ROLE penstock_app") == 0, table
        empty = "SELECT set_config('penstock.tenant', '', true)"
        assert await rows_seen(secret.engine, table, "SET LOCAL ROLE penstock_app", empty) == 0, table


async def test_a_tenant_is_forgotten_with_its_transaction(secret: Index):
    async with secret.engine.connect() as connection:
        driver = await driver_of(connection)
        await driver.execute(
            "SELECT set_config('role', 'penstock_app', true), set_config('penstock.tenant', 'acme', true)"
        )
        assert await (await driver.execute("SELECT id FROM documents")).fetchall()
        await driver.commit()
        await driver.execute("SET LOCAL ROLE penstock_app")
        assert not await (await driver.execute("SELECT id FROM documents")).fetchall()


async def test_no_tenant_is_no_tenant_to_begin_with(secret: Index):
    with pytest.raises(PenstockError, match="no tenant is named"):
        async with tenant_transaction(secret.engine, ""):
            pass
    with pytest.raises(PenstockError, match="no tenant is named"):
        async with secret.searcher.live("", STORE):
            pass


async def test_row_level_security_is_forced_on_every_table(secret: Index, database: Database):
    rows = await database.rows("SELECT relname, relrowsecurity AND relforcerowsecurity AS closed FROM pg_class")
    closed = {row["relname"] for row in rows if row["closed"]}
    assert closed >= set(tables_of(secret))


async def test_the_role_can_not_get_around_it(secret: Index, database: Database):
    (role,) = await database.rows("SELECT * FROM pg_roles WHERE rolname = 'penstock_app'")
    assert not any(role[power] for power in ("rolsuper", "rolbypassrls", "rolcanlogin", "rolcreaterole", "rolcreatedb"))
    for forbidden in (
        "SET row_security = off; SELECT id FROM documents",
        "ALTER TABLE documents DISABLE ROW LEVEL SECURITY",
    ):
        async with tenant_transaction(secret.engine, OTHER) as connection:
            driver = await driver_of(connection)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await driver.execute(forbidden.encode())
            await connection.rollback()


@pytest.mark.parametrize("table", ["usage", "api_keys", "tenants", "responses"])
async def test_the_role_reaches_no_other_table(index: Index, table: str):
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with tenant_transaction(index.engine, TENANT) as connection:
            await connection.execute(text(f"SELECT * FROM {table}"))


async def test_nobody_can_write_a_row_for_another_tenant(secret: Index):
    for statement in (
        "INSERT INTO vector_stores (tenant_id, id) VALUES ('acme', 'vs_new')",
        "INSERT INTO documents (tenant_id, store_id, id, filename, sha256, submitted_at) "
        "VALUES ('acme', 'vs_docs', 'd', 'd', '', now())",
        f"INSERT INTO postings_{secret.version.id} VALUES (1, 'acme', 'word', '')",
        # Under its own name in the other's table: row-level security has no objection, the table has.
        f"INSERT INTO postings_{secret.version.id} VALUES (1, 'evil', 'word', '')",
    ):
        with pytest.raises(DBAPIError, match=r"row-level security|check constraint"):
            async with tenant_transaction(secret.engine, OTHER) as connection:
                await connection.execute(text(statement))


async def test_a_guessed_version_does_not_exist(secret: Index, other: Index):
    guessed = secret.version
    asked = [
        other.versions.find(OTHER, guessed.id),
        other.versions.switch(OTHER, guessed.id),
        other.versions.drop(OTHER, guessed.id),
        other.versions.fail(OTHER, guessed.id),
        other.versions.statistics(OTHER, guessed.id),
        other.versions.set_quality(OTHER, guessed.id, {}),
    ]
    for attempt in asked:
        with pytest.raises(PenstockError) as raised:
            await attempt
        assert raised.value.code == ErrorCode.NOT_FOUND
    with pytest.raises(PenstockError, match="does not exist"):
        async with other.searcher.version(OTHER, guessed.id):
            pass
    assert texts_of(await secret.nearest("the secret plan")) == ["the secret plan"]


async def test_a_version_with_a_forged_tenant_reaches_nothing(secret: Index, other: Index):
    forged = type(secret.version)(**{**as_fields(secret.version), "tenant_id": OTHER})
    document = document_chunks("mine", "some words of mine")
    await other.register(document)
    for attempt in (
        other.write(document, version=forged),
        merge_segments(other.engine, forged, everything=True),
        finish_bulk(other.engine, forged),
    ):
        with pytest.raises(PenstockError, match="does not exist"):
            await attempt
    assert await other.documents.indexed(forged, ["plan"]) == {}
    assert not await other.documents.mark(forged, "plan", sha("the secret plan"), DocumentStatus.FAILED)
    assert (await secret.current()).chunks == 1


async def test_a_store_of_another_tenant_does_not_exist(secret: Index, other: Index):
    await secret.engine.dispose()
    missing = "vs_only_mine"
    async with tenant_transaction(secret.engine, TENANT) as connection:
        await connection.execute(text("INSERT INTO vector_stores (tenant_id, id) VALUES ('acme', 'vs_only_mine')"))
    for attempt in (
        other.versions.create(OTHER, missing, SPEC),
        other.versions.rollback(OTHER, missing),
        other.versions.live(OTHER, missing),
        other.documents.delete(OTHER, missing, ["plan"]),
        other.documents.rename(OTHER, missing, "plan", "mine"),
    ):
        with pytest.raises(PenstockError) as raised:
            await attempt
        assert raised.value.code == ErrorCode.NOT_FOUND


async def test_the_same_names_are_different_things(secret: Index, other: Index):
    """Store, document, text: all as the other tenant's, and each tenant finds, changes and deletes its own."""
    await other.add("plan", "the secret plan", attributes={"level": 1})
    await other.documents.set_attributes(OTHER, STORE, "plan", {"level": 2})
    await other.documents.rename(OTHER, STORE, "plan", "other.txt")
    (found,) = await secret.nearest("the secret plan")
    assert (found.filename, found.attributes) == ("plan.txt", {"level": 5})
    await other.documents.delete(OTHER, STORE, ["plan"])
    assert texts_of(await secret.nearest("the secret plan")) == ["the secret plan"]
    assert await secret.with_word("secret") == ["the secret plan"]
    assert not await other.nearest("the secret plan")


@pytest.mark.parametrize("where", [None, ANYTHING, Comparison("level", "gte", 0)])
async def test_no_search_shows_the_others_text(secret: Index, other: Index, where: Filter | None):
    await other.add("own", "my own words", attributes={"level": 1})
    assert texts_of(await other.nearest("the secret plan", where=where)) == ["my own words"]
    assert not await other.with_word("secret", where)


async def test_guessed_chunks_are_not_shown(secret: Index, other: Index):
    (found,) = await secret.nearest("the secret plan")
    async with other.searcher.live(OTHER, STORE) as search:
        assert not await search.fetch([found.id, *range(1, 100)])
        assert not len(await search.first_passing(np.array([found.id]), 10, ANYTHING))


async def test_an_embedding_is_known_to_its_own_tenant_alone(secret: Index):
    """Not even that the text was embedded by somebody can be seen."""
    embeddings = Embeddings(secret.engine)
    known = [sha("the secret plan")]
    assert await embeddings.find(OTHER, "words", "1", known) == {}
    assert await embeddings.keep(OTHER, "words", "1", known, embed("y")[None]) == 1
    assert (await embeddings.find(TENANT, "words", "1", known)).keys() == set(known)


def as_fields(version: object) -> dict[str, object]:
    return {name: getattr(version, name) for name in version.__slots__}  # type: ignore[attr-defined]
