"""What the simulator is started with."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

LATENCY_VARIABLE = "PENSTOCK_SIM_LATENCY_MS"
SPEED_VARIABLE = "PENSTOCK_SIM_TOKENS_PER_SECOND"


@dataclass(frozen=True, slots=True)
class SimulatorOptions:
    """Where to listen (port 0: any free one) and the speed of calls that don't set their own.

    `latency_ms` is the time to the first token in milliseconds; `tokens_per_second` 0 means that all tokens are
    there at once.
    """

    host: str = "127.0.0.1"
    port: int = 8081
    latency_ms: float = 0.0
    tokens_per_second: float = 0.0


def with_environment(options: SimulatorOptions, environ: Mapping[str, str]) -> SimulatorOptions:
    """The options with PENSTOCK_SIM_LATENCY_MS and PENSTOCK_SIM_TOKENS_PER_SECOND, where set, in place of their own.

    Raises ValueError, naming the variable, when one is not a number of 0 or more.
    """
    return replace(
        options,
        latency_ms=_number(environ, LATENCY_VARIABLE, options.latency_ms),
        tokens_per_second=_number(environ, SPEED_VARIABLE, options.tokens_per_second),
    )


def _number(environ: Mapping[str, str], name: str, default: float) -> float:
    text = environ.get(name, "")
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < math.inf:
        raise ValueError(f"{name} must be a number of 0 or more, not {text!r}")
    return value
