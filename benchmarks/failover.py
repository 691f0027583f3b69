"""`python -m benchmarks.failover`: what a request pays whose primary answers every call with 500, in the same run.

The same simulator stands behind both models: one whose only deployment answers, and one whose primary fails and which
falls back on the other. Requests go one after the other, the two models in turn; the first ones of the failing model,
until its breaker opens, are told apart.
"""

import json
import os
import statistics
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.gateway import PenstockOptions, Target, penstock
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError, Child, free_ports

GOOD, FAILING = "good", "failing"
PRIMARY = "sim-error-500"
WARM_UP, ROUNDS = 30, 300
CATALOGUE = """\
providers:
  - {{name: primary, kind: openai, base_url: "{url}/v1"}}
  - {{name: secondary, kind: openai, base_url: "{url}/v1"}}
models:
  - {{name: good, deployments: [{{name: secondary/good, provider: secondary, model: sim-small}}]}}
  - name: failing
    deployments: [{{name: primary/failing, provider: primary, model: sim-error-500}}]
    fallbacks: [good]
"""


@dataclass
class Measured:
    """Milliseconds of each request, by model, and the provider calls of the failing model's."""

    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {GOOD: [], FAILING: []})
    before_open: int = 0
    calls_to_primary: int = 0
    most_attempts: int = 0


def ask(target: Target, model: str) -> tuple[float, int]:
    """One request; its milliseconds and the provider calls it took. Raises `BenchmarkError` for anything but a 200."""
    body = {"model": model, "messages": [{"role": "user", "content": uuid.uuid4().hex}]}
    request = urllib.request.Request(
        f"{target.base_url}/chat/completions",
        json.dumps(body).encode(),
        {"authorization": f"Bearer {target.api_key}", "content-type": "application/json"},
    )
    started = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            answer.read()
            attempts = int(answer.headers["x-penstock-attempts"])
    except urllib.error.HTTPError as error:
        raise BenchmarkError(f"«{model}» was answered with {error.code}: {error.read().decode()[:200]}") from None
    return (time.perf_counter() - started) * 1000, attempts


def measure(target: Target, simulator: str) -> Measured:
    """Warm up, let the breaker open, then both models in turn."""
    for _ in range(WARM_UP):
        ask(target, GOOD)
    measured = Measured()
    while ask(target, FAILING)[1] > 1:
        measured.before_open += 1
        if measured.before_open > ROUNDS:
            raise BenchmarkError("the breaker of the failing deployment never opened.")
    before = _calls(simulator)
    for _ in range(ROUNDS):
        for model in (GOOD, FAILING):
            milliseconds, attempts = ask(target, model)
            measured.milliseconds[model].append(milliseconds)
            measured.most_attempts = max(measured.most_attempts, attempts)
    measured.calls_to_primary = _calls(simulator) - before
    return measured


def _calls(simulator: str) -> int:
    with urllib.request.urlopen(f"{simulator}/stats", timeout=5) as answer:
        return int(json.load(answer)["by_model"].get(PRIMARY, 0))


def markdown(measured: Measured, machine: dict[str, str]) -> str:
    """The table."""
    rows = [f"| {name}: {value} |" for name, value in machine.items()]
    good, failing = measured.milliseconds[GOOD], measured.milliseconds[FAILING]
    added = statistics.median(failing) - statistics.median(good)
    return "\n".join(
        (
            "| | primary answers | primary fails, breaker open |",
            "|---|---|---|",
            f"| p50 | {statistics.median(good):.2f} ms | {statistics.median(failing):.2f} ms (added {added:+.2f} ms) |",
            f"| p99 | {_p99(good):.2f} ms | {_p99(failing):.2f} ms |",
            f"| most provider calls for a request | 1 | {measured.most_attempts} |",
            f"| calls to the primary, {len(failing)} requests | | {measured.calls_to_primary} (half-open probes) |",
            f"| requests until the breaker opened | | {measured.before_open} |",
            "",
            *rows,
        )
    )


def _p99(values: list[float]) -> float:
    return statistics.quantiles(values, n=100)[98]


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    (port,) = free_ports(1)
    url = f"http://127.0.0.1:{port}"
    try:
        with (
            Child("simulator", ["infra.simulator", "--port", str(port)]) as simulator,
            tempfile.TemporaryDirectory(prefix="penstock-benchmark-") as directory,
        ):
            simulator.first_line(20)
            # PostgreSQL runs as another user where we are root.
            Path(directory).chmod(0o711)
            options = PenstockOptions(GOOD, url, processes=False, otlp_url=None, catalogue=CATALOGUE.format(url=url))
            with penstock(options, Path(directory)) as target:
                measured = measure(target, url)
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(markdown(measured, describe()) + os.linesep)
    return 0


if __name__ == "__main__":
    sys.exit(main())
