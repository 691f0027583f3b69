"""Who guesses keys: counted, told, and kept from the database, while nobody else is kept out."""

from collections.abc import Iterator

import pytest

from api.auth import Authenticator, Refusal
from contracts.errors import ErrorCode, PenstockError
from infra.access.credentials import Credential, hash_secret
from infra.access.logins import FailedLogins
from tests.support.clock import Clock

MOST, WINDOW = 3, 60.0
GOOD = "Bearer psk_00aa_11bb"
NETWORK, OTHER = "192.0.2.1", "192.0.2.2"


class Door:
    """An authenticator of one key, with a clock of its own, which says what it has asked and told."""

    def __init__(self) -> None:
        self.clock, self.asked = Clock(0.0), 0
        self.told: list[tuple[str, str | None, Refusal]] = []
        failures = FailedLogins(MOST, WINDOW, self.clock)
        self._authenticator = Authenticator(self._find, failures, lambda *said: self.told.append(said))

    async def _find(self, public_id: str) -> Credential | None:
        self.asked += 1
        known = Credential("00aa", "acme", hash_secret("11bb"), frozenset({"inference"}))
        return known if public_id == known.id else None

    async def knock(self, key: str | None, address: str = NETWORK) -> PenstockError | None:
        try:
            await self._authenticator.authenticate(key, address=address)
        except PenstockError as error:
            return error
        return None

    async def code(self, key: str | None, address: str = NETWORK) -> ErrorCode | None:
        error = await self.knock(key, address)
        return None if error is None else error.code


@pytest.fixture
def door() -> Door:
    return Door()


def guesses() -> Iterator[str]:
    return (f"Bearer psk_{number}_22cc" for number in range(1000))


async def test_who_guesses_too_often_is_told_when_to_come_back(door: Door):
    keys = guesses()
    for _ in range(MOST):
        assert await door.code(next(keys)) is ErrorCode.INVALID_API_KEY
        door.clock.now += 1
    refused = await door.knock(next(keys))
    assert refused is not None
    assert (refused.code, refused.retry_after) == (ErrorCode.RATE_LIMITED, WINDOW - MOST)
    assert door.asked == MOST
    assert await door.code(next(keys), OTHER) is ErrorCode.INVALID_API_KEY
    door.clock.now += WINDOW - MOST
    assert await door.code(next(keys)) is ErrorCode.INVALID_API_KEY


async def test_one_keys_id_is_guarded_from_all_addresses_together(door: Door):
    for number in range(MOST):
        assert await door.code(f"Bearer psk_00aa_{number}", f"198.51.100.{number}") is ErrorCode.INVALID_API_KEY
    assert await door.code("Bearer psk_00aa_9", OTHER) is ErrorCode.RATE_LIMITED
    assert await door.code("Bearer psk_00bb_9", OTHER) is ErrorCode.INVALID_API_KEY


async def test_who_was_let_in_before_is_let_in_whoever_guesses(door: Door):
    assert await door.code(GOOD) is None
    for number in range(MOST + 1):
        await door.code(f"Bearer psk_00aa_{number}")
    assert await door.code("Bearer psk_00aa_9") is ErrorCode.RATE_LIMITED
    assert await door.code(GOOD) is None


async def test_who_sends_no_key_is_refused_and_guesses_none(door: Door):
    for _ in range(MOST * 2):
        assert await door.code(None) is ErrorCode.INVALID_API_KEY
    assert await door.code(GOOD) is None


async def test_every_failure_is_told_with_its_address_id_and_reason(door: Door):
    for key in (None, "Bearer sk-123", "Bearer psk_00bb_11bb", "Bearer psk_00aa_22cc", GOOD, "Bearer psk_00aa_1"):
        await door.knock(key)
    assert door.told == [
        (NETWORK, None, Refusal.MISSING),
        (NETWORK, None, Refusal.MALFORMED),
        (NETWORK, "00bb", Refusal.UNKNOWN),
        (NETWORK, "00aa", Refusal.WRONG_SECRET),
        (NETWORK, "00aa", Refusal.TOO_MANY),
        (NETWORK, "00aa", Refusal.TOO_MANY),
    ]


def test_what_is_remembered_has_an_end():
    failures = FailedLogins(1, WINDOW, Clock(0.0))
    for number in range(12_000):
        failures.add(str(number), None)
    assert failures.wait("0", None) == 0
    assert failures.wait("11999", None) == WINDOW
