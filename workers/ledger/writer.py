"""Rows into PostgreSQL, many in one transaction."""

from typing import Any

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import Batcher, written_to
from infra.database.tables import Usage

_KEY = ("tenant_id", "request_id", "attempt")


def ledger_writer(engine: AsyncEngine, size: int, linger: float) -> Batcher[dict[str, Any]]:
    """A batcher whose `add` returns once its row is committed. Raises `PenstockError`, retryable, where it can't be."""
    # Putting the statement together costs a batch as much as sending its rows.
    upsert = _upsert()

    async def write(rows: list[dict[str, Any]]) -> None:
        async with written_to(engine, "ledger") as connection:
            await connection.execute(upsert, rows)

    return Batcher(write, size, linger)


def _upsert() -> Any:  # noqa: ANN401 - SQLAlchemy's statement type is private
    """The first row of an attempt stays, unless it was only the estimate of one that was thought to be interrupted."""
    statement = insert(Usage)
    columns = (column.name for column in Usage.__table__.columns)
    new = {name: statement.excluded[name] for name in columns if name not in (*_KEY, "recorded_at")}
    return statement.on_conflict_do_update(
        index_elements=_KEY,
        set_=new,
        where=(Usage.status == "interrupted") & (statement.excluded.status != "interrupted"),
    )
