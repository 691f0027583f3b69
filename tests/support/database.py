"""The database as a test sees it."""

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import Any, LiteralString, Self, TypeVar
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier, Literal

from contracts.responses import response_id_of
from infra.database.tables import Base
from infra.database.usage_tables import Usage
from infra.index.tables import IndexVersionRow
from infra.limits.tables import OpenRequest
from infra.semantic.tables import SemanticEntry

T = TypeVar("T")
_OF_VERSIONS = r"SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^(chunks|postings)_\d+$'"
_ALSO = (IndexVersionRow, OpenRequest, SemanticEntry, Usage)
assert all(table.metadata is Base.metadata for table in _ALSO)  # these are to be emptied too


def empty_tables(url: str) -> None:
    """Delete all rows of all tables, and the tables of index versions."""
    with OneConnection(url) as connection:
        connection.empty()


class OneConnection:
    """What tests do to a database, on one connection: a new one has to read what all the tables are, each time.

    It waits at most 5 s for a table that is worked on, and is opened again where a test has killed the server.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: psycopg.Connection | None = None
        self._turn = threading.Lock()
        self._used = SQL(" UNION ALL ").join(
            SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(Literal(table.name), Identifier(table.name))
            for table in Base.metadata.sorted_tables
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._connection is not None:
            self._connection.close()

    def empty(self) -> None:
        """Delete all rows of all tables, and the tables of index versions."""
        self._do(self._empty)

    def rows(self, query: LiteralString, parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
        """What a query answers, from any thread."""

        def ask(connection: psycopg.Connection) -> list[dict[str, Any]]:
            with connection.cursor(row_factory=dict_row) as cursor:
                return cursor.execute(query, parameters).fetchall()

        return self._do(ask)

    def _do(self, work: Callable[[psycopg.Connection], T]) -> T:
        with self._turn:
            try:
                return work(self._connected())
            except psycopg.OperationalError:
                if self._connection is None or not self._connection.closed:
                    raise
                return work(self._connected())

    def _connected(self) -> psycopg.Connection:
        if self._connection is None or self._connection.closed:
            # What is prepared would not know that a table is another by now.
            self._connection = psycopg.connect(
                self._url, autocommit=True, prepare_threshold=None, options="-c lock_timeout=5000"
            )
        return self._connection

    def _empty(self, connection: psycopg.Connection) -> None:
        for (name,) in connection.execute(_OF_VERSIONS).fetchall():
            connection.execute(SQL("DROP TABLE {}").format(Identifier(name)))
        if tables := [Identifier(name) for (name,) in connection.execute(self._used).fetchall()]:
            connection.execute(SQL("TRUNCATE {} CASCADE").format(SQL(", ").join(tables)))
            connection.execute("INSERT INTO organisations (id) VALUES ('default') ON CONFLICT DO NOTHING")


def make_cheap(url: str) -> None:
    """What a test writes need not outlive the machine, only the server's processes, so nobody waits for the disk; and
    who logs in shows that a password is known, without thousands of rounds that make it hard to guess.
    """
    password = Literal(urlsplit(url).password or "")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET fsync = off")
        connection.execute("ALTER SYSTEM SET scram_iterations = 1")
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("SET scram_iterations = 1")
        connection.execute(SQL("ALTER ROLE CURRENT_USER PASSWORD {}").format(password))


class Database:
    """A migrated database whose tables are empty."""

    def __init__(self, url: str, connection: OneConnection) -> None:
        self.url = url
        self._connection = connection

    async def rows(self, query: LiteralString, **parameters: Any) -> list[dict[str, Any]]:
        """What a query answers, a dictionary a row; parameters are written `%(name)s`."""
        return await asyncio.to_thread(self._connection.rows, query, parameters)

    async def execute(self, *statements: str) -> None:
        """Run statements of the test's own, in one transaction."""
        async with await psycopg.AsyncConnection.connect(self.url) as connection:
            for statement in statements:
                await connection.execute(statement.encode())

    async def usage(self, request_id: str) -> list[Mapping[str, Any]]:
        """The ledger's rows of a request, by attempt."""
        query = "SELECT * FROM usage WHERE request_id = %(request_id)s ORDER BY attempt"
        return list(await self.rows(query, request_id=request_id))

    async def responses(self, request_id: str) -> list[Mapping[str, Any]]:
        """The stored response of a request, if there is one."""
        query = "SELECT * FROM responses WHERE id = %(response_id)s"
        return list(await self.rows(query, response_id=response_id_of(request_id)))
