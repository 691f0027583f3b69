"""How often a classifier is right: a confusion matrix and what follows from it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple


class ClassFigures(NamedTuple):
    """Of one class: how many prompts are of it, the share of these that is found, and of those taken for it that is."""

    prompts: int
    recall: float | None
    precision: float | None


@dataclass(frozen=True, slots=True)
class Confusion:
    """Counts of (label, class that was found)."""

    counts: Counter[tuple[str, str]]

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]]) -> "Confusion":
        """From pairs of a label and what was found."""
        return cls(Counter(pairs))

    @property
    def total(self) -> int:
        """How many prompts there are."""
        return self.counts.total()

    @property
    def accuracy(self) -> float:
        """The share that is right; 0 of none."""
        right = sum(count for (label, found), count in self.counts.items() if label == found)
        return right / self.total if self.total else 0.0

    def labels(self, order: Iterable[str]) -> list[str]:
        """Every name that is there, those of `order` first."""
        known = {name for pair in self.counts for name in pair}
        first = [name for name in order if name in known]
        return [*first, *sorted(known.difference(first))]

    def figures(self, name: str) -> ClassFigures:
        """Of one class; None where there is nothing to divide by."""
        own = sum(count for (label, _), count in self.counts.items() if label == name)
        taken = sum(count for (_, found), count in self.counts.items() if found == name)
        right = self.counts[name, name]
        return ClassFigures(own, right / own if own else None, right / taken if taken else None)
