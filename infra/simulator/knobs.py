"""How one call wants to be treated: speed, length and named fault.

Three places set a knob, later ones win: the server's options, the request's headers (`x-sim-latency-ms`,
`x-sim-tokens-per-second`, `x-sim-tokens`), and the model's name, which also passes through gateways that forward no
headers: `sim-small@latency=50,tps=100,tokens=20`. A fault is named by the model's name alone: any name that contains
`error-429` before its `@` is such a model.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from infra.simulator.errors import invalid
from infra.simulator.options import SimulatorOptions

SLOW_MS = 10_000.0
WINDOW = 8192
FIRST_CHUNKS = 3


class Fault(StrEnum):
    """The faults by the name they have in a model's name.

    - `flaky`: 500 for the first, third, fifth … call with the same request body, so that a second try is answered.
    - `error-400`, `error-401`, `error-403`, `error-429` (Retry-After: 1, `retry` sets it), `error-500`: that error,
      after the latency.
    - `slow`: 10 s to the first token, `latency` sets it; `slow-second-chunk`: 10 s after it, `pause` sets it.
    - `err-in-stream`: some tokens, then an error event; no usage. Not streamed: 500.
    - `cut-stream`: some tokens, then the connection is cut; no usage. Not streamed: cut in the middle of the body.
    - `bad-json`: one token's event is no JSON, the others are well. Not streamed: 200 with half of a JSON body.
    - `context-window`: a prompt of more than 8192 tokens, `window` sets it, is refused as too long.
    - `content-filter`: some tokens of text, then the answer ends as one that a filter stopped.
    """

    FLAKY = "flaky"
    ERROR_400 = "error-400"
    ERROR_401 = "error-401"
    ERROR_403 = "error-403"
    ERROR_429 = "error-429"
    ERROR_500 = "error-500"
    SLOW_SECOND_CHUNK = "slow-second-chunk"
    SLOW = "slow"
    ERR_IN_STREAM = "err-in-stream"
    CUT_STREAM = "cut-stream"
    BAD_JSON = "bad-json"
    CONTEXT_WINDOW = "context-window"
    CONTENT_FILTER = "content-filter"


# `slow` is part of `slow-second-chunk`, so the longer name is looked for first.
_FAULTS = tuple(sorted(Fault, key=len, reverse=True))


@dataclass(frozen=True, slots=True)
class Knobs:
    """The settings of one call, all of them resolved.

    `base` is the model's name without its suffix; `latency_ms` the time to the first token and `pause_ms` the wait
    between the first and the second, in milliseconds; `tokens_per_second` 0 means at once; `tokens` the length of the
    answer, None for the model's own; `cached_tokens` how much of the prompt the usage reports as cached; `window` how
    many tokens a prompt may have, None for any number; `retry_s` what an error's Retry-After says, None for its own.

    `after` is how many calls of the model's name go well before an error fault begins (0 unless set), or how many
    tokens are sent before a stream fault or a filter (3 unless set); `times` is for how many calls of that name the
    fault lasts, None for ever. Neither concerns `flaky` or `context-window`.
    """

    base: str
    fault: Fault | None
    latency_ms: float
    tokens_per_second: float
    pause_ms: float
    tokens: int | None
    cached_tokens: int
    after: int | None
    times: int | None
    window: int | None
    retry_s: float | None


@dataclass(frozen=True, slots=True)
class _Range:
    parse: Callable[[str], float]
    low: float
    high: float

    def read(self, text: str, where: str, name: str) -> float:
        try:
            value = self.parse(text)
        except ValueError:
            value = math.nan
        if not self.low <= value <= self.high:
            kind = "a whole number" if self.parse is int else "a number"
            raise invalid(where, f"{name} must be {kind} from {self.low:g} to {self.high:g}, not {text!r}")
        return value


_HOUR_MS = 3_600_000
_RANGES: Mapping[str, _Range] = {
    "latency": _Range(float, 0, _HOUR_MS),
    "pause": _Range(float, 0, _HOUR_MS),
    "tps": _Range(float, 0, 1_000_000),
    "tokens": _Range(int, 1, 100_000),
    "cached": _Range(int, 0, 10_000_000),
    "after": _Range(int, 0, 1_000_000),
    "times": _Range(int, 0, 1_000_000),
    "window": _Range(int, 1, 10_000_000),
    "retry": _Range(float, 0, 3600),
}
_HEADERS: Mapping[bytes, str] = {
    b"x-sim-latency-ms": "latency",
    b"x-sim-tokens-per-second": "tps",
    b"x-sim-tokens": "tokens",
}


def read_knobs(model: str, headers: Mapping[bytes, bytes], options: SimulatorOptions) -> Knobs:
    """The knobs of a call to `model` with these (lower-case) headers; ApiError 400 for an unknown or bad setting."""
    base, suffix = _split(model)
    given = _from_headers(headers) | _from_suffix(suffix)
    fault = next((name for name in _FAULTS if name in base), None)
    return Knobs(
        base=base,
        fault=fault,
        latency_ms=given.get("latency", SLOW_MS if fault is Fault.SLOW else options.latency_ms),
        tokens_per_second=given.get("tps", options.tokens_per_second),
        pause_ms=given.get("pause", SLOW_MS if fault is Fault.SLOW_SECOND_CHUNK else 0.0),
        tokens=_whole(given, "tokens"),
        cached_tokens=_whole(given, "cached") or 0,
        after=_whole(given, "after"),
        times=_whole(given, "times"),
        window=_whole(given, "window") or (WINDOW if fault is Fault.CONTEXT_WINDOW else None),
        retry_s=given.get("retry"),
    )


def _split(model: str) -> tuple[str, str]:
    # Some providers' own names have an `@` (`claude@20250101`): only one with settings behind it is ours.
    base, mark, suffix = model.partition("@")
    return (base, suffix) if mark and "=" in suffix else (model, "")


def _from_headers(headers: Mapping[bytes, bytes]) -> dict[str, float]:
    return {
        name: _RANGES[name].read(headers[header].decode("latin-1"), header.decode(), name)
        for header, name in _HEADERS.items()
        if header in headers
    }


def _from_suffix(suffix: str) -> dict[str, float]:
    given: dict[str, float] = {}
    for setting in suffix.split(",") if suffix else ():
        name, _, text = setting.partition("=")
        if name not in _RANGES:
            raise invalid("model", f"unknown setting {name!r}, expected one of {', '.join(_RANGES)}")
        given[name] = _RANGES[name].read(text, "model", name)
    return given


def _whole(given: Mapping[str, float], name: str) -> int | None:
    return int(given[name]) if name in given else None
