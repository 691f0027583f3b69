"""`python -m benchmarks.limits`: what limits and budgets add to a request, and whether a full ledger makes them slower.

Tenants ask the same instant upstream, one after the other, each round in another order: one without anything; one
whose key, tenant and organisation have a budget each; one whose key and tenant have limits of requests and tokens a
minute each; one with both; one with a single budget and the limits of its tenant alone; and one with a limit of open
requests. Then the ledger gets a million rows of the second, and they ask again.

What is added at p50 is the median of the differences within a round: what else the machine does meanwhile falls out.
"""

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from prometheus_client import CollectorRegistry
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.gateway import PenstockOptions, Target, penstock
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError, Service
from contracts.inference import TokenUsage
from contracts.usage import UsageRecorded
from infra.access.keys import ApiKeys, NewKey
from infra.access.organisations import Organisations
from infra.access.scopes import USUAL_SCOPES
from infra.access.tenants import Tenants
from infra.budgets.repository import Budgets
from infra.database.engine import create_engine
from infra.limits.repository import Limits, Most
from infra.settings import Settings
from infra.telemetry.metrics import LedgerMetrics
from workers.ledger.rows import Arrived, row_of
from workers.ledger.writer import Ledger

FREE, BUDGETED, LIMITED, BOTH, ONE, OPEN = "free", "budgeted", "limited", "both", "one", "open"
TENANTS = {
    FREE: "nothing",
    BUDGETED: "three budgets",
    LIMITED: "limits of requests and tokens a minute, of key and tenant",
    BOTH: "these and three budgets",
    ONE: "a budget and limits of requests and tokens a minute, of the tenant",
    OPEN: "a limit of open requests",
}
BY = "cli:benchmark"
WARM_UP, AT_ONCE = 50, 2000
BETWEEN = 0.01
"""Seconds in which what happens after an answer has happened: it is not to be the next one's delay."""
CATALOGUE = """\
providers:
  - {{name: upstream, kind: openai, base_url: "{url}/v1"}}
models:
  - name: bench
    deployments:
      - {{name: upstream/bench, provider: upstream, model: bench, max_output_tokens: 100,
         prices: {{input: "1", output: "2"}}}}
"""


def ask(target: Target, key: str) -> float:
    """One request; its milliseconds. Raises `BenchmarkError` for anything but a 200."""
    body = {"model": "bench", "messages": [{"role": "user", "content": uuid.uuid4().hex}]}
    headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
    request = urllib.request.Request(f"{target.base_url}/chat/completions", json.dumps(body).encode(), headers)
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
    except urllib.error.HTTPError as error:
        raise BenchmarkError(f"answered with {error.code}: {error.read().decode()[:200]}") from None
    return (time.perf_counter() - started) * 1000


