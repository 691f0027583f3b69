"""`python -m infra.simulator`: the simulator alone, without the rest of the command line's imports."""

import argparse
import sys

from infra.simulator.options import SimulatorOptions
from infra.simulator.server import run


def main() -> int:
    """Runs the simulator until it is told to stop; says where it listens. 1, with a sentence, when it can't start."""
    options = _parse(sys.argv[1:])
    try:
        run(options, lambda url: _say(f"simulator listening on {url}"))
    except (OSError, ValueError) as error:
        sys.stderr.write(f"simulator can't start on {options.host}:{options.port}: {error}\n")
        return 1
    return 0


def _parse(arguments: list[str]) -> SimulatorOptions:
    defaults = SimulatorOptions()
    parser = argparse.ArgumentParser(prog="python -m infra.simulator", description=__doc__)
    parser.add_argument("--host", default=defaults.host)
    parser.add_argument("--port", type=int, default=defaults.port, help="0: any free one")
    parser.add_argument("--latency-ms", type=float, default=defaults.latency_ms, help="time to the first token")
    parser.add_argument("--tokens-per-second", type=float, default=defaults.tokens_per_second, help="0: at once")
    parsed = parser.parse_args(arguments)
    return SimulatorOptions(parsed.host, parsed.port, parsed.latency_ms, parsed.tokens_per_second)


def _say(sentence: str) -> None:
    sys.stdout.write(f"{sentence}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
