"""`python -m benchmarks.access`: what a request pays for the question who asks, and what they may.

One PostgreSQL of our own, and in one process what the API asks of a key and the validation worker of a policy, while
the process goes on asking whether anything was changed. Keys come in turn, so that of 10,000 each is seen rarely.
"""

import argparse
import asyncio
import tempfile
import time
from collections.abc import Sequence
from itertools import cycle, islice
from pathlib import Path

import uvloop
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Authenticator
from benchmarks.index import database_of_our_own
from benchmarks.machine import describe
from benchmarks.report import Verdict, targets
from benchmarks.result import Percentiles
from infra.access.credentials import Credentials, Secret, hash_secret, new_secret
from infra.access.policies import Policies
from infra.access.pulse import Pulse
from infra.access.scopes import USUAL_SCOPES
from infra.database.engine import create_engine
from infra.database.tables import ApiKey, Tenant
from infra.runtime import end_tasks
from infra.settings import Settings

_SOME, _ALL = 1, 10_000
_NEW, _AT_ONCE = 500, 20
_PAUSE = 0.001
"""Seconds between two requests, as at some 500 a second: what is remembered grows old meanwhile, as it does there."""
_TENANT = "benchmark"
_BAR_MS = 0.2


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.access", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="of each kind")
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


async def make_keys(engine: AsyncEngine, count: int) -> list[Secret]:
    """Keys of one tenant, written at once."""
    made = [new_secret() for _ in range(count)]
    rows = [
        {
            "id": each.public_id,
            "tenant_id": _TENANT,
            "secret_sha256": hash_secret(each.secret),
            "name": "benchmark",
            "scopes": list(USUAL_SCOPES),
        }
        for each in made
    ]
    async with engine.begin() as connection:
        await connection.execute(insert(Tenant).values(id=_TENANT))
        await connection.execute(insert(ApiKey), rows)
    return made


class Asked:
    """A process that checks keys, and how long each check takes."""

    def __init__(self, engine: AsyncEngine, policies: Policies, pulse: Pulse) -> None:
        self._authenticator = Authenticator(Credentials(engine).find, confirmed_at=pulse.confirmed_at)
        self._policies = policies
        pulse.on_change(self._authenticator.forget)

    async def once(self, key: Secret) -> int:
        """Nanoseconds from an `Authorization` header to what its key may do."""
        header = f"Bearer {key}"
        began = time.perf_counter_ns()
        principal = await self._authenticator.authenticate(header)
        policy = await self._policies.of(principal.tenant, principal.key_id)
        taken = time.perf_counter_ns() - began
        if not policy.allows_model("any") or policy.key_id != key.public_id:
            raise ValueError("the wrong policy was found")
        return taken

    async def many(self, keys: Sequence[Secret], requests: int) -> Percentiles:
        """Keys in turn, with pauses."""
        taken = []
        for key in islice(cycle(keys), requests):
            taken.append(await self.once(key))
            await asyncio.sleep(_PAUSE)
        return Percentiles.of(taken)

    async def first(self, keys: Sequence[Secret]) -> Percentiles:
        """The first request of some, one after the other: nobody remembers them yet. The others' follow, untimed."""
        found = Percentiles.of([await self.once(key) for key in keys[:_NEW]])
        for begin in range(_NEW, len(keys), _AT_ONCE):
            await asyncio.gather(*(self.once(key) for key in keys[begin : begin + _AT_ONCE]))
        return found


async def measure(settings: Settings, options: argparse.Namespace) -> list[Verdict]:
    """Print a table; what it says of the target."""
    engine, policies = create_engine(settings, pool_size=3), Policies(create_engine(settings, pool_size=3), "benchmark")
    pulse = Pulse(engine)
    runs = [asyncio.create_task(each) for each in (pulse.run(), policies.watch())]
    try:
        keys = await make_keys(engine, _ALL)
        asked, found = Asked(engine, policies, pulse), []
        await asyncio.sleep(1)
        first = await asked.first(keys)
        print("\n| keys | round | p50 ms | p99 ms | max ms |\n|---:|---:|---:|---:|---:|")
        print(f"| {_NEW:,}, never seen | | {first.p50:.4f} | {first.p99:.4f} | {first.maximum:.2f} |")
        for number in range(1, options.rounds + 1):
            for count in (_SOME, _ALL):
                each = await asked.many(keys[:count], options.requests)
                found.append(each.p50)
                print(f"| {count:,} | {number} | {each.p50:.4f} | {each.p99:.4f} | {each.maximum:.2f} |")
        worst = max(found)
        return [Verdict(f"key check ≤ {_BAR_MS} ms p50, in every round", f"{worst:.4f} ms at most", worst <= _BAR_MS)]
    finally:
        await end_tasks(*runs)
        await asyncio.gather(engine.dispose(), policies.close())


async def run(options: argparse.Namespace, home: Path) -> None:
    """Measure in a thread of its own: uvloop, which the API runs on, can't start a server as another user."""
    print("\n".join(f"- {name}: {value}" for name, value in describe().items()))
    async with database_of_our_own(home) as settings:
        print("\n" + targets(await asyncio.to_thread(uvloop.run, measure(settings, options))))


def main() -> None:
    """Run it all in a directory that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as home:
        Path(home).chmod(0o711)  # root lends the server another user, who has to get in
        asyncio.run(run(_arguments(), Path(home)))


if __name__ == "__main__":
    main()
