"""The ledger and its reports: `python -m benchmarks.usage_report`.

A platform whose ledger is given a million rows, through the code that the ledger worker has; then GET /v1/usage, one
after the other, by a key that sees every tenant's rows. And what a batch costs while the ledger is empty, and full.
"""

import argparse
import asyncio
import http.client
import json
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

from prometheus_client import CollectorRegistry

from benchmarks.documents_platform import Platform, running_platform
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError
from benchmarks.result import Percentiles
from benchmarks.usage_rows import Traffic
from infra.database.engine import create_engine
from infra.settings import Settings
from infra.telemetry.metrics import LedgerMetrics
from workers.ledger.writer import Ledger

_DAYS = 30
_BULK, _USUAL = 2000, 200
"""Rows of a batch while the ledger is filled, and those of the ledger worker."""
_PROBE = 20_000
"""Rows whose writing is timed."""
QUESTIONS: dict[str, list[tuple[str, str]]] = {
    "all of it, by day": [],
    "by day and tenant": [("group_by", "tenant")],
    "by day, tenant, model": [("group_by", "tenant,model")],
    "by key, whole time": [("group_by", "key"), ("bucket", "none")],
    "by tag, whole time": [("group_by", "tag:team"), ("bucket", "none")],
    "by day and route, one tag": [("group_by", "route"), ("tag", "team=team-1")],
    "by hour, whole time": [("bucket", "hour")],
    "by hour and tenant (a page of 1,000)": [("bucket", "hour"), ("group_by", "tenant")],
    "by hour and model (a page: a week)": [("bucket", "hour"), ("group_by", "model")],
    "by hour and route (a page: a week)": [("bucket", "hour"), ("group_by", "route")],
    "by hour and tag (a page: a week)": [("bucket", "hour"), ("group_by", "tag:team")],
    "by hour, one model (a page: a week)": [("bucket", "hour"), ("model", "model-0")],
    "by day, and all else (a page of 1,000)": [("group_by", "organisation,tenant,key,model,route,tag:team")],
    "by hour, tenant, model (a page of 1,000)": [("bucket", "hour"), ("group_by", "tenant,model")],
    "one tenant, by hour and model": [("bucket", "hour"), ("group_by", "model"), ("tenant", "tenant-3")],
    "one tenant, by day": [("tenant", "tenant-0")],
}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.usage_report", description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


async def fill(database_url: str, start: datetime, options: argparse.Namespace) -> dict[str, float]:
    """Write all rows; rows a second by what was written."""
    engine = create_engine(Settings(database_url=database_url), pool_size=1)  # type: ignore[arg-type]
    ledger = Ledger(engine, LedgerMetrics(CollectorRegistry()))
    found: dict[str, float] = {}
    try:
        for name, seed, rows, size in (
            ("empty, 200 a batch", options.seed + 1, _PROBE, _USUAL),
            ("all of it, 2,000 a batch", options.seed, options.rows, _BULK),
            ("full, 200 a batch", options.seed + 2, _PROBE, _USUAL),
        ):
            traffic = Traffic(rows, _DAYS, start, seed) if rows != _PROBE else _last_hours(rows, start, seed)
            taken = 0.0
            for batch in traffic.batches(size):
                begun = time.perf_counter()
                await ledger.write(batch)
                taken += time.perf_counter() - begun
            found[name] = rows / taken
            print(f"{name}: {found[name]:,.0f} rows/s", file=sys.stderr, flush=True)
    finally:
        await engine.dispose()
    return found


def _last_hours(rows: int, start: datetime, seed: int) -> Traffic:
    return Traffic(rows, 1, start + timedelta(days=_DAYS), seed)


def ask(platform: Platform, key: str, pairs: Iterable[tuple[str, str]], rounds: int) -> tuple[list[int], int]:
    """Nanoseconds of each answer, and its rows. Raises `BenchmarkError` for anything but a 200."""
    url = urlsplit(platform.base_url)
    path = f"{url.path}/usage?{urlencode(list(pairs))}"
    connection = http.client.HTTPConnection(url.hostname or "", url.port or 80, timeout=60)
    taken: list[int] = []
    rows = 0
    with closing(connection):
        for _ in range(rounds + 2):
            begun = time.perf_counter_ns()
            connection.request("GET", path, headers={"authorization": f"Bearer {key}"})
            with closing(connection.getresponse()) as answer:
                said, status = answer.read(), answer.status
            taken.append(time.perf_counter_ns() - begun)
            if status != 200:
                raise BenchmarkError(f"a report was answered with {status}: {said.decode(errors='replace')[:200]}")
            rows = len(json.loads(said)["data"])
    return taken[2:], rows


def main() -> None:
    """Print both tables."""
    options = _arguments()
    print("\n".join(f"- {name}: {value}" for name, value in (describe() | {"seed": str(options.seed)}).items()))
    start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(days=_DAYS + 1)
    with running_platform() as platform:
        key = platform.cli("key", "create", "--tenant", "default", "--scope", "admin")[0].strip()
        rates = asyncio.run(fill(platform.database_url, start, options))
        print("\n| the ledger is | rows/s |\n|---|---:|")
        for name, rate in rates.items():
            print(f"| {name} | {rate:,.0f} |")
        print("\n| GET /v1/usage over 31 days | rows | p50 ms | p99 ms | longest ms |\n|---|---:|---:|---:|---:|")
        period = [("start", f"{start:%Y-%m-%dT%H:00:00Z}")]
        for name, pairs in QUESTIONS.items():
            taken, rows = ask(platform, key, [*period, *pairs], options.rounds)
            each = Percentiles.of(taken)
            print(f"| {name} | {rows:,} | {each.p50:.0f} | {each.p99:.0f} | {each.maximum:.0f} |", flush=True)


if __name__ == "__main__":
    main()
