"""Who asks what in which way: tenants, keys, models with their prices, and the faults among them. Pure."""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from itertools import chain
from typing import Literal

Door = Literal["openai", "anthropic", "nats"]
Leaves = Literal["", "before", "within"]
"""A caller's end: it waits for all of its answer, goes before the first byte, or after it."""

ORGANISATIONS = {"acme": "mills", "beta": "mills", "gamma": "rivers", "delta": "rivers", "epsilon": "rivers"}
"""Tenants and their organisations. Both organisations have budgets by day; of the tenants:
`acme` has budgets of its own and of a key's, `beta` limits of all three kinds, `gamma` neither, `delta` few open
requests, `epsilon` so small a budget that it is used up."""
TIGHT, FEW, LIMITED, BUDGETED = "epsilon", "delta", "beta", "acme"
KEYS = 2
"""Of each tenant."""
OPEN_OF_FEW = 8
TIGHT_USD = Decimal("0.000006")
"""The small budget, for each request of the whole run."""
MOST_TOKENS = 80
"""What every caller allows for its answer."""
PROMPT_CHARACTERS = 64
FAULTS = ("error-429@retry=0.2,", "error-500@", "cut-stream@", "err-in-stream@")
_NAMES_OF_A_FAULT = 30
_FAULTS_OF_A_NAME = 4
"""Calls of a model's name that fail, before the others are answered: fewer than open its breaker."""
_HABITS = 5
"""Prompts that are asked again and again, of one model."""


@dataclass(frozen=True, slots=True)
class Rates:
    """Dollars per million tokens."""

    input: Decimal
    output: Decimal
    cached: Decimal
    reasoning: Decimal


SMALL = Rates(Decimal("0.37"), Decimal("1.13"), Decimal("0.0371"), Decimal("1.77"))
CLAUDE = Rates(Decimal("2.9"), Decimal("14.7"), Decimal("0.31"), Decimal("14.7"))
DEPLOYMENTS = {
    "east/small": SMALL,
    "west/small": Rates(Decimal("0.41"), Decimal("1.09"), Decimal("0.0409"), Decimal("1.71")),
    "east/cached": SMALL,
    "east/slow": SMALL,
    "west/slow": SMALL,
    "east/flaky": SMALL,
    "east/any": SMALL,
    "claude/small": CLAUDE,
    "claude/any": CLAUDE,
}


@dataclass(frozen=True, slots=True)
class Request:
    """One of them. `prompt` has PROMPT_CHARACTERS; `effort` is whether reasoning is asked for: of a
    model that can give it in so few tokens.
    """

    number: int
    tenant: str
    key: int
    door: Door
    model: str
    prompt: str
    stream: bool
    leaves: Leaves
    effort: bool
    tagged: bool


def requests(count: int, seed: int) -> Iterator[Request]:
    """So many, the same for the same seed."""
    draw = random.Random(seed)
    for number in range(count):
        habit = draw.random() < 0.05
        model = "small" if habit else _model(draw)
        yield Request(
            number=number,
            tenant=draw.choice(sorted(ORGANISATIONS)),
            key=draw.randrange(KEYS),
            door=draw.choices(("openai", "anthropic", "nats"), (60, 30, 10))[0],
            model=model,
            prompt=_prompt(f"habit {draw.randrange(_HABITS)}" if habit else f"{seed} {number}"),
            stream=draw.random() < 0.5,
            leaves=draw.choices(("", "before", "within"), (88, 5, 7))[0],
            effort=draw.random() < 0.1 and not habit and not model.startswith("claude"),
            tagged=draw.random() < 0.3,
        )


def faulty_models() -> list[str]:
    """Names that the simulator answers with a fault the first few times."""
    return [
        f"{family}-{fault}times={_FAULTS_OF_A_NAME},latency=60,tps=200,tokens={10 + number}"
        for family in ("sim", "claude")
        for fault in FAULTS
        for number in range(_NAMES_OF_A_FAULT)
    ]


def catalogue(simulator: str) -> str:
    """The model catalogue, in YAML; prices are those of `DEPLOYMENTS`."""
    return "\n".join(chain(_PROVIDERS.replace("SIMULATOR", simulator).splitlines(), _models()))


def price(rates: Rates, input_tokens: int, cached: int, output_tokens: int, reasoning: int) -> Decimal:
    """Dollars of a call, by arithmetic of its own: cached tokens are part of the input, reasoning ones of the output.

    Exact: the rates have at most four decimals, so a cost has at most ten.
    """
    spent = rates.input * (input_tokens - cached) + rates.cached * cached
    spent += rates.output * (output_tokens - reasoning) + rates.reasoning * reasoning
    return spent / Decimal(1_000_000)


def _model(draw: random.Random) -> str:
    kind = draw.choices(("small", "cached", "claude", "hedged", "flaky", ""), (28, 8, 14, 7, 5, 38))[0]
    return kind or draw.choice(_FAULTY)


def _prompt(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:PROMPT_CHARACTERS]


def _models() -> Iterator[str]:
    quick, slow = "sim-small@latency=120,tps=150,tokens=24", "sim-small@latency=700,tps=200,tokens=12"
    yield _entry("small", {"east/small": quick, "west/small": quick})
    yield _entry("cached", {"east/cached": "sim-small@latency=60,cached=9,tokens=14"})
    yield _entry("claude", {"claude/small": "claude-small@latency=90,cached=3,tps=150,tokens=19"})
    yield _entry("hedged", {"east/slow": slow, "west/slow": slow}, "hedge_after: 0.2")
    yield _entry("flaky", {"east/flaky": "sim-flaky@latency=40,tokens=11"}, "fallbacks: [small]")
    yield _entry('"sim-*"', {"east/any": "{model}"}, "fallbacks: [small]")
    yield _entry('"claude-*"', {"claude/any": "{model}"})


def _entry(name: str, deployments: dict[str, str], more: str = "") -> str:
    listed = []
    for deployment, model in deployments.items():
        rates = DEPLOYMENTS[deployment]
        prices = (
            f'{{input: "{rates.input}", output: "{rates.output}", cached_input: "{rates.cached}", '
            f'reasoning: "{rates.reasoning}"}}'
        )
        provider = deployment.split("/")[0]
        listed.append(f'{{name: {deployment}, provider: {provider}, model: "{model}", prices: {prices}}}')
    return f"  - {{name: {name}, deployments: [{', '.join(listed)}]{', ' if more else ''}{more}}}"


_PROVIDERS = """\
providers:
  - {name: east, kind: openai, base_url: "SIMULATOR/v1"}
  - {name: west, kind: openai, base_url: "SIMULATOR/v1"}
  - {name: claude, kind: anthropic, base_url: "SIMULATOR"}
models:
"""
_FAULTY = faulty_models()
