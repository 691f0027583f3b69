"""Limits as tests set them, and what counters and open requests say."""

from infra.limits.counted import Kind, unpacked, unpacked_places
from infra.streams import COUNTERS
from tests.support.database import Database
from tests.support.pipeline import Pipeline
from tests.support.waiting import eventually

_COLUMNS = ("requests_per_minute", "tokens_per_minute", "concurrent_requests")


async def add_limit(database: Database, kind: str, subject: str, *, model: str = "*", **limits: int) -> None:
    """A limit, as an administrator sets it; processes that know the tenant already find out within a second."""
    values = ", ".join(str(limits.pop(column, "NULL")) for column in _COLUMNS)
    assert not limits, f"no limits are called {limits}"
    names = ", ".join(("kind", "subject_id", "model", *_COLUMNS))
    await database.execute(f"INSERT INTO limits ({names}) VALUES ('{kind}', '{subject}', '{model}', {values})")


async def counted(pipeline: Pipeline, kind: Kind) -> int:
    """What all counters hold of a kind together, once no process holds places any more that it has taken ahead."""
    values: list[int] = []

    async def nothing_is_held() -> bool:
        last = {message.subject: int(message.json()["val"]) for message in await pipeline.stored(COUNTERS)}
        values[:] = last.values()
        return not any(unpacked_places(value) for value in values)

    await eventually(nothing_is_held, within=20, what="places were not handed back")
    return sum(unpacked(kind, value) for value in values)


async def opened(database: Database) -> int:
    """How many requests are open, over all scopes."""
    (row,) = await database.rows("SELECT count(*) AS rows FROM open_requests WHERE open AND expires_at > now()")
    return int(row["rows"])
