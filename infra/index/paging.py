"""Pages of a list as OpenAI's APIs have them: by time of creation, from a cursor on, that is the id of an entry."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, Select, Tuple, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import InstrumentedAttribute

from contracts.errors import ErrorCode, PenstockError
from infra.index.transaction import STAGE

Order = Literal["asc", "desc"]


@dataclass(frozen=True, slots=True)
class Paging:
    """At most `limit` entries, the newest first; only those behind `after` and those ahead of `before`, in that order.

    With `before` alone they are the nearest ahead of it.
    """

    limit: int = 20
    order: Order = "desc"
    after: str | None = None
    before: str | None = None


@dataclass(frozen=True, slots=True)
class Keys:
    """What a list is ordered by: the time, and the id where that is the same."""

    created_at: InstrumentedAttribute[datetime]
    id: InstrumentedAttribute[str]


async def read_page(
    connection: AsyncConnection, query: Select[*tuple[Any, ...]], keys: Keys, paging: Paging
) -> tuple[list[Row[*tuple[Any, ...]]], bool]:
    """The rows of a page of `query`, and whether there are more. A cursor has to be an entry of what `query` lists.

    Raises `PenstockError` (`invalid_request`) where it is not.
    """
    listed, ascending = query, paging.order == "asc"
    for name, cursor in (("after", paging.after), ("before", paging.before)):
        if cursor is not None:
            place = await _place(connection, listed, keys, name, cursor)
            here = tuple_(keys.created_at, keys.id)
            query = query.where(here > place if ascending == (name == "after") else here < place)
    backwards = paging.before is not None and paging.after is None
    sort = [key.asc() if ascending != backwards else key.desc() for key in (keys.created_at, keys.id)]
    rows = list(await connection.execute(query.order_by(*sort).limit(paging.limit + 1)))
    page = rows[: paging.limit]
    return page[::-1] if backwards else page, len(rows) > paging.limit


async def _place(
    connection: AsyncConnection, listed: Select[*tuple[Any, ...]], keys: Keys, name: str, cursor: str
) -> Tuple:
    query = listed.with_only_columns(keys.created_at, keys.id).where(keys.id == cursor)
    found = (await connection.execute(query)).one_or_none()
    if found is None:
        message = f"`{name}` names no entry of this list"
        raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param=name)
    return tuple_(*found)
