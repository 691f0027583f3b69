"""A statement that a connection plans once, for what every request waits for.

A cursor looks at each value for how to write it, at each row for how to read it, and keeps count of what it prepares:
0.2 ms on a processor that has just done something else, as long as the server takes for the statement itself.
"""

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import errors, generators, pq

Row = tuple[str | None, ...]


class Prepared:
    """`statement` has its values as `$1`, `$2` …, cast where they are no text. It serves one connection at a time."""

    def __init__(self, name: str, statement: str) -> None:
        self._name = name.encode()
        self._statement = statement.encode()
        self._known_to: pq.abc.PGconn | None = None

    async def run(self, connection: psycopg.AsyncConnection[Any], values: Sequence[str | None]) -> list[Row]:
        """The rows, as PostgreSQL writes them. Values are as it reads them, None for NULL.

        A transaction of its own where the connection commits by itself. Raises `psycopg.Error`.
        """
        server = connection.pgconn
        if server is not self._known_to:
            server.send_prepare(self._name, self._statement)
            await _result(connection)
            self._known_to = server
        server.send_query_prepared(self._name, [None if value is None else value.encode() for value in values])
        result = await _result(connection)
        columns = range(result.nfields)
        return [tuple(_text(result.get_value(row, column)) for column in columns) for row in range(result.ntuples)]


async def _result(connection: psycopg.AsyncConnection[Any]) -> pq.abc.PGresult:
    results: list[pq.abc.PGresult] = await connection.wait(generators.execute(connection.pgconn))
    (result,) = results
    if result.status not in {pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK}:
        raise errors.error_from_result(result)
    return result


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode()
