"""`python -m benchmarks.tracing`: what tracing costs, in one run: platforms that differ in nothing else, in turn.

*off*: nothing is recorded. *on*: every request, into the files of the data directory, as `penstock up` does by itself.
*collector*: every request, by OTLP to a collector that counts and forgets. *1 %*: one request in a hundred, spans of
the others are held back in case one of them fails.
"""

import argparse
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.gateway import PenstockOptions, Target, penstock
from benchmarks.machine import describe
from benchmarks.measure import UPSTREAM, require_right, run_load
from benchmarks.processes import BenchmarkError, Service
from benchmarks.report import Verdict, targets
from benchmarks.scenarios import MANY
from benchmarks.usage import cpu_seconds, memory, settle

OFF, ON, COLLECTOR, TAIL = "off", "on", "collector", "1 %"
_HELD = {"PENSTOCK_TRACE_TAIL_SPANS": "10000"}
_SETTINGS: Mapping[str, Mapping[str, str]] = {
    OFF: {},
    ON: {"PENSTOCK_TRACE_RATIO": "1", **_HELD},
    COLLECTOR: {},
    TAIL: {"PENSTOCK_TRACE_RATIO": "0.01", **_HELD},
}
_BAR = 0.15
_MODEL = "bench"


@dataclass
class Measured:
    """Of one platform: requests a second and milliseconds of CPU a request, one a round; MiB at the end."""

    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    mib: float = 0.0


def measure(names: Sequence[str], rounds: int, seconds: float) -> dict[str, Measured]:
    """Start these platforms, load them in turn, each round in the other order."""
    found = {name: Measured() for name in names}
    with (
        Service(UPSTREAM, "benchmarks.upstream") as upstream,
        Service("sink", "benchmarks.otlp_sink") as sink,
        ExitStack() as stack,
    ):
        platforms = {name: _platform(stack, name, upstream, sink) for name in names}
        for number, target in enumerate(platforms.values()):
            _load(target, seconds / 2, seed=number + 1)
        for number in range(rounds):
            order = list(platforms) if number % 2 else list(reversed(platforms))
            for place, name in enumerate(order):
                _round(platforms[name], found[name], seconds, seed=100 * (number + 1) + place)
        for name, target in platforms.items():
            found[name].mib = sum(each.mib for each in memory(target.pids).values())
    return found


def _platform(stack: ExitStack, name: str, upstream: Service, sink: Service) -> Target:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-benchmark-")))
    # PostgreSQL runs as another user where we are root.
    directory.chmod(0o711)
    otlp = sink.url if name == COLLECTOR else None
    options = PenstockOptions(_MODEL, upstream.url, processes=False, otlp_url=otlp, settings=_SETTINGS[name])
    return stack.enter_context(penstock(options, directory))


def _load(target: Target, seconds: float, *, seed: int) -> tuple[float, int]:
    """Requests a second, and requests."""
    result = run_load(target, MANY, seconds, _MODEL, seed)
    require_right(result, target, MANY)
    settle(lambda: sum(cpu_seconds(target.pids).values()), within=10.0)
    return result.rate, result.requests


def _round(target: Target, measured: Measured, seconds: float, *, seed: int) -> None:
    before = sum(cpu_seconds(target.pids).values())
    rate, requests = _load(target, seconds, seed=seed)
    measured.rates.append(rate)
    measured.cpu_ms.append((sum(cpu_seconds(target.pids).values()) - before) / requests * 1000)


def markdown(found: Mapping[str, Measured]) -> str:
    """The table, and the target."""
    off, on = found[OFF], found[ON]
    rows = ["| tracing | requests/s | CPU a request | against off | memory |", "|---|---|---|---|---|"]
    for name, each in found.items():
        more = median(each.cpu_ms) / median(off.cpu_ms) - 1
        rate = f"{median(each.rates):.0f} ({min(each.rates):.0f} to {max(each.rates):.0f})"
        rows.append(f"| {name} | {rate} | {median(each.cpu_ms):.3f} ms | {more:+.1%} | {each.mib:.0f} MiB |")
    lost = median(1 - traced / untraced for traced, untraced in zip(on.rates, off.rates, strict=True))
    verdict = Verdict(f"tracing on costs at most {_BAR:.0%} of the throughput", f"{lost:.1%}", lost <= _BAR)
    return "\n".join([*rows, "", targets([verdict]), "", *(f"- {key}: {said}" for key, said in describe().items())])


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description="What tracing costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=MANY.seconds, help="of one run")
    parser.add_argument("--quick", action="store_true", help="off and on alone")
    options = parser.parse_args()
    try:
        found = measure((OFF, ON) if options.quick else tuple(_SETTINGS), options.rounds, options.seconds)
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(markdown(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
