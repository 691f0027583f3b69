"""A statement that is planned once: what goes in and comes out, and what an error leaves behind."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from infra.database.prepared import Prepared
from tests.support.database import Database


async def _connect(database: Database) -> psycopg.AsyncConnection[Any]:
    return await psycopg.AsyncConnection.connect(database.url, autocommit=True)


@pytest.fixture
async def connection(database: Database) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    async with await _connect(database) as opened:
        yield opened


async def test_values_go_in_and_rows_come_out_as_text_and_null_as_none(connection: psycopg.AsyncConnection[Any]):
    halves = Prepared("halves", "SELECT n / 2, $2::text FROM generate_series(1, $1::bigint) AS n WHERE n % 2 = 0")
    assert await halves.run(connection, ("4", "½ 'of' it")) == [("1", "½ 'of' it"), ("2", "½ 'of' it")]
    assert await halves.run(connection, ("2", None)) == [("1", None)]
    assert await halves.run(connection, ("0", None)) == []


async def test_an_error_is_raised_as_what_it_is_and_the_next_run_is_as_if_it_had_not_been(
    connection: psycopg.AsyncConnection[Any],
):
    tenth = Prepared("tenth", "SELECT 10 / $1::int")
    with pytest.raises(psycopg.errors.DivisionByZero):
        await tenth.run(connection, ("0",))
    assert await tenth.run(connection, ("5",)) == [("2",)]


async def test_it_serves_the_connection_that_takes_anothers_place(database: Database):
    one = Prepared("one", "SELECT 1")
    for _ in range(2):
        async with await _connect(database) as connection:
            assert await one.run(connection, ()) == [("1",)]
