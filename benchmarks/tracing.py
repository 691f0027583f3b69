"""`python -m benchmarks.tracing`: what tracing costs, in one run: platforms that differ in nothing else, in turn.

*off*: nothing is recorded. *on*: every request, into the files of the data directory, as `penstock up` does by itself.
*collector*: every request, by OTLP to a collector that counts and forgets. *1 %*: one request in a hundred, spans of
the others are held back in case one of them fails.
"""

import argparse
import sys
from collections.abc import Mapping

from benchmarks.in_turn import Measured, Variant, lost, measure, table
from benchmarks.machine import describe
from benchmarks.processes import BenchmarkError
from benchmarks.report import Verdict, targets
from benchmarks.scenarios import MANY

OFF, ON, COLLECTOR, TAIL = "off", "on", "collector", "1 %"
_HELD = {"PENSTOCK_TRACE_TAIL_SPANS": "10000"}
TRACED: Mapping[str, str] = {"PENSTOCK_TRACE_RATIO": "1", **_HELD}
_VARIANTS: Mapping[str, Variant] = {
    OFF: Variant(),
    ON: Variant(TRACED),
    COLLECTOR: Variant(collected=True),
    TAIL: Variant({"PENSTOCK_TRACE_RATIO": "0.01", **_HELD}),
}
_BAR = 0.15


def markdown(found: Mapping[str, Measured]) -> str:
    """The table, and the target."""
    share = lost(found[OFF], found[ON])
    verdict = Verdict(f"tracing on costs at most {_BAR:.0%} of the throughput", f"{share:.1%}", share <= _BAR)
    machine = (f"- {key}: {said}" for key, said in describe().items())
    return "\n".join([*table("tracing", found, OFF), "", targets([verdict]), "", *machine])


def main() -> int:
    """Print the table; 1, with one sentence, where there are no figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tracing", description="What tracing costs.")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=MANY.seconds, help="of one run")
    parser.add_argument("--quick", action="store_true", help="off and on alone")
    options = parser.parse_args()
    names = (OFF, ON) if options.quick else tuple(_VARIANTS)
    try:
        found = measure({name: _VARIANTS[name] for name in names}, options.rounds, options.seconds)
    except BenchmarkError as error:
        sys.stderr.write(f"no figures: {error}\n")
        return 1
    sys.stdout.write(markdown(found) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
