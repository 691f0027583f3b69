"""The route of a request, as its header carries it: tiers of deployments of equal rank, tried one after the other."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from urllib.parse import quote, unquote

_SAFE = "/:@.*+-_~"


class Candidate(NamedTuple):
    """One deployment that may answer. `model` is the name it is asked for; None where that is the caller's own."""

    deployment: str
    model: str | None = None


Tier = tuple[Candidate, ...]


def encode_route(tiers: Iterable[Sequence[Candidate]]) -> str:
    """`a,b;c=claude-haiku`: see `contracts.envelope.Envelope.deployments`."""
    return ";".join(",".join(_encode(candidate) for candidate in tier) for tier in tiers if tier)


def decode_route(header: str) -> tuple[Tier, ...]:
    """The tiers again; an empty header has none."""
    return tuple(tuple(_decode(entry) for entry in tier.split(",")) for tier in header.split(";") if tier)


def _encode(candidate: Candidate) -> str:
    return candidate.deployment + (f"={quote(candidate.model, _SAFE)}" if candidate.model is not None else "")


def _decode(entry: str) -> Candidate:
    deployment, named, model = entry.partition("=")
    return Candidate(deployment, unquote(model) if named else None)
