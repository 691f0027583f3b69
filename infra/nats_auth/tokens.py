"""The signed tokens that nats-server reads (github.com/nats-io/jwt, version 2), and the `.creds` files of clients."""

import base64
import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.nats_auth.nkeys import KeyPair, Kind, NKeyError

_HEADER = {"typ": "JWT", "alg": "ed25519-nkey"}
_VERSION = 2
UNLIMITED = -1


class CredsError(ValueError):
    """What should be a `.creds` file is none; the message never holds any of it."""


def sign(  # noqa: PLR0913 - the fields of a token
    signer: KeyPair,
    subject: str,
    kind: str,
    body: Mapping[str, Any],
    *,
    name: str,
    issued_at: int | None = None,
    expires_at: int | None = None,
) -> str:
    """A token of `kind` (operator, account, user, activation) on `subject`, a public key; times in seconds since 1970.

    `body` is what the library calls the NATS part of the claims.
    """
    claims: dict[str, Any] = {
        "iat": int(time.time()) if issued_at is None else issued_at,
        "iss": signer.public,
        "name": name,
        "sub": subject,
        "nats": {**body, "type": kind, "version": _VERSION},
    }
    if expires_at is not None:
        claims["exp"] = expires_at
    claims["jti"] = base64.b32encode(hashlib.new("sha512_256", _json(claims)).digest()).decode().rstrip("=")
    signed = f"{_base64(_json(_HEADER))}.{_base64(_json(claims))}"
    return f"{signed}.{_base64(signer.sign(signed.encode()))}"


def claims_of(token: str) -> dict[str, Any]:
    """What a token says, its signature unchecked: for one that the server has given. Raises `ValueError`."""
    body = token.split(".")[1] if token.count(".") == 2 else ""
    claims: dict[str, Any] = json.loads(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))
    return claims


@dataclass(frozen=True, slots=True)
class Creds:
    """Who a client is: its token, and the key that it proves to be its own."""

    token: str = field(repr=False)
    key: KeyPair

    def signature(self, nonce: str) -> bytes:
        """What the server's nonce is answered with: base64, as the client library wants it."""
        return base64.b64encode(self.key.sign(nonce.encode()))

    def text(self) -> str:
        """As the clients of every language read it."""
        return (
            f"-----BEGIN NATS USER JWT-----\n{self.token}\n------END NATS USER JWT------\n\n"
            "************************* IMPORTANT *************************\n"
            "NKEY Seed printed below can be used to sign and prove identity.\n"
            "NKEYs are sensitive and should be treated as secrets.\n\n"
            f"-----BEGIN USER NKEY SEED-----\n{self.key.seed}\n------END USER NKEY SEED------\n\n"
            "*************************************************************\n"
        )


def read_creds(text: str) -> Creds:
    """The other way round. Raises `CredsError`."""
    token, seed = _between(text, "NATS USER JWT"), _between(text, "USER NKEY SEED")
    try:
        key = KeyPair.from_seed(seed)
    except NKeyError as error:
        raise CredsError(f"its seed can't be used: {error}") from None
    if key.kind is not Kind.USER or token.count(".") != 2:
        raise CredsError("it does not hold a user's token and seed")
    return Creds(token, key)


def _between(text: str, title: str) -> str:
    """The line behind «BEGIN title»; empty where there is none."""
    lines = iter(text.splitlines())
    found = any(f"BEGIN {title}" in line for line in lines)
    return next(lines, "").strip() if found else ""


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")
