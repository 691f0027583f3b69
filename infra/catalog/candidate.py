"""A text that may become the catalogue in force."""

from typing import NamedTuple


class Candidate(NamedTuple):
    """`at` is when it was last changed, in seconds since 1970; `origin` where it was found, for people to read."""

    raw: bytes
    at: float
    origin: str
