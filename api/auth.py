"""Whose key is it? What is remembered of the database is at most a second old; a change is told, and counts at once."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Final

from api.dialects.dialect import STAGE
from contracts.errors import ErrorCode, PenstockError
from infra.access.credentials import Credential, Secret, hash_secret, split_key
from infra.access.fresh import Fresh
from infra.access.logins import FailedLogins
from infra.access.policy import DEFAULT_ORGANISATION, allows_model

FindCredential = Callable[[str], Awaitable[Credential | None]]
_BEARER = "bearer "
_NOBODYS: Final = bytes(32)


class Refusal(StrEnum):
    """Why somebody wasn't let in; only the log and the metric say."""

    MISSING = "missing"
    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    WRONG_SECRET = "wrong_secret"  # noqa: S105 - a reason
    REVOKED = "revoked"
    EXPIRED = "expired"
    TOO_MANY = "too_many"


OnRefusal = Callable[[str, str | None, Refusal], None]
"""Is told the address, the key's public id where there was one, and why."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, and what they may use: `models` and `stores` as `infra.access.credentials.Credential` has them."""

    tenant: str
    key_id: str
    scopes: frozenset[str]
    organisation: str = DEFAULT_ORGANISATION
    models: tuple[frozenset[str], ...] = ()
    stores: frozenset[str] | None = None

    def allows_model(self, asked: str) -> bool:
        """Whether the key and its tenant, where they name models, both name this one."""
        return allows_model(self.models, asked)

    def allows_store(self, store_id: str) -> bool:
        """Whether the key, where it names stores, names this one."""
        return self.stores is None or store_id in self.stores


class Authenticator:
    """Checks API keys. What is remembered goes by id and hash, so that no secret is answered with another's entry.

    `confirmed_at` is that of `infra.access.fresh.Fresh`. After too many `failures` from an address or with a key's id,
    only keys are looked at that were let in before: whoever guesses keeps out nobody who is at work, and costs the
    database nothing.
    """

    def __init__(
        self,
        find: FindCredential,
        failures: FailedLogins | None = None,
        on_refusal: OnRefusal | None = None,
        confirmed_at: Callable[[], float] = lambda: float("-inf"),
    ) -> None:
        self._find = find
        self._failures = failures
        self._on_refusal = on_refusal
        self._keys: Fresh[tuple[str, bytes], Credential | Refusal] = Fresh(
            self._matching, what="keys", stage=STAGE, confirmed_at=confirmed_at
        )

    async def authenticate(
        self, authorization: str | None, hint: str = "`Authorization: Bearer psk_…`", address: str = ""
    ) -> Principal:
        """From an `Authorization` header, sent from `address`; `hint` says how a key is sent.

        Raises `PenstockError`: `invalid_api_key`; `rate_limited` after too many of those; `permission_denied` where the
        tenant or its organisation is disabled; or `pipeline_unavailable`.
        """
        secret = _secret_in(authorization)
        if secret is None:
            reason = Refusal.MALFORMED if authorization else Refusal.MISSING
            raise self._refused(address, None, reason, None if authorization else f"no API key was given as {hint}")
        at = (secret.public_id, hash_secret(secret.secret))
        if not isinstance(self._keys.last(at), Credential):
            self._require_room(address, secret.public_id)
        found = await self._keys.get(at)
        if isinstance(found, Credential):
            found = _expiry(found) or found
        if isinstance(found, Refusal):
            raise self._refused(address, secret.public_id, found)
        return _principal(found)

    def forget(self) -> None:
        """Something was changed: each key is read anew."""
        self._keys.forget()

    async def _matching(self, at: tuple[str, bytes]) -> Credential | Refusal:
        public_id, secret_hash = at
        key = await self._find(public_id)
        # An id that nobody has takes as long as one that somebody has.
        matches = hmac.compare_digest(_NOBODYS if key is None else key.secret_sha256, secret_hash)
        if key is None:
            return Refusal.UNKNOWN
        return key if matches else Refusal.WRONG_SECRET

    def _require_room(self, address: str, key_id: str) -> None:
        wait = self._failures.wait(address, key_id) if self._failures else 0.0
        if wait > 0:
            self._tell(address, key_id, Refusal.TOO_MANY)
            message = "too many requests with API keys that are not valid came from here, or had this key's id"
            raise PenstockError(ErrorCode.RATE_LIMITED, message, stage=STAGE, retryable=True, retry_after=wait)

    def _refused(self, address: str, key_id: str | None, reason: Refusal, message: str | None = None) -> PenstockError:
        # Who sends no key guesses none.
        if self._failures and reason is not Refusal.MISSING:
            self._failures.add(address, key_id)
        self._tell(address, key_id, reason)
        return PenstockError(ErrorCode.INVALID_API_KEY, message or "the API key is not valid", stage=STAGE)

    def _tell(self, address: str, key_id: str | None, reason: Refusal) -> None:
        if self._on_refusal:
            self._on_refusal(address, key_id, reason)


def require_scope(principal: Principal, *any_of: str) -> None:
    """Raises `PenstockError` (`permission_denied`) where the key has none of some scopes."""
    if principal.scopes.isdisjoint(any_of):
        raise denied(f"this API key lacks the scope {' or '.join(f'«{scope}»' for scope in any_of)}")


def denied(message: str, param: str | None = None) -> PenstockError:
    """For what a key that is valid may not do."""
    return PenstockError(ErrorCode.PERMISSION_DENIED, message, stage=STAGE, param=param)


def _secret_in(authorization: str | None) -> Secret | None:
    if not authorization or authorization[: len(_BEARER)].lower() != _BEARER:
        return None
    return split_key(authorization[len(_BEARER) :])


def _expiry(key: Credential) -> Refusal | None:
    if key.revoked_at is not None:
        return Refusal.REVOKED
    return Refusal.EXPIRED if key.expires_at is not None and key.expires_at <= datetime.now(UTC) else None


def _principal(key: Credential) -> Principal:
    if key.closed is not None:
        name = key.organisation if key.closed == "organisation" else key.tenant
        raise denied(f"the {key.closed} «{name}» is disabled: whoever administers this platform can enable it")
    return Principal(key.tenant, key.id, key.scopes, key.organisation, key.models, key.stores)
