"""Log probabilities of a text's tokens, as OpenAI gives them: plausible, and the same for the same token and place."""

import math
from typing import Any

from infra.simulator.words import Draw


def logprobs_of(tokens: tuple[str, ...], top: int, first: int = 0) -> dict[str, Any]:
    """A choice's `logprobs`, with `top` alternatives a token; `first` is the place of the first token in the text."""
    content = [_scored(token, top, first + place) for place, token in enumerate(tokens)]
    return {"content": content, "refusal": None}


def _scored(token: str, top: int, place: int) -> dict[str, Any]:
    # The token that was chosen has at least half of the probability, each alternative half of what is left.
    draw = Draw(f"logprob {place} {token}".encode())
    chosen = 0.5 + draw.below(4900) / 10_000
    names = list(dict.fromkeys([token, *(f" {draw.word()}" for _ in range(4 * top))]))[:top]
    shares = [chosen, *((1 - chosen) / 2**rank for rank in range(1, top))]
    alternatives = [_entry(name, share) for name, share in zip(names, shares, strict=False)]
    return {**_entry(token, chosen), "top_logprobs": alternatives}


def _entry(token: str, share: float) -> dict[str, Any]:
    return {"token": token, "logprob": math.log(share), "bytes": list(token.encode())}
