"""`python -m benchmarks`: what Penstock adds to a direct call to the same upstream, in the same run, on loopback."""

import argparse
import json
import secrets
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks.gateway import PenstockOptions, Target, penstock, running
from benchmarks.machine import describe
from benchmarks.measure import UPSTREAM, Bench, Settings
from benchmarks.processes import BenchmarkError, Service
from benchmarks.report import Report, markdown
from benchmarks.usage import memory

SINK = "trace collector"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short round, within 20 s")
    parser.add_argument("--rounds", type=int, choices=range(1, 101), metavar="N", help="default 3, with --quick 1")
    parser.add_argument("--processes", action="store_true", help="passed on: each worker in a process of its own")
    parser.add_argument("--tracing", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write every run to this file")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new directory for Penstock's data and logs, kept")
    parser.add_argument("--model", default="bench")
    parser.add_argument("--seed", type=int, help="of the prompts; a new one each time by default")
    parser.add_argument("--upstream-port", type=int, default=0, help="a free one by default")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="what the upstream waits")
    other = parser.add_argument_group("instead of starting Penstock, measure what runs already")
    other.add_argument("--base-url", help="http://host:port/v1, with its model served by --upstream-port")
    other.add_argument("--api-key", default="none")
    other.add_argument(
        "--pid", action="append", default=[], type=_process, metavar="NAME=PID", help="read its CPU and memory"
    )
    return parser.parse_args()


def measure(options: argparse.Namespace) -> Report:
    """Start everything, run everything, end everything."""
    machine = describe()
    seed = options.seed if options.seed is not None else secrets.randbelow(2**31)
    upstream = Service(UPSTREAM, "benchmarks.upstream", *_upstream_arguments(options))
    with upstream, ExitStack() as rest:
        sink = None
        if options.tracing and not options.base_url:
            sink = rest.enter_context(Service(SINK, "benchmarks.otlp_sink"))
        services = {UPSTREAM: upstream} | ({SINK: sink} if sink else {})
        with ExitStack() as started:
            gateway = _gateway(options, upstream, sink, started)
            direct = Target("direct", f"{upstream.url}/v1", "none")
            scale = 0.3 if options.quick else 1.0
            bench = Bench(direct, gateway, services, Settings(options.model, seed, scale), _progress)
            bench.warm_up()
            for number in range(1, (options.rounds or (1 if options.quick else 3)) + 1):
                bench.round(number)
            used = memory(gateway.pids)
        # Penstock has ended, so its last spans are out.
        spans = sink.stats()["spans"] / bench.runs.requests if sink else None
    return Report(gateway.name, bench.runs, used, spans, machine | {"seed": str(seed)})


def _gateway(options: argparse.Namespace, upstream: Service, sink: Service | None, started: ExitStack) -> Target:
    if options.base_url:
        return running(options.base_url, options.api_key, dict(options.pid))
    _progress("penstock up")
    directory = _directory(options.keep, started)
    asked = PenstockOptions(options.model, upstream.url, options.processes, sink.url if sink else None)
    return started.enter_context(penstock(asked, directory))


def _directory(keep: Path | None, started: ExitStack) -> Path:
    if keep is None:
        return Path(started.enter_context(tempfile.TemporaryDirectory(prefix="penstock-benchmark-")))
    try:
        keep.mkdir(parents=True)
    except OSError as error:
        raise BenchmarkError(f"--keep {keep} can't be made: {error.strerror}.") from None
    return keep.absolute()


def _upstream_arguments(options: argparse.Namespace) -> list[str]:
    return ["--port", str(options.upstream_port), "--latency-ms", str(options.latency_ms)]


def _process(argument: str) -> tuple[str, int]:
    name, _, pid = argument.partition("=")
    return name, int(pid)


def _progress(what: str) -> None:
    print(what, file=sys.stderr, flush=True)


def main() -> int:
    """Print the report; 1 where there is none, with one sentence that says why."""
    options = _arguments()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        report = measure(options)
    except BenchmarkError as error:
        _progress(f"no figures: {error}")
        return 1
    except KeyboardInterrupt:
        _progress("stopped; no figures.")
        return 130
    if options.json:
        options.json.write_text(json.dumps(report.as_json(), indent=2), encoding="utf-8")
    print(markdown(report))
    return 0


if __name__ == "__main__":
    sys.exit(main())
