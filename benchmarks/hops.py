"""Push or pull: what one hop through FastStream costs either way. `python -m benchmarks.hops`, for ADR 0001.

A message is stored, delivered to a FastStream handler without typed arguments, and acked; its latency runs from before
the publish to the handler. Both ways in one process, on one nats-server of its own, in turn, so that noise hits both.
"""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

import uvloop
from faststream import AckPolicy
from faststream.nats import JStream, NatsBroker, NatsMessage, PullSub
from nats.js.api import ConsumerConfig, RetentionPolicy, StreamConfig

from infra.embedded.datadir import locked_data_directory
from infra.embedded.nats import nats_server, nats_url
from infra.embedded.ports import free_ports
from infra.embedded.supervisor import Supervisor

_BODY = b"x" * 1500
_ROUNDS, _MESSAGES = 3, 3000


class Arrivals:
    """Which messages have come, and when."""

    def __init__(self) -> None:
        self.waiting: dict[str, asyncio.Future[float]] = {}

    async def on_message(self, message: NatsMessage) -> None:
        await message.ack()
        self.waiting.pop(message.headers["n"]).set_result(time.perf_counter())


async def measure(url: str, way: str, concurrency: int, messages: int) -> tuple[float, float, float]:
    """Median and 99th percentile in milliseconds, and CPU in microseconds a message."""
    arrivals, name = Arrivals(), f"{way}{concurrency}{time.time_ns()}"
    broker = NatsBroker(url, apply_types=False, logger=None, max_reconnect_attempts=-1)
    client = await broker.connect()
    js = client.jetstream()
    await js.add_stream(StreamConfig(name=name, subjects=[f"{name}.>"], retention=RetentionPolicy.WORK_QUEUE))
    pull = PullSub(batch_size=1) if way == "pull" else None
    if way == "push":
        config = ConsumerConfig(durable_name=name, deliver_subject=f"deliver.{name}", deliver_group=name)
        await js.add_consumer(name, config)
    handle = broker.subscriber(
        f"{name}.>",
        queue="" if pull else name,
        durable=name if pull else None,
        pull_sub=pull or False,
        stream=JStream(name, declare=False),
        ack_policy=AckPolicy.MANUAL,
        decoder=_as_it_came,
    )
    handle(arrivals.on_message)
    await broker.start()
    latencies: list[float] = []

    async def one(number: int) -> None:
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        arrivals.waiting[str(number)] = future
        started = time.perf_counter()
        await js.publish(f"{name}.x", _BODY, headers={"n": str(number)}, timeout=5)
        latencies.append((await future - started) * 1000)

    async def caller(first: int) -> None:
        for number in range(first, messages, concurrency):
            await one(number)

    before = time.process_time()
    await asyncio.gather(*(caller(first) for first in range(concurrency)))
    cpu = (time.process_time() - before) / messages * 1e6
    await broker.stop()
    return statistics.median(latencies), statistics.quantiles(latencies, n=100)[98], cpu


async def _as_it_came(message: NatsMessage) -> NatsMessage:
    return message


async def run() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as path, locked_data_directory(Path(path) / "data") as data:
        (port,) = free_ports(1)
        supervisor = Supervisor(data.logs, print)
        await supervisor.start([nats_server(data, port, {"PATH": os.environ["PATH"]})])
        try:
            print("| consumer | in flight | p50 ms | p99 ms | CPU µs a message |\n|---|---:|---:|---:|---:|")
            for concurrency, messages in ((1, _MESSAGES // 4), (32, _MESSAGES)):
                found: dict[str, list[tuple[float, float, float]]] = {"push": [], "pull": []}
                for _ in range(_ROUNDS):
                    for way, runs in found.items():
                        runs.append(await measure(nats_url(port), way, concurrency, messages))
                for way, runs in found.items():
                    p50, p99, cpu = (statistics.median(column) for column in zip(*runs, strict=True))
                    print(f"| {way} | {concurrency} | {p50:.2f} | {p99:.2f} | {cpu:.0f} |")
        finally:
            await supervisor.stop()


if __name__ == "__main__":
    uvloop.run(run())
