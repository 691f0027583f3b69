"""A database that is away is an error that may pass, for whoever reads or writes; and nobody's connection is lost."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from contracts.errors import ErrorCode, PenstockError
from infra.embedded.ports import free_ports
from infra.index import writer
from infra.index.embeddings import Embeddings
from infra.index.tables import VectorStore
from infra.index.transaction import outside_transactions, tenant_transaction
from infra.settings import Settings
from tests.support.database import Database
from tests.support.index import STORE, TENANT, Index, document_chunks, make_index, sha, texts_of

Attempt = Callable[[Index], Awaitable[object]]


async def search(index: Index) -> None:
    async with index.searcher.live(TENANT, STORE):
        pass


async def maintenance(index: Index) -> None:
    async with outside_transactions(index.engine):
        pass


ATTEMPTS: dict[str, Attempt] = {
    "search": search,
    "write": lambda index: index.write(document_chunks("d", "text")),
    "versions": lambda index: index.versions.live(TENANT, STORE),
    "documents": lambda index: index.documents.delete(TENANT, STORE, ["d"]),
    "embeddings": lambda index: Embeddings(index.engine).find(TENANT, "m", "1", [sha("x")]),
    "maintenance": maintenance,
}


async def fails_for_now(attempt: Awaitable[object]) -> None:
    with pytest.raises(PenstockError) as raised:
        await attempt
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.PIPELINE_UNAVAILABLE, True)


@pytest.fixture
async def nowhere() -> AsyncIterator[AsyncEngine]:
    """An engine for a port that nobody listens on."""
    engine = create_async_engine(f"postgresql+psycopg://p:p@127.0.0.1:{free_ports(1)[0]}/p")
    yield engine
    await engine.dispose()


@pytest.fixture
async def narrow(database: Database) -> AsyncIterator[AsyncEngine]:
    """An engine of one connection that nobody waits for long."""
    url = Settings(database_url=database.url).require_database_url()  # type: ignore[arg-type]
    engine = create_async_engine(url, pool_size=1, max_overflow=0, pool_timeout=0.05, pool_pre_ping=True)
    yield engine
    await engine.dispose()


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
async def test_where_nobody_answers(index: Index, nowhere: AsyncEngine, attempt: Attempt):
    await fails_for_now(attempt(Index(nowhere, index.version)))


@pytest.mark.parametrize("attempt", ATTEMPTS.values(), ids=ATTEMPTS)
async def test_where_no_connection_is_free(narrow: AsyncEngine, attempt: Attempt):
    index = await make_index(narrow)
    async with tenant_transaction(narrow, TENANT):
        await fails_for_now(attempt(index))


async def test_a_connection_that_dies_in_a_search_is_replaced(narrow: AsyncEngine, database: Database):
    index = await make_index(narrow)
    await index.add("d", "some text")
    with pytest.raises(PenstockError) as raised:
        async with index.searcher.live(TENANT, STORE) as opened:
            await kill_others(database)
            await opened.postings(["text"])
    assert raised.value.retryable
    assert texts_of(await index.nearest("some text")) == ["some text"]


async def test_connections_that_the_server_has_closed_are_replaced(index: Index, database: Database):
    await index.add("d", "some text")
    async with index.searcher.live(TENANT, STORE), index.searcher.live(TENANT, STORE):
        pass
    await kill_others(database)
    async with index.searcher.live(TENANT, STORE), index.searcher.live(TENANT, STORE):
        assert texts_of(await index.nearest("some text")) == ["some text"]


async def test_a_search_that_fails_leaves_its_connection_as_it_was(narrow: AsyncEngine, database: Database):
    """What is written next is written in a transaction, and may be taken back."""
    index = await make_index(narrow)
    with pytest.raises(PenstockError, match="does not exist"):
        async with index.searcher.live(TENANT, "vs_nowhere"):
            pass
    with pytest.raises(ZeroDivisionError):
        async with tenant_transaction(narrow, TENANT) as connection:
            await connection.execute(insert(VectorStore).values(tenant_id=TENANT, id="vs_taken_back"))
            raise ZeroDivisionError
    assert not await database.rows("SELECT 1 FROM vector_stores WHERE id = 'vs_taken_back'")


async def test_a_search_that_is_cancelled_gives_its_connection_back(narrow: AsyncEngine):
    index = await make_index(narrow)
    await index.add("d", "some text")

    async def search_for_ever() -> None:
        async with index.searcher.live(TENANT, STORE) as opened:
            begun.set()
            while True:
                await opened.postings(["text"])

    begun = asyncio.Event()
    searching = asyncio.create_task(search_for_ever())
    await begun.wait()
    searching.cancel()
    await asyncio.gather(searching, return_exceptions=True)
    assert texts_of(await index.nearest("some text")) == ["some text"]


async def test_a_connection_that_dies_in_a_write_leaves_nothing(
    narrow: AsyncEngine, database: Database, monkeypatch: pytest.MonkeyPatch
):
    """After the chunks, before the statistics."""
    index = await make_index(narrow)
    document = document_chunks("d", "some text")
    await index.register(document)
    put_segment = writer.put_segment

    async def killed(*arguments: Any, **named: Any) -> None:
        await put_segment(*arguments, **named)
        await kill_others(database)

    with monkeypatch.context() as patch:
        patch.setattr(writer, "put_segment", killed)
        await fails_for_now(index.write(document))
    assert (await index.current()).chunks == 0
    assert not await database.rows(f"SELECT 1 FROM chunks_{index.version.id}")
    assert (await index.write(document)).documents == ("d",)


async def kill_others(database: Database) -> None:
    query = "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = 'penstock'"
    await database.rows(f"{query} AND pid <> pg_backend_pid()")
