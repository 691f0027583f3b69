"""Requests that are open at the same time, counted in PostgreSQL (ADR 0025): whoever holds one may die.

One is open from when it was let in until it has ended, and no longer than it can last. A row that was given back is
kept for a while, so that a message that is handled again late does not open it once more.
"""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg

from infra.database.prepared import Prepared
from infra.database.recent import Recent
from infra.database.session import Session

_BETWEEN_SWEEPS = 60.0
_OPEN = "SELECT open_request($1, $2, $3::text[], $4::bigint[], $5::timestamptz)"
_CLOSE = """
UPDATE open_requests SET open = false, expires_at = now() + interval '10 minutes'
WHERE tenant_id = %s AND request_id = %s AND open
"""
_SWEEP = """
DELETE FROM open_requests WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM open_requests WHERE expires_at < now() LIMIT 10000 FOR UPDATE SKIP LOCKED))
"""


@dataclass(frozen=True, slots=True)
class Scope:
    """What `limit` requests may be open of. `name` is as `infra.limits.counted.counter_name` has it."""

    name: str
    limit: int


class Leases:
    """Opens and closes requests. Every method raises `PenstockError`: `pipeline_unavailable`, retryable, where the
    database can't be reached.
    """

    def __init__(self, url: str, stage: str) -> None:
        self._session = Session(url, stage, self._close_again)
        self._open = Prepared("open_request", _OPEN)
        self._closed: Recent[tuple[str, str]] = Recent()
        self._sweep_at = time.monotonic() + _BETWEEN_SWEEPS

    async def open(self, tenant: str, request_id: str, scopes: Sequence[Scope], until: datetime) -> int | None:
        """Open a request in all scopes, for `until` at most, or in none: then the place of a scope that is full.

        One that was opened before stays as it is, and so does one that was closed.
        """
        names, limits = (scope.name for scope in scopes), (str(scope.limit) for scope in scopes)
        values = (tenant, request_id, _array(names), _array(limits), until.isoformat())
        ((full,),) = await self._session.run(lambda connection: self._open.run(connection, values))
        return int(full) - 1 if full and full != "0" else None

    async def close(self, tenant: str, request_id: str) -> None:
        """The request has ended. Once a minute, rows that count for nothing any more are deleted on the way."""
        await self._session.run(lambda connection: connection.execute(_CLOSE, (tenant, request_id)))
        self._closed.add([(tenant, request_id)], time.monotonic())
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + _BETWEEN_SWEEPS
            await self.sweep()

    async def sweep(self) -> int:
        """Delete what can't be open any more, and what has been closed for long; how many rows that were."""
        return (await self._session.run(lambda connection: connection.execute(_SWEEP))).rowcount

    async def end(self) -> None:
        """Give the connection back."""
        await self._session.close()

    async def _close_again(self, connection: psycopg.AsyncConnection[Any], _: float) -> None:
        """A server that died may have forgotten its last moments. What was opened in them ends uncounted; what was
        closed in them is closed again, as nobody else would before its time is over.
        """
        async with connection.cursor() as cursor:
            await cursor.executemany(_CLOSE, list(self._closed))


def _array(texts: Iterable[str]) -> str:
    """As PostgreSQL reads an array of names and numbers without signs of their own."""
    return "{" + ",".join(texts) + "}"
