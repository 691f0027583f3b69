"""Rows into PostgreSQL, and out of it again when their time is over."""

from typing import Any

from sqlalchemy import delete, func
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.database.batches import Batcher, written_to
from infra.database.tables import StoredResponse

_KEY = ("tenant_id", "id")


def response_writer(engine: AsyncEngine, size: int, linger: float) -> Batcher[dict[str, Any]]:
    """A batcher whose `add` returns once its row is committed. Raises `PenstockError`, retryable, where it can't be."""
    upsert = _upsert()

    async def write(rows: list[dict[str, Any]]) -> None:
        # Two states of one response in a batch: PostgreSQL updates a row once in a statement, and the newer one counts.
        newest = {(row["tenant_id"], row["id"]): row for row in sorted(rows, key=lambda row: row["sequence"])}
        async with written_to(engine, "responses") as connection:
            await connection.execute(upsert, list(newest.values()))

    return Batcher(write, size, linger)


async def forget_expired(engine: AsyncEngine) -> None:
    """Delete the rows whose time is over. Raises `PenstockError` where the database can't be reached."""
    async with written_to(engine, "responses") as connection:
        await connection.execute(delete(StoredResponse).where(StoredResponse.expires_at <= func.now()))


def _upsert() -> Any:  # noqa: ANN401 - SQLAlchemy's statement type is private
    """The newest state of a response stays, in whatever order the messages come."""
    statement = insert(StoredResponse)
    columns = (column.name for column in StoredResponse.__table__.columns)
    new = {name: statement.excluded[name] for name in columns if name not in _KEY}
    return statement.on_conflict_do_update(
        index_elements=_KEY, set_=new, where=StoredResponse.sequence < statement.excluded.sequence
    )
