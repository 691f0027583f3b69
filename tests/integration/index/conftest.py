"""The fixtures of the index's tests: an engine, and an index in an empty database."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.engine import create_engine
from infra.index.embeddings import Embeddings
from infra.settings import Settings
from tests.support.database import Database
from tests.support.index import OTHER, STORE, TENANT, Index, embed, make_index, sha


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    """A pool of four connections to an empty database."""
    engine = create_engine(Settings(database_url=database.url), pool_size=4)  # type: ignore[arg-type]
    yield engine
    await engine.dispose()


@pytest.fixture
async def index(engine: AsyncEngine) -> Index:
    """The index of a tenant, empty."""
    return await make_index(engine)


@pytest.fixture
async def other(engine: AsyncEngine) -> Index:
    """The index of another tenant, empty; its store has the same name."""
    return await make_index(engine, OTHER)


@pytest.fixture
async def secret(index: Index, database: Database) -> Index:
    """An index with something in every table."""
    await index.add("plan", "the secret plan", attributes={"level": 5})
    await index.documents.delete(TENANT, STORE, ["the plan before"])
    await Embeddings(index.engine).keep(TENANT, "words", "1", [sha("the secret plan")], embed("x")[None])
    await database.rows("INSERT INTO files VALUES ('acme', 'file-1', 'plan', 'assistants', 4, '\\x00') RETURNING id")
    await database.rows("INSERT INTO file_contents VALUES ('acme', 'file-1', '\\x00') RETURNING file_id")
    return index
