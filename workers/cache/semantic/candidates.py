"""From the entries nearest to a question to the one that may answer it, and the evidence for that."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

NEIGHBOURS = 16
"""Entries that are looked at: of 10 and 16 the one with more hits within the bound on banking77's training part."""
_SHARPNESS = 0.05
"""By how much of a cosine an entry must be nearer to count e times as much."""
_FULL_SHARE = 0.99
_PRIOR_RIGHT, _PRIOR_WRONG = 5.0, 0.5
"""What an entry counts as before anything is known of it: ten right to one wrong."""


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry near a question. `cluster` is the same for entries whose answers are the same.

    `facts` says whether its numbers, names and the like are the question's; `right` and `wrong` are how often it was
    proposed and what was found then.
    """

    entry_id: int
    cluster: int
    similarity: float
    facts: bool = True
    right: int = 0
    wrong: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """The entry whose answer is proposed. `evidence` is what the rule of `learning` weighs, see `EVIDENCE`."""

    entry_id: int
    cluster: int
    similarity: float
    evidence: tuple[float, ...]

    @property
    def is_proven(self) -> bool:
        """Whether what was found when entries around it were proposed speaks for them: once right at the least.

        Else it is always verified. What a stream brings anew is nearest to something old, and taken for that until it
        has an entry of its own; a wrong hit leaves none.
        """
        return self.evidence[-1] > math.log(_PRIOR_RIGHT / _PRIOR_WRONG)


EVIDENCE = ("similarity", "share", "margin", "support", "record")
"""Its similarity; the log-odds of its cluster among the neighbours, nearer ones counting more; its lead over the best
of another cluster; the share of neighbours in its cluster; the log-odds of their having been right so far."""


def candidate_of(neighbours: Sequence[Neighbour]) -> Candidate | None:
    """The nearest entry with the question's facts in the cluster that the neighbours speak for, or None.

    `neighbours` are at most `NEIGHBOURS`, nearest first.
    """
    if not neighbours:
        return None
    weights: defaultdict[int, float] = defaultdict(float)
    for each in neighbours:
        weights[each.cluster] += math.exp((each.similarity - 1) / _SHARPNESS)
    cluster = max(weights, key=weights.__getitem__)
    proposed = next((each for each in neighbours if each.cluster == cluster and each.facts), None)
    if proposed is None:
        return None
    own = [each for each in neighbours if each.cluster == cluster]
    rival = next((each.similarity for each in neighbours if each.cluster != cluster), neighbours[-1].similarity)
    right, wrong = sum(each.right for each in own), sum(each.wrong for each in own)
    evidence = (
        proposed.similarity,
        _log_odds(weights[cluster] / sum(weights.values())),
        proposed.similarity - rival,
        len(own) / NEIGHBOURS,
        math.log((right + _PRIOR_RIGHT) / (wrong + _PRIOR_WRONG)),
    )
    return Candidate(proposed.entry_id, cluster, proposed.similarity, evidence)


def _log_odds(share: float) -> float:
    """Of a share that is kept away from 0 and 1, where it would be infinite."""
    within = min(max(share, 1 - _FULL_SHARE), _FULL_SHARE)
    return math.log(within / (1 - within))
