"""The words answers are made of, and choices among them that depend on a seed alone."""

import hashlib
from collections.abc import Sequence
from typing import TypeVar

_T = TypeVar("_T")

# 64 words, so that six bits of a hash choose one; with the space before it, each is one token.
# fmt: off
WORDS = (
    "amber", "anchor", "apple", "arrow", "autumn", "basin", "beacon", "birch", "bridge", "bronze", "candle",
    "canyon", "cedar", "cloud", "copper", "coral", "crane", "delta", "ember", "falcon", "fern", "field",
    "flint", "forest", "garden", "glacier", "granite", "harbor", "hazel", "heron", "island", "ivory", "jasmine",
    "juniper", "lantern", "lemon", "linen", "maple", "marble", "meadow", "mirror", "moss", "north", "oak",
    "ocean", "olive", "orchard", "pebble", "pine", "prairie", "quartz", "raven", "reef", "river", "saddle",
    "silver", "spruce", "stone", "summit", "thunder", "timber", "valley", "willow", "winter",
)
# fmt: on
_SPACED = tuple(f" {word}" for word in WORDS)


def spaced_words(seed: bytes, count: int) -> list[str]:
    """`count` words, each with a space before it; a longer row of the same seed begins with a shorter one."""
    return [_SPACED[byte & 63] for byte in hashlib.shake_128(seed).digest(count)]


class Draw:
    """A row of choices; two of the same seed choose alike."""

    def __init__(self, seed: bytes) -> None:
        self._seed = hashlib.blake2b(seed, digest_size=32).digest()
        self._drawn = 0

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1; `limit` is at least 1."""
        self._drawn += 1
        digest = hashlib.blake2b(b"%d" % self._drawn, key=self._seed, digest_size=16).digest()
        return int.from_bytes(digest, "big") % limit

    def pick(self, options: Sequence[_T]) -> _T:
        """One of the options, of which there is at least one."""
        return options[self.below(len(options))]

    def word(self) -> str:
        """One of the words."""
        return self.pick(WORDS)
