"""Reasoning: its words, and the marks by which Anthropic's API knows its own thinking again.

A signature is a keyed hash of the thinking's text, so the same thinking always has the same one, and a thinking that
was changed or signed elsewhere is found out. The data of redacted thinking is a hash of the seed with its own keyed
hash behind it.
"""

import base64
import binascii
import hashlib
import hmac

from infra.simulator.words import spaced_words

# No secret: it tells the simulator's own marks from other ones.
_KEY = b"penstock-simulator"
_OPENING = ("Let", " me", " think", ":")
_MARK_BYTES = 48


def thought(seed: bytes, count: int) -> tuple[str, ...]:
    """A reasoning of `count` tokens; a longer one begins with a shorter one of the same seed."""
    return (*_OPENING, *spaced_words(b"thought %s" % seed, max(0, count - len(_OPENING))))[:count]


def sign(thinking: str) -> str:
    """The signature of a thinking block with this text."""
    return base64.b64encode(_mark(thinking.encode())).decode()


def is_signed(thinking: str, signature: str) -> bool:
    """Whether `sign` gave this signature to this text."""
    return hmac.compare_digest(sign(thinking).encode(), signature.encode())


def redact(thinking: str) -> str:
    """The opaque data of a redacted_thinking block."""
    hidden = hashlib.blake2b(thinking.encode(), digest_size=_MARK_BYTES).digest()
    return base64.b64encode(hidden + _mark(hidden)).decode()


def is_redacted(data: str) -> bool:
    """Whether `redact` made this data."""
    try:
        decoded = base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return False
    return hmac.compare_digest(_mark(decoded[:_MARK_BYTES]), decoded[_MARK_BYTES:])


def _mark(content: bytes) -> bytes:
    return hashlib.blake2b(content, key=_KEY, digest_size=_MARK_BYTES).digest()
