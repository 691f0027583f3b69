"""Rows by binary COPY into tables under row-level security, which refuses a COPY of its own.

They are copied into a temporary table, which the connection keeps and each commit empties, and inserted from there
under the policies of their table.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import LiteralString

from psycopg.sql import SQL, Composable, Identifier

from infra.index.binary_copy import Column, copy_of
from infra.index.transaction import Driver


@dataclass(frozen=True, slots=True)
class Staging:
    """A temporary table: its name, its columns with their types, and whether a row may be there already."""

    name: str
    columns: tuple[tuple[str, LiteralString], ...]
    repeatable: bool = False


CHUNKS = Staging(
    "staged_chunks",
    (
        ("id", "integer"),
        ("tenant_id", "text"),
        ("document_id", "text"),
        ("ordinal", "integer"),
        ("text", "text"),
        ("text_sha", "bytea"),
        ("start_offset", "integer"),
        ("end_offset", "integer"),
        ("heading", "text"),
        ("page", "integer"),
        ("length", "integer"),
        ("embedding", "halfvec"),
    ),
)
POSTINGS = Staging(
    "staged_postings", (("segment", "bigint"), ("tenant_id", "text"), ("term", "text"), ("entries", "bytea"))
)
EMBEDDINGS = Staging(
    "staged_embeddings",
    (("tenant_id", "text"), ("model", "text"), ("revision", "text"), ("text_sha", "bytea"), ("vector", "halfvec")),
    repeatable=True,
)

_CREATE = SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {staged} ({columns}) ON COMMIT DELETE ROWS")
_COPY = SQL("COPY {staged} FROM STDIN (FORMAT BINARY)")
_INSERT = SQL("INSERT INTO {target} ({names}) SELECT {names} FROM {staged} {repeated}")
_EMPTY = SQL("TRUNCATE {staged}")


async def copy_into(driver: Driver, target: Composable, staging: Staging, values: Sequence[Column]) -> int:
    """Add rows to `target`, one of `values` for each column of `staging`. How many were added."""
    staged = Identifier(staging.name)
    columns = SQL(", ").join(SQL("{} " + kind).format(Identifier(name)) for name, kind in staging.columns)
    await driver.execute(_CREATE.format(staged=staged, columns=columns))
    async with driver.cursor() as cursor:
        async with cursor.copy(_COPY.format(staged=staged)) as copy:
            await copy.write(copy_of(values))
        names = SQL(", ").join(Identifier(name) for name, _ in staging.columns)
        repeated = SQL("ON CONFLICT DO NOTHING" if staging.repeatable else "")
        await cursor.execute(_INSERT.format(target=target, staged=staged, names=names, repeated=repeated))
        added = cursor.rowcount
    await driver.execute(_EMPTY.format(staged=staged))
    return added
