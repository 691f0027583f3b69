"""Whose key is it? The database is asked at most once a second and key: a revocation takes effect within that time."""

import asyncio
import hmac
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy.exc import SQLAlchemyError

from api.dialects.dialect import STAGE
from contracts.errors import ErrorCode, PenstockError
from infra.database.keys import StoredKey, hash_secret, split_key

FindKey = Callable[[str], Awaitable[StoredKey | None]]
_FRESH, _KEPT, _KEPT_WITHOUT_DATABASE = 0.5, 1.0, 30.0
_MOST_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    tenant: str
    key_id: str
    scopes: frozenset[str]


@dataclass(slots=True)
class _Entry:
    key: StoredKey | None
    read_at: float


class Authenticator:
    """Checks API keys. The cache is keyed by id and hash, so that no secret is ever answered with another's entry."""

    def __init__(self, find: FindKey) -> None:
        self._find = find
        self._entries: dict[tuple[str, bytes], _Entry] = {}
        self._reading: dict[tuple[str, bytes], asyncio.Task[_Entry]] = {}

    async def authenticate(self, authorization: str | None, hint: str = "`Authorization: Bearer psk_…`") -> Principal:
        """From an `Authorization` header; `hint` says how a key is sent.

        Raises `PenstockError`: `invalid_api_key`, or `pipeline_unavailable`.
        """
        parts = split_key(authorization[7:]) if authorization and authorization[:7].lower() == "bearer " else None
        if parts is None:
            raise _refused(f"no API key was given as {hint}" if not authorization else None)
        public_id, secret_hash = parts[0], hash_secret(parts[1])
        key = (await self._entry(public_id, secret_hash)).key
        if key is None or not key.usable_at(datetime.now(UTC)):
            raise _refused()
        return Principal(key.tenant, key.id, key.scopes)

    async def _entry(self, public_id: str, secret_hash: bytes) -> _Entry:
        at = (public_id, secret_hash)
        entry = self._entries.get(at)
        age = time.monotonic() - entry.read_at if entry else float("inf")
        if entry and age < _FRESH:
            return entry
        reading = self._reading.get(at) or self._read(at)
        if entry and age < _KEPT:
            return entry
        try:
            return await asyncio.shield(reading)
        except (SQLAlchemyError, OSError) as error:
            if entry and age < _KEPT_WITHOUT_DATABASE:
                return entry
            message = "keys can't be checked: the database can't be reached"
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True) from error

    def _read(self, at: tuple[str, bytes]) -> "asyncio.Task[_Entry]":
        task = asyncio.create_task(self._fetch(at))
        self._reading[at] = task
        task.add_done_callback(lambda done: self._settled(at, done))
        return task

    async def _fetch(self, at: tuple[str, bytes]) -> _Entry:
        public_id, secret_hash = at
        key = await self._find(public_id)
        if key is not None and not hmac.compare_digest(key.secret_sha256, secret_hash):
            key = None
        if len(self._entries) >= _MOST_ENTRIES:
            self._entries.clear()
        entry = _Entry(key, time.monotonic())
        self._entries[at] = entry
        return entry

    def _settled(self, at: tuple[str, bytes], task: "asyncio.Task[_Entry]") -> None:
        del self._reading[at]
        if not task.cancelled():
            # A background refresh that failed needs no report of its own: the next request asks again, and tells.
            task.exception()


def require_scope(principal: Principal, *any_of: str) -> None:
    """Raises `PenstockError` (`permission_denied`) where the key has none of some scopes."""
    if principal.scopes.isdisjoint(any_of):
        message = f"this API key lacks the scope {' or '.join(f'«{scope}»' for scope in any_of)}"
        raise PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE)


def _refused(reason: str | None = None) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_API_KEY, reason or "the API key is not valid", stage=STAGE)
