"""NKeys: Ed25519 keys in the spelling of NATS (github.com/nats-io/nkeys, README and strkey.go).

base32 without padding of: a prefix that says what the key is of, 32 bytes, and their CRC-16 (XMODEM), low byte first.
A seed has two prefixes in two bytes: S, and that of its public key.
"""

import base64
import binascii
import hmac
import os
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

_SEED = 18 << 3
_RAW, _CRC = 32, 2


class NKeyError(ValueError):
    """What should be a seed is none; the message never holds it."""


class Kind(Enum):
    """What a key is of: the value is the prefix byte, which makes the first letter O, A or U."""

    OPERATOR = 14 << 3
    ACCOUNT = 0
    USER = 20 << 3


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A key of one kind. `secret` is the 32 bytes that both halves are made from (RFC 8032, section 5.1.5)."""

    kind: Kind
    secret: bytes = field(repr=False)

    @classmethod
    def new(cls, kind: Kind) -> "KeyPair":
        """A random one."""
        return cls(kind, os.urandom(_RAW))

    @classmethod
    def from_seed(cls, text: str) -> "KeyPair":
        """Read `SO…`, `SA…` or `SU…`. Raises `NKeyError`."""
        raw = _decoded(text.strip())
        if raw[0] & 0xF8 != _SEED:
            raise NKeyError("this is no seed: one begins with S")
        prefix = (raw[0] & 0x07) << 5 | (raw[1] & 0xF8) >> 3
        try:
            return cls(Kind(prefix), raw[2:])
        except ValueError:
            raise NKeyError("this is no seed of an operator, an account or a user") from None

    @property
    def seed(self) -> str:
        """The secret half as text."""
        prefix = self.kind.value
        return _encoded(bytes((_SEED | prefix >> 5, (prefix & 0x1F) << 3)) + self.secret)

    @property
    def public(self) -> str:
        """The public half as text: it names whose key it is everywhere in NATS."""
        key = self._private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        return _encoded(bytes((self.kind.value,)) + key)

    def sign(self, data: bytes) -> bytes:
        """64 bytes of Ed25519."""
        return self._private.sign(data)

    def derive(self, kind: Kind, purpose: str) -> "KeyPair":
        """Another key that only the holder of this one can make, the same for the same purpose: nothing is stored."""
        message = f"penstock nats {kind.name.lower()}\0{purpose}".encode()
        return KeyPair(kind, hmac.digest(self.secret, message, sha256))

    @property
    def _private(self) -> Ed25519PrivateKey:
        return Ed25519PrivateKey.from_private_bytes(self.secret)


def _encoded(raw: bytes) -> str:
    checked = raw + binascii.crc_hqx(raw, 0).to_bytes(_CRC, "little")
    return base64.b32encode(checked).decode().rstrip("=")


def _decoded(text: str) -> bytes:
    """Two bytes of prefixes and 32 of key. Raises `NKeyError`."""
    try:
        checked = base64.b32decode(text + "=" * (-len(text) % 8))
    except binascii.Error:
        raise NKeyError("this is no seed: it is not base32") from None
    raw, crc = checked[:-_CRC], checked[-_CRC:]
    if len(raw) != 2 + _RAW or binascii.crc_hqx(raw, 0).to_bytes(_CRC, "little") != crc:
        raise NKeyError("this is no seed: its check sum is wrong")
    return raw
