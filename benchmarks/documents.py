"""Documents: `python -m benchmarks.documents`. From files to searches, a re-index under load, and a large store.

A platform is started (`penstock up`), and everything goes through its command line and its API on loopback; the load
generator shares the cores. Data sets are read where they lie; a part whose data set isn't there is left out, and says
so.
"""

import argparse
import sys
from pathlib import Path

from benchmarks.documents_large import measure_large
from benchmarks.documents_platform import running_platform
from benchmarks.documents_scifact import measure_ingest, measure_quality, measure_reindex
from benchmarks.machine import describe
from benchmarks.processes import ROOT, BenchmarkError
from benchmarks.report import Verdict, targets
from benchmarks.usage import memory

PARTS = ("scifact", "reindex", "large")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.documents", description=__doc__)
    shared = ROOT.parent / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, metavar="DIR", help="where the folder scifact is, as BEIR")
    parser.add_argument("--part", choices=PARTS, action="append", help="all of them where none is named")
    parser.add_argument("--chunks", type=int, default=100_000, help="of the large store")
    parser.add_argument("--queries", type=int, default=500, help="… and how often it is searched")
    parser.add_argument("--quiet-seconds", type=float, default=20.0, help="searches before the re-index")
    parser.add_argument("--processes", action="store_true", help="passed on: each worker in a process of its own")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def measure(options: argparse.Namespace) -> list[Verdict]:
    """Start a platform, run the parts, end it."""
    parts, scifact = options.part or PARTS, options.data / "scifact"
    verdicts: list[Verdict] = []
    with running_platform(processes=options.processes) as platform:
        if not scifact.is_dir():
            print(f"left out: scifact and reindex, because {scifact} is not there.")
            parts = [part for part in parts if part == "large"]
        if "scifact" in parts or "reindex" in parts:
            verdicts += measure_ingest(platform, scifact)
        if "scifact" in parts:
            verdicts += measure_quality(platform, scifact)
        if "reindex" in parts:
            verdicts += measure_reindex(platform, scifact, options.quiet_seconds)
        if "large" in parts:
            verdicts += measure_large(platform, options.chunks, options.queries, options.seed)
        held = {name: f"{each.mib:.0f} MiB" for name, each in memory(platform.pids).items()}
    print(f"\nmemory at the end: {', '.join(f'{name} {mib}' for name, mib in held.items())}")
    return verdicts


def main() -> int:
    """Print the figures and the targets; 1, with one sentence, where there are none."""
    options = _arguments()
    print("\n".join(f"- {name}: {value}" for name, value in (describe() | {"seed": str(options.seed)}).items()))
    try:
        verdicts = measure(options)
    except BenchmarkError as error:
        print(f"no figures: {error}", file=sys.stderr)
        return 1
    print(f"\n{targets(verdicts)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
