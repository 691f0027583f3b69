"""From runs to figures, and from figures to Markdown. Nothing here measures."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any, Literal

from benchmarks.result import LoadResult, Percentiles
from benchmarks.scenarios import MANY, ONE, STREAM, STREAMS, Runs, Scenario
from benchmarks.usage import Memory


@dataclass(frozen=True)
class Report:
    """All that a benchmark found. `spans` a request of the gateway reached the trace collector; None without one."""

    gateway: str
    runs: Runs
    memory: dict[str, Memory]
    spans: float | None
    machine: dict[str, str]

    def as_json(self) -> dict[str, Any]:
        """Every run of every round, and the medians."""
        return asdict(self) | {"figures": [asdict(figure) for figure in figures(self.runs)]}


@dataclass(frozen=True)
class Figure:
    """Medians over rounds, and the gateway's extremes; milliseconds or a second, as `unit` says."""

    name: str
    unit: Literal["ms", "/s"]
    direct: float
    gateway: float
    lowest: float
    highest: float

    @property
    def added(self) -> float:
        """What the gateway adds to a direct call."""
        return self.gateway - self.direct


@dataclass(frozen=True)
class Verdict:
    """One target; `value` is None where it was not measured."""

    target: str
    value: str | None
    met: bool


def figures(runs: Runs) -> list[Figure]:
    """One a line of the first table."""
    return [
        _figure(runs, ONE, "p50", "ms", lambda run: _of(run.latency).p50),
        _figure(runs, ONE, "p99", "ms", lambda run: _of(run.latency).p99),
        _figure(runs, MANY, "requests", "/s", lambda run: run.rate),
        _figure(runs, MANY, "p50", "ms", lambda run: _of(run.latency).p50),
        _figure(runs, MANY, "p99", "ms", lambda run: _of(run.latency).p99),
        _figure(runs, STREAM, "first token p50", "ms", lambda run: _of(run.first_token).p50),
        _figure(runs, STREAM, "first token p99", "ms", lambda run: _of(run.first_token).p99),
        _figure(runs, STREAM, "whole stream p50", "ms", lambda run: _of(run.latency).p50),
        _figure(runs, STREAMS, "streams", "/s", lambda run: run.rate),
        _figure(runs, STREAMS, "first token p50", "ms", lambda run: _of(run.first_token).p50),
        _figure(runs, STREAMS, "first token p99", "ms", lambda run: _of(run.first_token).p99),
    ]


def verdicts(runs: Runs, memory: dict[str, Memory]) -> list[Verdict]:
    """The targets of the project's first milestone, on 2 cores with tracing on."""
    found = {figure.name: figure for figure in figures(runs)}
    p50, rate = found[f"{ONE.title}, p50"].added, found[f"{MANY.title}, requests"].gateway
    token = found[f"{STREAM.title}, first token p50"].added
    total = sum(each.mib for each in memory.values())
    return [
        Verdict("added p50 at 1 in flight ≤ 6 ms", f"{p50:.2f} ms", p50 <= 6),
        Verdict("requests/s at 32 in flight ≥ 350", f"{rate:.0f}/s", rate >= 350),
        Verdict("first token ≤ 8 ms over direct", f"{token:.2f} ms", token <= 8),
        Verdict("memory of all processes ≤ 450 MiB", f"{total:.0f} MiB" if memory else None, total <= 450),
    ]


def markdown(report: Report) -> str:
    """The whole report."""
    runs, name = report.runs, report.gateway
    rounds = len(runs.pairs[ONE.key].gateway)
    measured = _table(
        ["", "direct", name, "added or ratio", f"{name}, lowest to highest round"],
        [_line(each) for each in figures(runs)],
    )
    parts = [
        f"## {name} against a direct call, medians over {rounds} round{'s' if rounds > 1 else ''}\n\n{measured}",
        targets(verdicts(runs, report.memory)),
        f"## CPU a request at 32 in flight\n\n{_cpu_table(runs)}",
        f"## Memory at the end\n\n{_memory_table(report.memory)}",
        f"## Behind the figures\n\n{_facts(report)}",
    ]
    return "\n\n".join(parts) + "\n"


def _figure(
    runs: Runs, scenario: Scenario, what: str, unit: Literal["ms", "/s"], read: Callable[[LoadResult], float]
) -> Figure:
    pair = runs.pairs[scenario.key]
    direct, gateway = [read(run) for run in pair.direct], [read(run) for run in pair.gateway]
    return Figure(f"{scenario.title}, {what}", unit, median(direct), median(gateway), min(gateway), max(gateway))


def _of(percentiles: Percentiles | None) -> Percentiles:
    if percentiles is None:
        raise ValueError("a run without answers has no percentiles")
    return percentiles


def _line(figure: Figure) -> list[str]:
    form = "{:.2f} ms" if figure.unit == "ms" else "{:,.0f}/s"
    compared = f"{figure.added:+.2f} ms" if figure.unit == "ms" else f"{figure.gateway / figure.direct:.4f} of it"
    extremes = f"{form.format(figure.lowest)} to {form.format(figure.highest)}"
    return [figure.name, form.format(figure.direct), form.format(figure.gateway), compared, extremes]


def targets(all_verdicts: Sequence[Verdict]) -> str:
    """Each target, what was measured, and whether that meets it."""
    lines = []
    for each in all_verdicts:
        outcome = "not measured" if each.value is None else f"{each.value}, {'met' if each.met else 'NOT met'}"
        lines.append(f"- {each.target}: {outcome}")
    return "## Targets\n\n" + "\n".join(lines)


def _cpu_table(runs: Runs) -> str:
    rows = [[name, f"{used:.3f} ms"] for name, used in _medians(runs.cpu).items()]
    if rows:
        rows.append(["**together**", f"**{median(sum(each.values()) for each in runs.cpu):.3f} ms**"])
    rows += [[f"({name})", f"{used:.3f} ms"] for name, used in _medians(runs.helpers).items()]
    return _table(["process", "CPU a request"], rows)


def _memory_table(memory: dict[str, Memory]) -> str:
    if not memory:
        return "Not measured: no process was named."
    rows = [[name, f"{each.mib:.1f} MiB", each.kind] for name, each in memory.items()]
    rows.append(["**together**", f"**{sum(each.mib for each in memory.values()):.1f} MiB**", ""])
    return _table(["process", "memory", "as"], rows)


def _facts(report: Report) -> str:
    runs = report.runs
    facts = {
        "requests through the gateway": f"{runs.requests:,}, every answer checked, none wrong",
        "upstream calls a request": f"{runs.upstream_calls / runs.requests:.4f} (1: no cache, no retry)",
        "spans a request": "none were collected" if report.spans is None else f"{report.spans:.2f}, at the collector",
    } | report.machine
    return "\n".join(f"- {name}: {value}" for name, value in facts.items())


def _medians(rounds: Sequence[dict[str, float]]) -> dict[str, float]:
    names = dict.fromkeys(name for each in rounds for name in each)
    return {name: median(each.get(name, 0.0) for each in rounds) for name in names}


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    first = list(head)
    lines = [first, ["---", *["---:"] * (len(first) - 1)], *(list(row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
