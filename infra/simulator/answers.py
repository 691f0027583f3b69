"""What the simulator answers: a pure function of the request. Tool calls and JSON schemas belong here too.

The rule. An answer is `Echo:`, the first 12 tokens of the last user message (white space folded), then words of a
fixed list, chosen by a hash of the base model's name and the whole conversation, and a full stop. Its length is the
`tokens` knob, or 128 tokens for a model with `large` in its name and 32 for any other; a token limit cuts it, and a
stop sequence ends it before its first occurrence. The same conversation gives the same answer through either API, at
any speed, streamed or not; another conversation, model or choice of several gives other words.

Usage. A prompt is the tokens of its texts, 3 more a message for its frame, and 85 an attachment (what OpenAI charges
for a low-detail image); a completion is the tokens of its choices.
"""

import hashlib
from dataclasses import dataclass
from enum import Enum, auto

from infra.simulator.knobs import Knobs
from infra.simulator.requests import ChatRequest
from infra.simulator.tokens import count_tokens, split_tokens

ECHOED_TOKENS = 12
FRAME_TOKENS = 3
ATTACHMENT_TOKENS = 85
LENGTH = 32
LARGE_LENGTH = 128

# 64 words, so that six bits of a hash choose one; each is one token with the space before it.
# fmt: off
_WORDS = tuple(f" {word}" for word in (
    "amber", "anchor", "apple", "arrow", "autumn", "basin", "beacon", "birch", "bridge", "bronze", "candle",
    "canyon", "cedar", "cloud", "copper", "coral", "crane", "delta", "ember", "falcon", "fern", "field",
    "flint", "forest", "garden", "glacier", "granite", "harbor", "hazel", "heron", "island", "ivory", "jasmine",
    "juniper", "lantern", "lemon", "linen", "maple", "marble", "meadow", "mirror", "moss", "north", "oak",
    "ocean", "olive", "orchard", "pebble", "pine", "prairie", "quartz", "raven", "reef", "river", "saddle",
    "silver", "spruce", "stone", "summit", "thunder", "timber", "valley", "willow", "winter",
))
# fmt: on


class Finish(Enum):
    """Why an answer ended: by itself, at the token limit, or at a stop sequence."""

    END = auto()
    LENGTH = auto()
    STOP_SEQUENCE = auto()


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer as its tokens; `stop_sequence` is the one that ended it."""

    tokens: tuple[str, ...]
    finish: Finish
    stop_sequence: str | None = None

    @property
    def text(self) -> str:
        """The whole answer."""
        return "".join(self.tokens)


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts; `cached_tokens` are part of `prompt_tokens`."""

    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Everything a response says; at least one choice."""

    choices: tuple[Choice, ...]
    usage: Usage


def compose(request: ChatRequest, knobs: Knobs) -> Answer:
    """The answer to a request."""
    opening = _opening(request)
    seed = _seed(request, knobs.base)
    choices = tuple(_choice(request, _length(knobs), opening, seed, index) for index in range(request.choices))
    prompt = _prompt_tokens(request)
    usage = Usage(prompt, min(knobs.cached_tokens, prompt), sum(len(choice.tokens) for choice in choices))
    return Answer(choices, usage)


def _choice(request: ChatRequest, length: int, opening: list[str], seed: bytes, index: int) -> Choice:
    limit = length if request.max_tokens is None else min(length, request.max_tokens)
    digest = hashlib.shake_128(b"%d %s" % (index, seed)).digest(max(0, limit - len(opening)))
    tokens = [*opening, *(_WORDS[byte & 63] for byte in digest)][:limit]
    if limit == length > len(opening):
        tokens[-1] = "."
    finish = Finish.END if limit == length else Finish.LENGTH
    return _stopped(tuple(tokens), finish, request.stops)


def _stopped(tokens: tuple[str, ...], finish: Finish, stops: tuple[str, ...]) -> Choice:
    if stops:
        text = "".join(tokens)
        found = [(place, stop) for stop in stops if (place := text.find(stop)) >= 0]
        if found:
            place, stop = min(found)
            return Choice(tuple(split_tokens(text[:place])), Finish.STOP_SEQUENCE, stop)
    return Choice(tokens, finish)


def _opening(request: ChatRequest) -> list[str]:
    asked = next((turn.text for turn in reversed(request.turns) if turn.role == "user"), "")
    # A prompt may be very long; what is echoed of it stands at its front.
    folded = " ".join(asked[:1000].split())
    return ["Echo", ":", *split_tokens(f" {folded}" if folded else "")[:ECHOED_TOKENS]]


def _seed(request: ChatRequest, base: str) -> bytes:
    hashed = hashlib.blake2b(base.encode(), digest_size=16)
    for turn in request.turns:
        hashed.update(b"\0".join((b"", turn.role.encode(), turn.text.encode(), *turn.attachments)))
    return hashed.digest()


def _prompt_tokens(request: ChatRequest) -> int:
    return sum(
        count_tokens(turn.text) + FRAME_TOKENS + ATTACHMENT_TOKENS * len(turn.attachments) for turn in request.turns
    )


def _length(knobs: Knobs) -> int:
    if knobs.tokens is not None:
        return knobs.tokens
    return LARGE_LENGTH if "large" in knobs.base else LENGTH
