"""A stream of questions through the semantic cache's rules, with labels in the place of models' answers.

The same code decides here and in the cache worker; only its tables are lists here, and its nearest neighbours exact.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ingestion.embedding.wordllama import WordLlamaModel
from workers.cache.semantic.bound import upper_bound
from workers.cache.semantic.candidates import NEIGHBOURS, Candidate, Neighbour, candidate_of
from workers.cache.semantic.guards import agree, facts_of
from workers.cache.semantic.learning import CLOSED, CONFIDENCE, WINDOW, Outcome, Rule, is_due, learn

_AT_ONCE = 512
_KNOWN_NEIGHBOURS = 400


@dataclass(slots=True)
class Tally:
    """What happened to some questions: answered from the cache, of these wrongly, and sent on although it might be."""

    asked: int = 0
    hits: int = 0
    wrong: int = 0
    verified: int = 0

    @property
    def rate(self) -> float:
        """The share of hits that were wrong."""
        return self.wrong / self.hits if self.hits else 0.0

    @property
    def bound(self) -> float:
        """Its upper bound at 95 %."""
        return upper_bound(self.wrong, self.hits, CONFIDENCE)


@dataclass(slots=True)
class Questions:
    """Texts with what the cache knows of them; `nearest` are others by their similarity, the nearest first."""

    labels: Sequence[str]
    vectors: NDArray[np.float32]
    facts: Sequence[str]
    nearest: tuple[NDArray[np.int64], NDArray[np.float32]]


def embedded(texts: Sequence[str]) -> NDArray[np.float32]:
    """(texts, 256)."""
    model = WordLlamaModel()
    parts = [model.embed_now(texts[begin : begin + _AT_ONCE]) for begin in range(0, len(texts), _AT_ONCE)]
    return np.concatenate(parts)


def questions(texts: Sequence[str], labels: Sequence[str]) -> Questions:
    """Embed them, read their facts, and find each one's neighbours among all."""
    vectors = embedded(texts)
    count = min(_KNOWN_NEIGHBOURS, len(texts) - 1)
    indices, similarities = [], []
    for begin in range(0, len(texts), _AT_ONCE):
        rows = vectors[begin : begin + _AT_ONCE] @ vectors.T
        rows[np.arange(len(rows)), begin + np.arange(len(rows))] = -2
        order = np.argsort(-rows, axis=1, kind="stable")[:, :count]
        indices.append(order)
        similarities.append(np.take_along_axis(rows, order, axis=1))
    return Questions(labels, vectors, [facts_of(text) for text in texts], (np.vstack(indices), np.vstack(similarities)))


@dataclass(slots=True)
class Learner:
    """Outcomes, and the rule that they lead to."""

    target: float
    verify: float
    random: np.random.Generator
    rule: Rule = CLOSED
    outcomes: list[Outcome] = field(default_factory=list)
    new: int = 0

    def decide(self, candidate: Candidate, right: bool, tally: Tally) -> bool:
        """Whether the candidate answers. If not, the model does, and its answer says whether that was `right`."""
        opens = self.rule.opens(candidate.evidence)
        if opens and self.random.random() >= self.rule.share(self.verify, proven=candidate.is_proven):
            tally.hits += 1
            tally.wrong += not right
            return True
        tally.verified += opens
        self.outcomes.append(Outcome(candidate.evidence, right, opens))
        self.new += 1
        if is_due(self.new, len(self.outcomes)) or (opens and not right):
            self.rule, self.new = learn(self.outcomes[-WINDOW:], self.target), 0
        return False


class Replay:
    """One cache, empty at first. A question that it doesn't answer becomes an entry."""

    def __init__(self, asked: Questions, learner: Learner) -> None:
        self._asked = asked
        self._learner = learner
        self._clusters: dict[int, int] = {}
        self._right: dict[int, int] = {}
        self._wrong: dict[int, int] = {}

    def run(self, order: Sequence[int]) -> Tally:
        """Ask the questions of these numbers, one after the other."""
        tally = Tally()
        for number in order:
            tally.asked += 1
            neighbours = self._neighbours(number)
            candidate = candidate_of(neighbours)
            if candidate is None or not self._answers(number, candidate, tally):
                self._keep(number, neighbours)
        return tally

    def _answers(self, number: int, candidate: Candidate, tally: Tally) -> bool:
        right = self._asked.labels[candidate.entry_id] == self._asked.labels[number]
        if self._learner.decide(candidate, right, tally):
            return True
        counts = self._right if right else self._wrong
        counts[candidate.entry_id] = counts.get(candidate.entry_id, 0) + 1
        return False

    def _neighbours(self, number: int) -> list[Neighbour]:
        indices, similarities = (part[number] for part in self._asked.nearest)
        pairs = zip(indices.tolist(), similarities.tolist(), strict=True)
        near = [(index, value) for index, value in pairs if index in self._clusters][:NEIGHBOURS]
        if len(near) < min(NEIGHBOURS, len(self._clusters)):
            stored = np.fromiter(self._clusters, np.int64)
            all_of_them = self._asked.vectors[stored] @ self._asked.vectors[number]
            best = np.argsort(-all_of_them, kind="stable")[:NEIGHBOURS]
            near = list(zip(stored[best].tolist(), all_of_them[best].tolist(), strict=True))
        return [self._neighbour(number, index, value) for index, value in near]

    def _neighbour(self, number: int, index: int, value: float) -> Neighbour:
        facts = agree(self._asked.facts[index], self._asked.facts[number])
        cluster = self._clusters[index]
        return Neighbour(index, cluster, value, facts, self._right.get(index, 0), self._wrong.get(index, 0))

    def _keep(self, number: int, neighbours: Sequence[Neighbour]) -> None:
        """It joins the neighbours with the same answer, and these each other."""
        labels = self._asked.labels
        same = {each.cluster for each in neighbours if labels[each.entry_id] == labels[number]}
        cluster = min(same, default=number)
        if len(same) > 1:
            self._clusters |= {index: cluster for index, of in self._clusters.items() if of in same}
        self._clusters[number] = cluster
