"""What is written down: the simulator's calls, the ledger's rows, their sums, reports, and how budgets stand."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import aiohttp
from nats.aio.client import Client
from nats.errors import Error as NatsError
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.processes import BenchmarkError
from infra.streams import SWEPT

_PAGE = 1000
_ROWS = """
SELECT tenant_id AS tenant, organisation_id AS organisation, key_id, model, deployment, status, error_code,
    idempotency_key AS key, date_trunc('day', started_at, 'UTC') AS day, input_tokens, cached_input_tokens AS cached,
    output_tokens, reasoning_tokens AS reasoning, estimated, cost_usd AS cost, stream
FROM usage
"""
_SUMS = """
SELECT date_trunc('day', {column}, 'UTC') AS day, tenant_id, model, sum(calls) AS calls, sum(input_tokens) AS inputs,
    sum(output_tokens) AS outputs, sum(cost_usd) AS cost
FROM {table} GROUP BY 1, 2, 3
"""
_BALANCES = """
SELECT b.kind, b.subject_id AS subject, b.period, b.amount_usd AS amount, x.period_start, x.spent, x.reserved
FROM budgets b JOIN budget_balances x ON x.budget_id = b.id
"""
_OPEN = "SELECT tenant_id || '.' || request_id FROM open_requests WHERE open"
Cell = tuple[str, str, str]
"""A day (as 2026-11-23), a tenant and a model."""


@dataclass(frozen=True, slots=True)
class Call:
    """One call as the simulator has it. `tokens` are prompt, cached, completion and reasoning; None for an error."""

    key: str
    outcome: str
    tokens: tuple[int, int, int, int] | None


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the ledger; `key` is what the provider was sent as Idempotency-Key."""

    tenant: str
    organisation: str
    key_id: str | None
    model: str
    deployment: str
    status: str
    error_code: str | None
    key: str
    day: datetime
    input_tokens: int
    cached: int
    output_tokens: int
    reasoning: int
    estimated: bool
    cost: Decimal | None
    stream: bool

    @property
    def tokens(self) -> tuple[int, int, int, int]:
        """As `Call` has them."""
        return self.input_tokens, self.cached, self.output_tokens, self.reasoning

    @property
    def cell(self) -> Cell:
        """Which sum it belongs to."""
        return f"{self.day.astimezone(UTC):%Y-%m-%d}", self.tenant, self.model


@dataclass(frozen=True, slots=True)
class Sum:
    """Of a cell: calls, tokens, dollars."""

    calls: int
    inputs: int
    outputs: int
    cost: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """How a budget stands in one of its periods; `period_start` is that of all time for one in total."""

    kind: str
    subject: str
    period: str
    amount: Decimal
    period_start: datetime
    spent: Decimal
    reserved: Decimal


@dataclass(frozen=True, slots=True)
class Books:
    """All of them. `sums` by where they are from."""

    calls: list[Call]
    rows: list[Row]
    sums: dict[str, dict[Cell, Sum]]
    balances: list[Balance]
    open_requests: Sequence[str]
    dead_letters: int


async def read(engine: AsyncEngine, client: Client, simulator: str, api: str, admin: str) -> Books:
    """Read everything; nothing may be under way any more."""
    async with aiohttp.ClientSession() as http:
        calls = await _calls(http, simulator)
        reported = await _reported(http, api, admin)
    sums = {"GET /v1/usage": reported}
    async with engine.connect() as connection:
        rows = [Row(**row) for row in (await connection.execute(text(_ROWS))).mappings()]
        for table, column in (("usage_hourly", "hour"), ("usage_daily", "day")):
            found = (await connection.execute(text(_SUMS.format(table=table, column=column)))).all()
            sums[table] = {
                (f"{day.astimezone(UTC):%Y-%m-%d}", tenant, model): Sum(int(calls), int(inputs), int(outputs), cost)
                for day, tenant, model, calls, inputs, outputs, cost in found
            }
        balances = [Balance(**row) for row in (await connection.execute(text(_BALANCES))).mappings()]
        opened = (await connection.execute(text(_OPEN))).scalars().all()
    dead = (await client.jetstream(timeout=5).stream_info("DEADLETTER")).state.messages
    return Books(calls, rows, sums, balances, opened, dead)


async def settled(engine: AsyncEngine, client: Client, simulator: str, within: float) -> None:
    """Wait until nothing is under way: no call, no message in a queue, nothing reserved.

    Raises `BenchmarkError`, which says what still is, after `within` seconds.
    """
    js = client.jetstream(timeout=5)

    async def waiting() -> str:
        async with aiohttp.ClientSession() as http, http.get(f"{simulator}/stats") as response:
            if (await response.json())["in_flight"]:
                return "a call of the simulator's"
        for name in sorted(SWEPT):
            if (await js.stream_info(name)).state.messages:
                return f"a message in {name}"
        async with engine.connect() as connection:
            for what, statement in _OUTSTANDING.items():
                if (await connection.execute(text(statement))).scalar_one():
                    return what
        return ""

    await _until_empty(waiting, within)


_OUTSTANDING = {
    "a reservation of a budget": "SELECT count(*) FROM budget_reservations",
    "a balance with something reserved": "SELECT count(*) FROM budget_balances WHERE reserved <> 0",
}


async def _until_empty(waiting: Callable[[], Awaitable[str]], within: float) -> None:
    left = "nothing was asked"
    try:
        async with asyncio.timeout(within):
            while left:
                try:
                    left = await waiting()
                except (NatsError, SQLAlchemyError, aiohttp.ClientError, OSError) as error:
                    left = f"an answer of a server's: {error}"
                await asyncio.sleep(0.5)
    except TimeoutError:
        raise BenchmarkError(f"after {within:g} s there is still {left}.") from None


async def _calls(http: aiohttp.ClientSession, simulator: str) -> list[Call]:
    async with http.get(f"{simulator}/stats/calls") as response:
        told = await response.json()
    names = ("prompt_tokens", "cached_tokens", "completion_tokens", "reasoning_tokens")
    return [
        Call(call["idempotency_key"], call["outcome"], call["usage"] and tuple(call["usage"][name] for name in names))
        for call in told
    ]


async def _reported(http: aiohttp.ClientSession, api: str, admin: str) -> dict[Cell, Sum]:
    """By day, tenant and model, page by page."""
    today = datetime.now(UTC).date()
    start, end = (f"{today + timedelta(days=days)}" for days in (-2, 2))
    params = {"start": start, "end": end, "group_by": "tenant,model", "limit": str(_PAGE)}
    found: dict[Cell, Sum] = {}
    while True:
        async with http.get(f"{api}/v1/usage", params=params, headers={"authorization": f"Bearer {admin}"}) as response:
            page: dict[str, Any] = await response.json()
        if "data" not in page:
            raise BenchmarkError(f"GET /v1/usage was answered with {response.status}: {page}")
        for row in page["data"]:
            cell = (row["start"][:10], row["tenant"], row["model"])
            found[cell] = Sum(row["calls"], row["input_tokens"], row["output_tokens"], Decimal(row["cost_usd"]))
        if page["next_page"] is None:
            return found
        params["after"] = page["next_page"]
