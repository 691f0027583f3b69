"""`python -m benchmarks.cache`: what an answer out of the cache costs through the pipeline, beside one that isn't.

Prompts that nobody has asked, the same of a model that goes without the cache and its single flight, and two hundred
that come again and again: 1 and 32 in flight, whole and streamed. The upstream answers at once, so the difference is
the pipeline's own.
"""

import argparse
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.gateway import PenstockOptions, Target, penstock
from benchmarks.machine import describe
from benchmarks.measure import UPSTREAM, require_right, run_load
from benchmarks.processes import BenchmarkError, Service
from benchmarks.result import LoadResult
from benchmarks.scenarios import MANY, SCENARIOS, Scenario
from benchmarks.usage import cpu_seconds, settle

MODEL, UNCACHED, PROMPTS = "bench", "bench-uncached", 200
MISSES, WITHOUT, HITS = "misses", "without the cache", "hits"
CATALOGUE = """\
providers:
  - {{name: upstream, kind: openai, base_url: "{upstream}/v1"}}
models:
  - {{name: bench, deployments: [{{name: upstream/bench, provider: upstream, model: bench}}]}}
  - name: bench-uncached
    deployments: [{{name: upstream/uncached, provider: upstream, model: bench}}]
    cache: {{exact: false}}
"""


@dataclass(frozen=True)
class Row:
    """One run. `cpu_ms` is that of all of Penstock's processes and servers, a request."""

    scenario: Scenario
    kind: str
    result: LoadResult
    cpu_ms: float


def measure(  # noqa: PLR0913, PLR0917 - what a run is
    target: Target, upstream: Service, scenario: Scenario, seconds: float, kind: str, seed: int
) -> Row:
    """Raises `BenchmarkError` where an answer was wrong, or a hit was none."""
    calls, before = upstream.stats()["calls"], sum(cpu_seconds(target.pids).values())
    model = UNCACHED if kind == WITHOUT else MODEL
    result = run_load(target, scenario, seconds, model, seed, PROMPTS if kind == HITS else None)
    require_right(result, target, scenario)
    settle(lambda: sum(cpu_seconds(target.pids).values()), within=5)
    used = sum(cpu_seconds(target.pids).values()) - before
    called = upstream.stats()["calls"] - calls
    if called != (0 if kind == HITS else result.requests):
        raise BenchmarkError(f"{kind}: {called} calls for {result.requests} requests.")
    return Row(scenario, kind, result, used / result.requests * 1000)


def run(target: Target, upstream: Service, rounds: int) -> list[Row]:
    """All of it, one after the other."""
    seed = secrets.randbelow(2**31)
    found: list[Row] = []
    calls = -1
    while upstream.stats()["calls"] != calls:
        # The first time all of them are misses, and then they are there.
        calls = upstream.stats()["calls"]
        run_load(target, MANY, MANY.seconds, MODEL, seed, PROMPTS)
        settle(lambda: sum(cpu_seconds(target.pids).values()), within=5)
    for number in range(1, rounds + 1):
        for scenario in SCENARIOS:
            # Each goes before the other in every second round: whoever is second finds caches warm, or a fuller disk.
            for kind in (MISSES, WITHOUT, HITS) if number % 2 else (WITHOUT, MISSES, HITS):
                own = seed if kind == HITS else seed + len(found) + 1
                found.append(measure(target, upstream, scenario, scenario.seconds, kind, own))
        sys.stderr.write(f"round {number} is done\n")
    return found


def loss(rows: list[Row], scenario: Scenario) -> float:
    """By what share fewer requests a second are answered through the cache where it has none of the answers.

    The median over the rounds, each of which has measured both one after the other.
    """

    def rates(kind: str) -> list[float]:
        return [row.result.rate for row in rows if (row.scenario, row.kind) == (scenario, kind)]

    return median(1 - missed / without for missed, without in zip(rates(MISSES), rates(WITHOUT), strict=True))


def markdown(rows: list[Row], machine: dict[str, str]) -> str:
    """The table: the best round of each, as others may have had the machine in the others."""
    lines = ["| | | p50 | p99 | requests/s | CPU a request |", "|" + "---|" * 6]
    for scenario in SCENARIOS:
        for kind in (WITHOUT, MISSES, HITS):
            mine = [row for row in rows if (row.scenario, row.kind) == (scenario, kind)]
            best = min(mine, key=lambda row: row.cpu_ms)
            rate = best.result.requests / best.result.seconds
            assert best.result.latency is not None
            p50, p99 = best.result.latency.p50, best.result.latency.p99
            lines.append(
                f"| {scenario.title} | {kind} | {p50:.2f} ms | {p99:.2f} ms | {rate:.0f} | {best.cpu_ms:.2f} ms |"
            )
    lines += ["", "Requests a second that misses lose by the cache and its single flight, median of the rounds:"]
    lines += [f"{scenario.title}: {loss(rows, scenario):+.1%}" for scenario in SCENARIOS]
    return "\n".join((*lines, "", *(f"| {name}: {value} |" for name, value in machine.items())))


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cache", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    try:
        with (
            Service(UPSTREAM, "benchmarks.upstream") as upstream,
            tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as directory,
        ):
            # PostgreSQL runs as another user where we are root.
            Path(directory).chmod(0o711)
            catalogue = CATALOGUE.format(upstream=upstream.url)
            with penstock(PenstockOptions(MODEL, upstream.url, False, None, catalogue), Path(directory)) as target:
                told = markdown(run(target, upstream, options.rounds), describe())
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(told + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
