"""What the look-up tells the fill of a request, in its envelope."""

import binascii
import json
from base64 import b64decode, b64encode
from dataclasses import dataclass

from workers.cache.semantic.candidates import Candidate

HIT, VERIFIED, ASKED = "hit", "verified", "asked"


@dataclass(frozen=True, slots=True)
class Note:
    """`kind`: answered from an entry; might have been, but the model was asked to compare; or was to be asked anyway.

    `same_answer` is the cosine from which on answers are the same; `entry_id` and `evidence` are of what was proposed.
    """

    kind: str
    scope: bytes
    group: bytes
    facts: str
    model: str
    target: float
    same_answer: float
    entry_id: int = 0
    evidence: tuple[float, ...] = ()

    def proposing(self, kind: str, candidate: Candidate) -> "Note":
        """The same request, with what was proposed for it."""
        fixed = (self.scope, self.group, self.facts, self.model, self.target, self.same_answer)
        return Note(kind, *fixed, candidate.entry_id, candidate.evidence)

    def encoded(self) -> str:
        """As a header: JSON in ASCII."""
        binary = [b64encode(part).decode() for part in (self.scope, self.group)]
        rest = [self.facts, self.model, self.target, self.same_answer, self.entry_id, list(self.evidence)]
        return json.dumps([self.kind, *binary, *rest], separators=(",", ":"))


def decoded(header: str | None) -> Note | None:
    """The note of a header; None for none, or for what another version wrote."""
    if header is None:
        return None
    try:
        kind, scope, group, facts, model, target, same_answer, entry_id, evidence = json.loads(header)
        return Note(
            str(kind),
            b64decode(scope, validate=True),
            b64decode(group, validate=True),
            str(facts),
            str(model),
            float(target),
            float(same_answer),
            int(entry_id),
            tuple(map(float, evidence)),
        )
    except (ValueError, TypeError, binascii.Error):
        return None
