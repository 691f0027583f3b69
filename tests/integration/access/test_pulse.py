"""What nobody changed is not read again, and what anybody changed is, told or not."""

from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.access.credentials import Credential, Credentials
from infra.access.fresh import Fresh
from infra.access.keys import ApiKeys, NewKey
from infra.access.pulse import Pulse
from tests.support.database import Database

Read = Callable[[str], Awaitable[Credential | None]]


class Reader:
    """Keys as a process remembers them, with a clock that a test moves: how often was one read?"""

    def __init__(self, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now, self.reads = 1000.0, 0
        monkeypatch.setattr("infra.access.fresh.time.monotonic", lambda: self.now)
        self._find = Credentials(engine).find
        self.pulse = Pulse(engine)
        self._keys: Fresh[str, Credential | None] = Fresh(
            self._read, what="keys", stage="test", confirmed_at=self.pulse.confirmed_at
        )
        self.pulse.on_change(self._keys.forget)

    async def scopes(self, key_id: str) -> frozenset[str]:
        found = await self._keys.get(key_id)
        return found.scopes if found else frozenset()

    async def _read(self, key_id: str) -> Credential | None:
        self.reads += 1
        return await self._find(key_id)


@pytest.fixture
def reader(engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Reader:
    return Reader(engine, monkeypatch)


async def test_an_hour_without_a_change_costs_no_reading(reader: Reader, keys: ApiKeys):
    made = await keys.create("cli:ada", NewKey("acme", scopes=("search",)), makes_tenant=True)
    await reader.pulse.ask()
    for _ in range(12):
        assert await reader.scopes(made.key.id) == {"search"}
        reader.now += 300
        await reader.pulse.ask()
    assert reader.reads == 1


async def test_without_an_answer_for_a_second_each_is_read_again(reader: Reader, keys: ApiKeys):
    made = await keys.create("cli:ada", NewKey("acme"), makes_tenant=True)
    await reader.pulse.ask()
    await reader.scopes(made.key.id)
    reader.now += 1.0
    await reader.scopes(made.key.id)
    assert reader.reads == 2


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE api_keys SET scopes = '{admin}'",
        "UPDATE tenants SET disabled_at = now()",
        "UPDATE organisations SET name = 'x'",
        "INSERT INTO limits (kind, subject_id, requests_per_minute) VALUES ('model', 'm', 1)",
        "DELETE FROM budgets",
    ],
)
async def test_a_change_by_whatever_means_is_noticed(reader: Reader, keys: ApiKeys, database: Database, change: str):
    made = await keys.create("cli:ada", NewKey("acme"), makes_tenant=True)
    await reader.pulse.ask()
    await reader.scopes(made.key.id)
    await database.execute(change)
    await reader.pulse.ask()
    await reader.scopes(made.key.id)
    assert reader.reads == 2
