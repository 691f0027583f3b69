"""A managed PostgreSQL gives no superuser: everything works as an ordinary login that owns its database."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.sql import SQL, Identifier
from sqlalchemy import text

from infra.database import engine as engines
from infra.database.engine import create_engine, migrate
from infra.index import scan
from infra.index.embeddings import Embeddings
from infra.index.upkeep import finish_bulk
from infra.settings import Settings
from tests.support.index import OTHER, SPEC, STORE, TENANT, embed, make_index, sha, texts_of
from tests.support.servers import Server

LOGIN = DATABASE = "ordinary"


@pytest.fixture
def ordinary(postgres_server: Server) -> Iterator[Settings]:
    """A database of a login without any power; pgvector is there, as providers have it."""
    parts = urlsplit(postgres_server.url)
    ours = parts._replace(netloc=f"{LOGIN}:secret@{parts.hostname}:{parts.port}", path=f"/{DATABASE}").geturl()
    with psycopg.connect(postgres_server.url, autocommit=True) as superuser:
        superuser.execute(SQL("CREATE ROLE {} LOGIN CREATEROLE PASSWORD 'secret'").format(Identifier(LOGIN)))
        superuser.execute(SQL("CREATE DATABASE {} OWNER {}").format(Identifier(DATABASE), Identifier(LOGIN)))
        with psycopg.connect(parts._replace(path=f"/{DATABASE}").geturl(), autocommit=True) as within:
            within.execute("CREATE EXTENSION vector")
        # The role is there already, made by another login.
        superuser.execute(SQL("GRANT penstock_app TO {} WITH INHERIT FALSE, SET TRUE").format(Identifier(LOGIN)))
        try:
            yield Settings(database_url=ours)  # type: ignore[arg-type]
        finally:
            superuser.execute(SQL("DROP DATABASE {} WITH (FORCE)").format(Identifier(DATABASE)))
            superuser.execute(SQL("DROP ROLE {}").format(Identifier(LOGIN)))


async def test_an_ordinary_login_can_do_all_of_it(ordinary: Settings, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(scan, "EXACT_BELOW", 20)
    migrate(ordinary)
    engine = create_engine(ordinary, pool_size=3)
    try:
        index, other = await make_index(engine), await make_index(engine, OTHER)
        await index.add("d", *(f"text {number}" for number in range(30)), attributes={"n": 1})
        finished = await finish_bulk(engine, index.version)
        assert (finished.graph_effort, finished.chunks) == (100, 30)
        assert texts_of(await index.nearest("text 7", 1)) == ["text 7"]
        assert len(await index.with_word("text")) == 30
        embeddings = Embeddings(engine)
        assert await embeddings.keep(TENANT, "m", "1", [sha("x")], embed("x")[None]) == 1
        assert await embeddings.forget_unused(TENANT, timedelta()) == 1
        assert not await other.nearest("text 7")
        after = await index.versions.create(TENANT, STORE, SPEC)
        await index.versions.switch(TENANT, after.id)
        await index.versions.drop(TENANT, index.version.id)
        assert not await index.nearest("text 7")
    finally:
        await engine.dispose()


async def test_the_owner_of_the_tables_sees_nothing_either_without_a_tenant(ordinary: Settings):
    migrate(ordinary)
    engine = create_engine(ordinary, pool_size=2)
    try:
        index = await make_index(engine)
        await index.add("d", "text")
        for table in ("documents", f"chunks_{index.version.id}", f"postings_{index.version.id}"):
            async with engine.connect() as connection:
                assert await connection.scalar(text(f"SELECT count(*) FROM {table}")) == 0
    finally:
        await engine.dispose()


async def test_the_migration_can_be_taken_back_and_made_again(ordinary: Settings):
    migrate(ordinary)
    engine = create_engine(ordinary, pool_size=1)
    await make_index(engine)
    config = Config()
    config.set_main_option("script_location", str(Path(engines.__file__).parent / "migrations"))
    config.attributes["url"] = ordinary.require_database_url()
    await engine.dispose()
    command.downgrade(config, "0002")
    engine = create_engine(ordinary, pool_size=1)
    async with engine.connect() as connection:
        tables = await connection.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'r'"))
        assert not {name for name in tables if name.startswith(("chunks", "postings", "documents", "index"))}
    await engine.dispose()
    migrate(ordinary)
