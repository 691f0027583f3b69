"""The runs: four scenarios, each direct and then through the gateway, round after round."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.gateway import Target
from benchmarks.load import API_KEY_VARIABLE
from benchmarks.processes import ROOT, BenchmarkError, Service
from benchmarks.result import LoadResult
from benchmarks.scenarios import MANY, SCENARIOS, STREAMS, Runs, Scenario
from benchmarks.usage import cpu_seconds, settle

UPSTREAM = "upstream"


@dataclass(frozen=True)
class Settings:
    """Every run takes a seed of its own, counted up from `seed`: no prompt comes twice. `scale` stretches durations."""

    model: str
    seed: int
    scale: float


class Bench:
    """Measures `gateway` against `direct`. `services` are the benchmark's own servers by name."""

    def __init__(
        self,
        direct: Target,
        gateway: Target,
        services: Mapping[str, Service],
        settings: Settings,
        progress: Callable[[str], None],
    ) -> None:
        self.runs = Runs()
        self._direct, self._gateway = direct, gateway
        self._services = services
        self._model, self._seed, self._scale = settings.model, settings.seed, settings.scale
        self._progress = progress

    def warm_up(self) -> None:
        """Open every path once before anything is measured."""
        self._progress("warm-up")
        for scenario in (MANY, STREAMS):
            self._load(self._direct, scenario, 0.3)
            self._load(self._gateway, scenario, 1.5 * self._scale)
        self._settle()

    def round(self, number: int) -> None:
        """Every scenario, direct and then through the gateway."""
        for scenario in SCENARIOS:
            self._progress(f"round {number}: {scenario.title}")
            pair = self.runs.pairs[scenario.key]
            pair.direct.append(self._measure(self._direct, scenario, scenario.seconds * self._scale / 4))
            pair.gateway.append(self._measure(self._gateway, scenario, scenario.seconds * self._scale))

    def _measure(self, target: Target, scenario: Scenario, seconds: float) -> LoadResult:
        before = self._cpu()
        result = self._load(target, scenario, seconds)
        if target is self._gateway:
            self._settle()
        if scenario is MANY:
            after = self._cpu()
            self._note_cpu(target, result, {name: after[name] - before[name] for name in before})
        return result

    def _note_cpu(self, target: Target, result: LoadResult, seconds: Mapping[str, float]) -> None:
        each = {name: used / result.requests * 1000 for name, used in seconds.items()}
        helpers = {f"load generator, {target.name}": result.cpu_us / 1000}
        helpers |= {f"{name}, {target.name}": each[name] for name in self._services if each[name]}
        if target is self._direct:
            self.runs.helpers.append(helpers)
        else:
            self.runs.helpers[-1] |= helpers
            self.runs.cpu.append({name: each[name] for name in target.pids})

    def _load(self, target: Target, scenario: Scenario, seconds: float) -> LoadResult:
        calls = self._upstream_calls()
        self._seed += 1
        result = run_load(target, scenario, seconds, self._model, self._seed)
        for service in self._services.values():
            service.require_alive()
        target.require_alive()
        require_right(result, target, scenario)
        if target is self._gateway:
            self.runs.requests += result.requests
            self.runs.upstream_calls += self._upstream_calls() - calls
        return result

    def _upstream_calls(self) -> int:
        return self._services[UPSTREAM].stats()["calls"]

    def _cpu(self) -> dict[str, float]:
        return cpu_seconds(self._gateway.pids | {name: service.pid for name, service in self._services.items()})

    def _settle(self) -> None:
        settle(lambda: sum(cpu_seconds(self._gateway.pids).values()), within=4 * self._scale)


def run_load(  # noqa: PLR0913, PLR0917 - what a run is
    target: Target, scenario: Scenario, seconds: float, model: str, seed: int, distinct: int | None = None
) -> LoadResult:
    """One run in a process of its own, with so many `distinct` prompts. Raises `BenchmarkError` where it gives none."""
    arguments = {
        "--base-url": target.base_url,
        "--concurrency": str(scenario.concurrency),
        "--seconds": f"{seconds:.3f}",
        "--model": model,
        "--seed": str(seed),
    }
    if distinct is not None:
        arguments["--distinct"] = str(distinct)
    command = [sys.executable, "-m", "benchmarks.load", *(part for pair in arguments.items() for part in pair)]
    try:
        done = subprocess.run(
            [*command, *(["--stream"] if scenario.stream else [])],
            cwd=ROOT,
            env=os.environ | {API_KEY_VARIABLE: target.api_key},
            stdout=subprocess.PIPE,
            start_new_session=True,
            timeout=seconds + 60,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise BenchmarkError(f"{scenario.title}, {target.name}: the run did not end.") from None
    if not done.stdout:
        raise BenchmarkError(f"the load generator ended with status {done.returncode} and no result.")
    return LoadResult.from_json(json.loads(done.stdout))


def require_right(result: LoadResult, target: Target, scenario: Scenario) -> None:
    """Raises `BenchmarkError` where an answer was wrong, or there was none."""
    if result.errors:
        wrong, reason = sum(result.errors.values()), next(iter(result.errors))
        total = result.requests + wrong
        raise BenchmarkError(f"{scenario.title}, {target.name}: {wrong} of {total} requests failed, most by: {reason}")
    if not result.requests:
        raise BenchmarkError(f"{scenario.title}, {target.name}: not one request was answered in time.")
