"""What metrics cost: `python -m benchmarks.metrics`. The CPU of counting one chat request, and of one scrape.

The counting is done by the platform's own classes, as often as a prompt through six stages has it done. It is compared
with the CPU of a whole request that `python -m benchmarks` found: there is no switch that leaves the counting out.
"""

import argparse
import gc
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from benchmarks.machine import describe
from contracts.inference import TokenUsage
from infra.telemetry.labels import Capped
from infra.telemetry.metrics import ApiMetrics, LedgerMetrics, ProviderMetrics
from infra.telemetry.prompt_metrics import CacheMetrics, CallSeen, GenAiMetrics, RouteMetrics
from infra.telemetry.stage_metrics import StageMetrics
from infra.telemetry.tracing import TraceContext

_STAGES = ("validation", "cache", "routing", "provider", "cache", "ledger")
_ROUTE = "/v1/chat/completions"
_CPU_MS = 3.2
"""Of a request through all processes, from the README."""
_MICRO, _MILLI = 1e6, 1e3


def counting(registry: CollectorRegistry) -> Callable[[int], None]:
    """Counts one request, the number of which makes it differ from the one before."""
    api, stages = ApiMetrics(registry), StageMetrics(registry)
    counters = [stages.of(stage) for stage in dict.fromkeys(_STAGES)]
    by_stage = [counters[list(dict.fromkeys(_STAGES)).index(stage)] for stage in _STAGES]
    calls, gen_ai, ledger = ProviderMetrics(registry), GenAiMetrics(registry, Capped(50)), LedgerMetrics(registry)
    cache, routes = CacheMetrics(registry), RouteMetrics(registry)
    usage = TokenUsage(input_tokens=400, output_tokens=200)

    def count(number: int) -> None:
        trace, seconds = TraceContext(number + 1, 1, True), 0.001 * (number % 40)
        api.in_flight.inc()
        for stage in by_stage:
            stage.observe("interactive", "forwarded", seconds=seconds, queue_seconds=seconds, trace=trace)
        cache.lookups.labels("miss").inc()
        routes.count("alias", "bench/bench")
        calls.calls.labels("bench/bench", "first").inc()
        call = ("chat", "bench", "bench", "bench/bench", f"tenant-{number % 80}", usage, None, "")
        gen_ai.count(CallSeen(*call, seconds=seconds, first_token=seconds / 2, trace=trace))
        by_stage[3].ended(f"tenant-{number % 80}", "interactive", None)
        ledger.rows.labels("new").inc()
        api.first_token.observe(seconds, trace)
        api.requests.labels(_ROUTE, "200").inc()
        api.seconds.observe(_ROUTE, seconds, trace)
        api.in_flight.dec()

    return count


def cpu_seconds(times: int, work: Callable[[int], object]) -> float:
    """The CPU of one piece of work: the least of five rounds, which other processes disturb the least."""
    rounds = []
    for _ in range(5):
        gc.collect()
        began = time.process_time()
        for number in range(times):
            work(number)
        rounds.append((time.process_time() - began) / times)
    return min(rounds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description=__doc__)
    parser.add_argument("--requests", type=int, default=20_000, help="in each of five rounds")
    parser.add_argument("--cpu-ms", type=float, default=_CPU_MS, help="of a whole request, by python -m benchmarks")
    options = parser.parse_args()
    registry = CollectorRegistry()
    request = cpu_seconds(options.requests, counting(registry))
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    scrape = cpu_seconds(20, lambda _: encode(registry))
    print(describe(), end="\n\n")
    print(
        f"counting one request: {request * _MICRO:.0f} µs, {request * _MILLI / options.cpu_ms:.1%} of "
        f"{options.cpu_ms} ms; one scrape of it all: {scrape * _MILLI:.1f} ms"
    )


if __name__ == "__main__":
    main()