def measure(target: Target, keys: dict[str, str], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each request, by tenant."""
    for key in keys.values():
        for _ in range(WARM_UP):
            ask(target, key)
    found: dict[str, list[float]] = {name: [] for name in keys}
    for _ in range(rounds):
        for name, key in random.sample(list(keys.items()), len(keys)):
            found[name].append(ask(target, key))
            time.sleep(BETWEEN)
    return found


async def set_up(engine: AsyncEngine) -> dict[str, str]:
    """The tenants' keys, by tenant; no budget or limit is ever reached."""
    keys, limits = {}, Limits(engine)
    for tenant in TENANTS:
        await Organisations(engine).create(BY, tenant)
        await Tenants(engine).create(BY, tenant, organisation=tenant)
        made = await ApiKeys(engine).create(BY, NewKey(tenant, "benchmark", USUAL_SCOPES))
        keys[tenant] = made.text
        if tenant in {BUDGETED, BOTH}:
            budgets = Budgets(engine)
            await budgets.create(BY, "key", made.key.id, "day", Decimal(10**6))
            await budgets.create(BY, "tenant", tenant, "month", Decimal(10**6))
            await budgets.create(BY, "organisation", tenant, "total", Decimal(10**6))
        if tenant in {LIMITED, BOTH}:
            await limits.set(BY, "key", made.key.id, Most(10**6, 10**9))
        if tenant in {LIMITED, BOTH, ONE}:
            await limits.set(BY, "tenant", tenant, Most(10**6, 10**9))
        if tenant == ONE:
            await Budgets(engine).create(BY, "tenant", tenant, "month", Decimal(10**6))
        if tenant == OPEN:
            await limits.set(BY, "tenant", tenant, Most(concurrent_requests=1000))
    return keys


async def fill(engine: AsyncEngine, rows: int) -> None:
    """So many rows of the budgeted tenant, over the last two days, written as the ledger worker writes them."""
    ledger, now = Ledger(engine, LedgerMetrics(CollectorRegistry())), datetime.now(UTC)
    batch: list[Arrived] = []
    for row in _rows(rows, now):
        batch.append(row)
        if len(batch) == AT_ONCE:
            await ledger.write(batch)
            batch = []
    if batch:
        await ledger.write(batch)
    async with engine.connect() as connection:
        # What so much writing leaves to be done is done before anything is measured.
        driver = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in ("VACUUM (ANALYZE)", "CHECKPOINT"):
            await driver.execute(text(statement))


def _rows(count: int, now: datetime) -> Iterator[Arrived]:
    used = UsageRecorded(
        request_id="filled",
        attempt=1,
        tenant=BUDGETED,
        lane="interactive",
        api="openai.chat_completions",
        model="bench",
        deployment="upstream/bench",
        provider="upstream",
        provider_model="bench",
        status="completed",
        usage=TokenUsage(input_tokens=10, output_tokens=20),
        cost_usd=Decimal("0.0001"),
        idempotency_key="none",
        started_at=now,
        latency_ms=1.0,
    )
    columns = row_of(used.model_dump_json().encode(), "filled", now.timestamp()).columns
    for number in range(count):
        at = now - timedelta(seconds=172_800 * number / count)
        own = {"request_id": f"filled-{number}", "message_id": f"filled-{number}", "started_at": at.isoformat()}
        yield Arrived({**columns, **own}, at, now.timestamp())


def markdown(before: dict[str, list[float]], after: dict[str, list[float]], rows: int, machine: dict[str, str]) -> str:
    """The table."""
    lines = ["| ledger | tenant has | p50 | added | p90 | added | p99 | added |", "|" + "---|" * 8]
    for name, found in (("empty", before), (f"{rows:,} rows", after)):
        for tenant, has in TENANTS.items():
            cells = []
            for quantile in (0.5, 0.9, 0.99):
                own, added = _quantile(found[tenant], quantile), _added(found[tenant], found[FREE], quantile)
                cells.append(f"{own:.2f} ms | {added:+.2f} ms")
            lines.append(f"| {name} | {has} | {' | '.join(cells)} |")
    return "\n".join((*lines, "", *(f"| {name}: {value} |" for name, value in machine.items())))


def _added(own: list[float], free: list[float], quantile: float) -> float:
    if quantile == 0.5:
        return statistics.median(mine - others for mine, others in zip(own, free, strict=True))
    return _quantile(own, quantile) - _quantile(free, quantile)


def _quantile(values: list[float], share: float) -> float:
    return statistics.quantiles(values, n=1000)[round(share * 1000) - 1]


async def _with_engine(url: str, rounds: int, rows: int, target: Target) -> str:
    engine = create_engine(Settings(database_url=url), pool_size=2)  # type: ignore[arg-type]
    try:
        keys = await set_up(engine)
        before = await asyncio.to_thread(measure, target, keys, rounds)
        await fill(engine, rows)
        after = await asyncio.to_thread(measure, target, keys, rounds)
    finally:
        await engine.dispose()
    return markdown(before, after, rows, describe())


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.limits", description=__doc__)
    parser.add_argument("--rounds", type=int, default=500, help="requests of each tenant")
    parser.add_argument("--rows", type=int, default=1_000_000, help="that the ledger gets")
    options = parser.parse_args()
    try:
        with (
            Service("upstream", "benchmarks.upstream") as upstream,
            tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as directory,
        ):
            # PostgreSQL runs as another user where we are root.
            Path(directory).chmod(0o711)
            catalogue = CATALOGUE.format(url=upstream.url)
            with penstock(PenstockOptions("bench", upstream.url, False, None, catalogue), Path(directory)) as target:
                database = json.loads((Path(directory) / "ready.json").read_text())["database"]
                told = asyncio.run(_with_engine(database, options.rounds, options.rows, target))
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(told + os.linesep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
