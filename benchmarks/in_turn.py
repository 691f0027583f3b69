"""Platforms that differ in their settings alone, loaded in turn: what a setting costs, in one run."""

import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from benchmarks.gateway import PenstockOptions, Target, penstock
from benchmarks.measure import UPSTREAM, require_right, run_load
from benchmarks.processes import Service
from benchmarks.scenarios import MANY
from benchmarks.usage import cpu_seconds, memory, settle

_MODEL = "bench"


@dataclass(frozen=True)
class Variant:
    """Variables of a platform's environment; `collected`: a collector takes its spans."""

    settings: Mapping[str, str] = field(default_factory=dict)
    collected: bool = False


@dataclass
class Measured:
    """Of one platform: requests a second and milliseconds of CPU a request, one a round; MiB at the end."""

    rates: list[float] = field(default_factory=list)
    cpu_ms: list[float] = field(default_factory=list)
    mib: float = 0.0


def measure(variants: Mapping[str, Variant], rounds: int, seconds: float) -> dict[str, Measured]:
    """Start these platforms, load them in turn, each round in the other order."""
    found = {name: Measured() for name in variants}
    with (
        Service(UPSTREAM, "benchmarks.upstream") as upstream,
        Service("sink", "benchmarks.otlp_sink") as sink,
        ExitStack() as stack,
    ):
        platforms = {name: _platform(stack, variant, upstream, sink) for name, variant in variants.items()}
        for number, target in enumerate(platforms.values()):
            _load(target, seconds / 2, seed=number + 1)
        for number in range(rounds):
            order = list(platforms) if number % 2 else list(reversed(platforms))
            for place, name in enumerate(order):
                _round(platforms[name], found[name], seconds, seed=100 * (number + 1) + place)
        for name, target in platforms.items():
            found[name].mib = sum(each.mib for each in memory(target.pids).values())
    return found


def lost(off: Measured, on: Measured) -> float:
    """The share of the throughput that is lost, as the median of the pairs of a round."""
    return median(1 - with_it / without for with_it, without in zip(on.rates, off.rates, strict=True))


def table(what: str, found: Mapping[str, Measured], off: str) -> list[str]:
    """A row for each platform, the CPU against that of `off`."""
    rows = [f"| {what} | requests/s | CPU a request | against off | memory |", "|---|---|---|---|---|"]
    for name, each in found.items():
        more = median(each.cpu_ms) / median(found[off].cpu_ms) - 1
        rate = f"{median(each.rates):.0f} ({min(each.rates):.0f} to {max(each.rates):.0f})"
        rows.append(f"| {name} | {rate} | {median(each.cpu_ms):.3f} ms | {more:+.1%} | {each.mib:.0f} MiB |")
    return rows


def _platform(stack: ExitStack, variant: Variant, upstream: Service, sink: Service) -> Target:
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-benchmark-")))
    # PostgreSQL runs as another user where we are root.
    directory.chmod(0o711)
    otlp = sink.url if variant.collected else None
    options = PenstockOptions(_MODEL, upstream.url, processes=False, otlp_url=otlp, settings=variant.settings)
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
