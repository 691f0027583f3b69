"""The load generator: c requests in flight over c connections, for a time or a count; prints a `LoadResult` as JSON.

`python -m benchmarks.load --base-url http://127.0.0.1:9000/v1 --concurrency 32 --seconds 5`. Every answer is checked;
it exits with 1 where one was wrong. The API key is the environment variable BENCHMARKS_API_KEY, never an argument.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import sys
from dataclasses import dataclass
from time import perf_counter_ns
from urllib.parse import SplitResult, urlsplit

import uvloop

from benchmarks.client import Connection, Tally
from benchmarks.payloads import Request, Requests
from benchmarks.result import LoadResult, Percentiles

API_KEY_VARIABLE = "BENCHMARKS_API_KEY"


@dataclass(frozen=True)
class Plan:
    """What to send: to `url` (…/v1), until `seconds` are over or `requests` were sent, whichever comes first.

    After `distinct` prompts they come again from the first.
    """

    url: SplitResult
    concurrency: int
    seconds: float
    requests: int = sys.maxsize
    stream: bool = False
    model: str = "bench"
    api_key: str = "none"
    seed: int = 1
    timeout: float = 30.0
    distinct: int = sys.maxsize


class Load:
    """One run of a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._requests = Requests(plan.url, plan.model, plan.api_key, stream=plan.stream, seed=plan.seed)
        self._tally = Tally()
        self._taken = 0
        self._stop_at = 0
        self._open: set[Connection] = set()

    async def run(self) -> LoadResult:
        """Send everything and wait for every answer. Raises `OSError` where the first connections can't be made."""
        connections = [await self._connect() for _ in range(self._plan.concurrency)]
        cpu = _cpu_seconds()
        started = perf_counter_ns()
        self._stop_at = started + int(self._plan.seconds * 1e9)
        watch = asyncio.create_task(self._give_up_late())
        await asyncio.gather(*(self._keep_going(connection) for connection in connections))
        watch.cancel()
        return self._result((perf_counter_ns() - started) / 1e9, _cpu_seconds() - cpu)

    async def _keep_going(self, connection: Connection) -> None:
        connection.send()
        while await connection.ended:
            self._open.discard(connection)
            try:
                connection = await self._connect()
            except OSError as error:
                self._tally.errors[f"no new connection: {error}"] += 1
                return
            connection.send()
        self._open.discard(connection)

    async def _connect(self) -> Connection:
        url = self._plan.url
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(self._take, self._tally, stream=self._plan.stream), url.hostname or "", url.port or 80
        )
        self._open.add(connection)
        return connection

    async def _give_up_late(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            oldest = perf_counter_ns() - int(self._plan.timeout * 1e9)
            for connection in [each for each in self._open if each.started < oldest]:
                connection.fail(f"no whole answer within {self._plan.timeout:g} s")

    def _take(self) -> Request | None:
        number = self._taken
        if number >= self._plan.requests or perf_counter_ns() >= self._stop_at:
            return None
        self._taken = number + 1
        return self._requests.request(number % self._plan.distinct)

    def _result(self, seconds: float, cpu_seconds: float) -> LoadResult:
        answered = self._tally.latency
        return LoadResult(
            requests=len(answered),
            seconds=seconds,
            cpu_us=cpu_seconds / max(1, self._taken) * 1e6,
            latency=Percentiles.of(answered) if answered else None,
            first_token=Percentiles.of(self._tally.first_token) if self._tally.first_token else None,
            errors=dict(self._tally.errors.most_common(20)),
        )


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _plan_from_arguments() -> Plan:
    parser = argparse.ArgumentParser(description="Load an OpenAI-compatible server and check every answer.")
    parser.add_argument("--base-url", required=True, help="http://host:port/v1")
    parser.add_argument("--concurrency", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--requests", type=int, default=sys.maxsize)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--model", default="bench")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=30.0, help="seconds for one request")
    parser.add_argument("--distinct", type=int, default=sys.maxsize, help="prompts, which then come again")
    options = vars(parser.parse_args())
    url = urlsplit(options.pop("base_url"))
    if url.scheme != "http" or not url.hostname:
        parser.error("--base-url must be http://host:port/…: what is measured is on this machine")
    return Plan(url=url, api_key=os.environ.get(API_KEY_VARIABLE, "none"), **options)


def main() -> int:
    """Run the plan that the arguments give."""
    plan = _plan_from_arguments()
    # A collection would stand in the measured path; nothing here makes cycles.
    gc.disable()
    try:
        result = uvloop.run(Load(plan).run())
    except OSError as error:
        result = LoadResult(0, 0.0, 0.0, None, errors={f"no connection to {plan.url.netloc}: {error}": 1})
    except KeyboardInterrupt:
        return 130
    print(json.dumps(result.as_json()))
    return 1 if result.errors or not result.requests else 0


if __name__ == "__main__":
    sys.exit(main())
