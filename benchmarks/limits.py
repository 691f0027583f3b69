"""`python -m benchmarks.limits`: what budgets add to a request, and whether a full ledger makes them slower.

Two tenants ask the same instant upstream, one after the other and in turn: one without, and one whose key, tenant and
organisation have a budget each. Then the ledger gets a million rows of the second, and they ask again.
"""

import argparse
import asyncio
import json
import os
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
from infra.settings import Settings
from infra.telemetry.metrics import LedgerMetrics
from workers.ledger.rows import Arrived, row_of
from workers.ledger.writer import Ledger

FREE, BUDGETED = "free", "budgeted"
BY = "cli:benchmark"
WARM_UP, AT_ONCE = 50, 2000
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
        for name, key in keys.items():
            found[name].append(ask(target, key))
    return found


async def set_up(engine: AsyncEngine) -> dict[str, str]:
    """The tenants' keys, by tenant; none of the budgets is ever reached."""
    await Organisations(engine).create(BY, BUDGETED)
    await Tenants(engine).create(BY, BUDGETED, organisation=BUDGETED)
    keys = {}
    for tenant in (FREE, BUDGETED):
        made = await ApiKeys(engine).create(BY, NewKey(tenant, "benchmark", USUAL_SCOPES), makes_tenant=True)
        keys[tenant] = made.text
        if tenant == BUDGETED:
            budgets = Budgets(engine)
            await budgets.create(BY, "key", made.key.id, "day", Decimal(10**6))
            await budgets.create(BY, "tenant", BUDGETED, "month", Decimal(10**6))
            await budgets.create(BY, "organisation", BUDGETED, "total", Decimal(10**6))
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
    lines = ["| | no budget | three budgets | added |", "|---|---|---|---|"]
    for name, found in (("an empty ledger", before), (f"{rows:,} rows", after)):
        for what, quantile in (("p50", 0.5), ("p90", 0.9), ("p99", 0.99)):
            free, budgeted = (_quantile(found[tenant], quantile) for tenant in (FREE, BUDGETED))
            lines.append(f"| {name}, {what} | {free:.2f} ms | {budgeted:.2f} ms | {budgeted - free:+.2f} ms |")
    return "\n".join((*lines, "", *(f"| {name}: {value} |" for name, value in machine.items())))


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
