"""`python -m benchmarks.ledger_faults`: does the ledger add up, while everything it stands on is killed in turn?

Requests of five tenants, by both HTTP dialects and by NATS producers, whole and as streams, with limits, budgets, tags
and a cache; a good part of the calls is answered with 429 or 500, cut or broken off with an error; some callers leave.
Meanwhile ledger worker, PostgreSQL and NATS are killed (SIGKILL) in turn. At the end the ledger's rows are compared
with the simulator's own list of its calls, and every sum of money with arithmetic of the run's own.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.gateway import PenstockOptions, penstock
from benchmarks.ledger_faults.audit import audit
from benchmarks.ledger_faults.books import Books, read, settled
from benchmarks.ledger_faults.killing import kill_in_turn
from benchmarks.ledger_faults.load import DEADLINE, UNEXPECTED, callers, connected
from benchmarks.ledger_faults.plan import catalogue, requests
from benchmarks.ledger_faults.report import Told, counts, markdown
from benchmarks.ledger_faults.setting_up import set_up
from benchmarks.processes import BenchmarkError, Child, free_ports
from infra.database.engine import create_engine
from infra.embedded.datadir import DataDirectory
from infra.settings import Settings

_MARGIN = 15.0
"""Seconds after a call's last moment in which a reservation that nobody settles stays."""
_SETTLES_WITHIN = 60 + 2 * DEADLINE + 2 * _MARGIN


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_faults", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--width", type=int, default=48, help="callers at the same time")
    parser.add_argument("--every", type=float, default=7.0, help="seconds from one killing to the next")
    parser.add_argument("--seed", type=int, default=1, help="of who asks what")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new directory for Penstock's data and logs, kept")
    return parser.parse_args()


class Run:
    """One run: what was killed, what callers got, what is in the books."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.killed: Counter[str] = Counter()
        self.ends: Counter[str] = Counter()
        self.seconds = 0.0

    async def measure(self, api: str, ready: Mapping[str, Any], simulator: str, directory: Path) -> Books:
        """Raises `BenchmarkError` where the run can't be brought to its end."""
        engine = create_engine(Settings(database_url=ready["database"]), pool_size=2)
        try:
            return await self._with_engine(engine, api, ready, simulator, directory)
        finally:
            await engine.dispose()

    async def _with_engine(
        self, engine: AsyncEngine, api: str, ready: Mapping[str, Any], simulator: str, directory: Path
    ) -> Books:
        auth, options = DataDirectory(directory / "data").nats_auth, self.options
        doors = await set_up(engine, ready["nats"], auth.operator_seed, directory, options.requests)
        began, stop = time.monotonic(), asyncio.Event()
        async with callers(api, ready["nats"], doors) as asking:
            self.ends = asking.ends
            killing = asyncio.create_task(kill_in_turn(directory / "ready.json", options.every, self.killed, stop))
            await asking.run(requests(options.requests, options.seed), options.width)
            stop.set()
            await killing
        self.seconds = time.monotonic() - began
        client = await connected(ready["nats"], str(auth.service_creds))
        try:
            await settled(engine, client, simulator, _SETTLES_WITHIN)
            return await read(engine, client, simulator, api, doors.admin)
        finally:
            await client.close()


def _measured(run: Run, directory: Path) -> Books:
    # PostgreSQL runs as another user where we are root.
    directory.chmod(0o711)
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    with Child("simulator", ["infra.simulator", "--port", str(port)]) as simulator:
        simulator.first_line(20)
        settings = {"PENSTOCK_RESERVATION_MARGIN": f"{_MARGIN:g}"}
        options = PenstockOptions("small", url, True, None, catalogue(url), settings)
        with penstock(options, directory) as target:
            ready = json.loads((directory / "ready.json").read_text(encoding="utf-8"))
            return asyncio.run(run.measure(target.base_url.removesuffix("/v1"), ready, url, directory))


def main() -> int:
    """Print the report; 1 where books differ, or where there is no report, with one sentence that says why."""
    options = _arguments()
    run = Run(options)
    try:
        if options.keep:
            options.keep.mkdir(parents=True)
            books = _measured(run, options.keep.absolute())
        else:
            with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as directory:
                books = _measured(run, Path(directory))
    except BenchmarkError as error:
        sys.stderr.write(f"no report: {error} ({counts(run.ends)})\n")
        return 1
    findings = [*(f"{count} callers: {end}" for end, count in run.ends.items() if UNEXPECTED in end), *audit(books)]
    print(markdown(Told(run.ends, run.killed, run.seconds, books, findings)))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
