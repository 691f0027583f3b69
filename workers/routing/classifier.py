"""What class of prompt a text is of, from its vector and from what can be told of it at a glance."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from workers.routing.examples import GENERAL, Examples
from workers.routing.features import Features, Values, cut, features_of, row
from workers.routing.regression import Matrix, Regression, fit, held_out_scores, temperature_of

THRESHOLD = 0.4
"""Confidence below which a prompt counts as general; with five classes, chance alone is 0.2."""
_RIDGE = 2.0
_FOLDS = 3


class TextModel(Protocol):
    """Turns texts into vectors of length 1, in the calling thread."""

    def embed_now(self, texts: Sequence[str]) -> Values: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """A class and its probability; `likeliest` is what it would be without the threshold."""

    name: str
    confidence: float
    likeliest: str
    probabilities: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Classifier:
    """Trained weights. `threshold`: below that confidence the class is `general`."""

    classes: tuple[str, ...]
    regression: Regression
    threshold: float = THRESHOLD
    general: str = GENERAL

    def classify(self, vector: Values, features: Features) -> Verdict:
        """The class of one text."""
        found = self.regression.probabilities(row(vector, features))
        best = int(found.argmax())
        confidence, likeliest = float(found[best]), self.classes[best]
        name = likeliest if confidence >= self.threshold else self.general
        return Verdict(name, confidence, likeliest, dict(zip(self.classes, map(float, found), strict=True)))


def train(examples: Examples, model: TextModel, *, threshold: float = THRESHOLD, general: str = GENERAL) -> Classifier:
    """Train on examples: half a second of one core for a thousand, always with the same result.

    The confidence is calibrated on texts that were held out: of those with 0.8, some 80 % are right, among texts like
    the examples; others may be worse.
    """
    names = tuple(examples)
    rows, classes = rows_of(examples, model)
    scores = held_out_scores(rows, classes, len(names), _RIDGE, _FOLDS)
    weights = fit(rows, classes, len(names), _RIDGE).astype(np.float32)
    return Classifier(names, Regression(weights, temperature_of(scores, classes)), threshold, general)


def rows_of(examples: Examples, model: TextModel) -> tuple[Matrix, np.ndarray[tuple[int], np.dtype[np.intp]]]:
    """A classifier's input for each text, and the number of its class."""
    texts = [cut(text) for listed in examples.values() for text in listed]
    vectors = model.embed_now(texts)
    rows = np.stack([row(vector, features_of(text)) for vector, text in zip(vectors, texts, strict=True)])
    classes = np.repeat(np.arange(len(examples)), [len(listed) for listed in examples.values()])
    return rows.astype(np.float64), classes


def held_out(examples: Examples, model: TextModel, parts: int = 5) -> list[tuple[str, str]]:
    """Each example's class, and what it is taken for by a classifier that was trained without it."""
    names = tuple(examples)
    rows, classes = rows_of(examples, model)
    found = held_out_scores(rows, classes, len(names), _RIDGE, parts).argmax(axis=1)
    return [(names[own], names[taken]) for own, taken in zip(classes, found, strict=True)]
