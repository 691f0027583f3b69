"""What metrics cost: `python -m benchmarks.metrics`. Two platforms in turn, of which one counts nothing.

Every request of both is traced, as `penstock up` does. Then, without a platform: the CPU of counting one chat request,
and of one scrape.

The latter is done by the platform's own classes, as often as a prompt through six stages has it done.
"""

import argparse
import gc
import sys
import time
from collections.abc import Callable, Mapping
from statistics import median

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

from benchmarks.in_turn import Measured, Variant, lost, measure, table
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError
from benchmarks.report import Verdict, targets
from benchmarks.scenarios import MANY
from benchmarks.tracing import TRACED
from contracts.inference import TokenUsage
from infra.telemetry.labels import Capped
from infra.telemetry.metrics import ApiMetrics, LedgerMetrics, ProviderMetrics
from infra.telemetry.prompt_metrics import CacheMetrics, CallSeen, GenAiMetrics, RouteMetrics
from infra.telemetry.stage_metrics import StageMetrics
from infra.telemetry.tracing import TraceContext

_STAGES = ("validation", "cache", "routing", "provider", "cache", "ledger")
_ROUTE = "/v1/chat/completions"
OFF, ON = "off", "on"
_VARIANTS = {OFF: Variant({"PENSTOCK_METRICS": "false", **TRACED}), ON: Variant(TRACED)}
_BAR = 0.05
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


def markdown(found: Mapping[str, Measured], request: float, scrape: float) -> str:
    """The table, the target, and the CPU of counting one request and of one scrape, in seconds."""
    share = lost(found[OFF], found[ON])
    verdict = Verdict(f"metrics on cost at most {_BAR:.0%} of the throughput", f"{share:.1%}", share <= _BAR)
    of_all = request * _MILLI / median(found[ON].cpu_ms)
    counted = f"counting one request: {request * _MICRO:.0f} µs, {of_all:.1%} of its CPU"
    alone = f"{counted}; one scrape: {scrape * _MILLI:.1f} ms"
    machine = (f"- {key}: {said}" for key, said in describe().items())
    return "\n".join([*table("metrics", found, OFF), "", targets([verdict]), "", alone, "", *machine])


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.metrics", description="What metrics cost.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=MANY.seconds, help="of one run")
    parser.add_argument("--requests", type=int, default=20_000, help="counted alone, in each of five rounds")
    options = parser.parse_args()
    registry = CollectorRegistry()
    request = cpu_seconds(options.requests, counting(registry))
    encode, _ = choose_encoder("application/openmetrics-text; version=1.0.0")
    scrape = cpu_seconds(20, lambda _: encode(registry))
    try:
        found = measure(_VARIANTS, options.rounds, options.seconds)
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(markdown(found, request, scrape) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
