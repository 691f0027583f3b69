"""Whose key is it? The database is asked at most once a second and key: a revocation takes effect within that time."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from api.dialects.dialect import STAGE
from contracts.errors import ErrorCode, PenstockError
from infra.access.fresh import Fresh
from infra.access.keys import StoredKey, hash_secret, split_key

FindKey = Callable[[str], Awaitable[StoredKey | None]]


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    tenant: str
    key_id: str
    scopes: frozenset[str]


class Authenticator:
    """Checks API keys. What is remembered goes by id and hash, so that no secret is answered with another's entry."""

    def __init__(self, find: FindKey) -> None:
        self._find = find
        self._keys: Fresh[tuple[str, bytes], StoredKey | None] = Fresh(self._matching, what="keys", stage=STAGE)

    async def authenticate(self, authorization: str | None, hint: str = "`Authorization: Bearer psk_…`") -> Principal:
        """From an `Authorization` header; `hint` says how a key is sent.

        Raises `PenstockError`: `invalid_api_key`, or `pipeline_unavailable`.
        """
        parts = split_key(authorization[7:]) if authorization and authorization[:7].lower() == "bearer " else None
        if parts is None:
            raise _refused(f"no API key was given as {hint}" if not authorization else None)
        key = await self._keys.get((parts[0], hash_secret(parts[1])))
        if key is None or not key.usable_at(datetime.now(UTC)):
            raise _refused()
        return Principal(key.tenant, key.id, key.scopes)

    def forget(self) -> None:
        """A key was changed: each is read anew."""
        self._keys.forget()

    async def _matching(self, at: tuple[str, bytes]) -> StoredKey | None:
        public_id, secret_hash = at
        key = await self._find(public_id)
        return key if key is not None and hmac.compare_digest(key.secret_sha256, secret_hash) else None


def require_scope(principal: Principal, *any_of: str) -> None:
    """Raises `PenstockError` (`permission_denied`) where the key has none of some scopes."""
    if principal.scopes.isdisjoint(any_of):
        message = f"this API key lacks the scope {' or '.join(f'«{scope}»' for scope in any_of)}"
        raise PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE)


def _refused(reason: str | None = None) -> PenstockError:
    return PenstockError(ErrorCode.INVALID_API_KEY, reason or "the API key is not valid", stage=STAGE)
