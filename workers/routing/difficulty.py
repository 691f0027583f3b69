"""Does a prompt need the strong model? A second classifier, trained on a tenant's own judged answers; off until it is.

What it saves is a curve, not a figure: the more calls go to the strong model, the better the answers and the dearer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import orjson
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from infra.settings import SettingsError
from workers.routing.classifier import TextModel
from workers.routing.features import Features, Values, cut, features_of, row
from workers.routing.regression import Matrix, Regression, fit, held_out_scores, temperature_of

_RIDGE, _FOLDS = 8.0, 5
FEWEST = 20
"""Judged prompts: fewer train nothing that can be told from chance."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A prompt, and how good both models' answers to it were, each from 0 to 1."""

    prompt: str
    weak: float
    strong: float

    @property
    def is_hard(self) -> bool:
        """Whether the strong model's answer was better."""
        return self.strong > self.weak


@dataclass(frozen=True, slots=True)
class Point:
    """Of the curve: above `threshold` prompts go to the strong model, which is `strong_calls` of them.

    `quality` is the mean of the answers that are given then; `by_chance` what as many strong calls give at random.
    """

    threshold: float
    strong_calls: float
    quality: float
    by_chance: float


class Weights(BaseModel):
    """Trained weights as they travel. `revision` is the embedding model's: those of another one mean nothing."""

    model_config = ConfigDict(extra="forbid")

    revision: str
    temperature: float = Field(gt=0, allow_inf_nan=False)
    weights: list[float]


def train_difficulty(judged: Sequence[Judged], model: TextModel) -> Regression:
    """Train on judged answers: the second class is «hard». Raises `SettingsError` for too few, or all of one kind."""
    rows, hard = _rows(judged, model)
    scores = held_out_scores(rows, hard, 2, _RIDGE, _FOLDS)
    return Regression(fit(rows, hard, 2, _RIDGE).astype(np.float32), temperature_of(scores, hard))


def difficulty_of(trained: Regression, vector: Values, features: Features) -> float:
    """The probability that the strong model's answer would be better."""
    return float(trained.probabilities(row(vector, features))[1])


def curve_of(judged: Sequence[Judged], model: TextModel, points: int = 21) -> list[Point]:
    """The curve on prompts that were held out, from all weak to all strong."""
    rows, hard = _rows(judged, model)
    scores = held_out_scores(rows, hard, 2, _RIDGE, _FOLDS)
    likely = Regression(np.eye(2), temperature_of(scores, hard)).probabilities(scores)[:, 1]
    order = np.argsort(-likely, kind="stable")
    weak = np.array([one.weak for one in judged])[order]
    strong = np.array([one.strong for one in judged])[order]
    found = []
    for share in np.linspace(0, 1, points):
        taken = round(share * len(judged))
        quality = (strong[:taken].sum() + weak[taken:].sum()) / len(judged)
        by_chance = weak.mean() + taken / len(judged) * (strong.mean() - weak.mean())
        threshold = 1.0 if taken == 0 else float(likely[order[taken - 1]])
        found.append(Point(threshold, taken / len(judged), float(quality), float(by_chance)))
    return found


def calls_for(curve: Sequence[Point], share: float) -> Point:
    """The point with the fewest strong calls whose quality is at least that share of the strong model's own."""
    wanted = share * curve[-1].quality
    return next((point for point in curve if point.quality >= wanted), curve[-1])


def chance_needs(curve: Sequence[Point], share: float) -> float:
    """The share of strong calls that gives as much at random."""
    weak, strong = curve[0].quality, curve[-1].quality
    return min(1.0, max(0.0, (share * strong - weak) / (strong - weak))) if strong > weak else 0.0


def write_weights(trained: Regression, revision: str) -> bytes:
    """As they travel: some kilobytes, and no text of anybody's."""
    numbers = [float(value) for value in np.asarray(trained.weights).ravel()]
    return orjson.dumps({"revision": revision, "temperature": trained.temperature, "weights": numbers})


def read_weights(raw: bytes, revision: str, inputs: int) -> Regression:
    """The weights again. Raises `SettingsError` for what is none, or of another model or version of the features."""
    try:
        found = Weights.model_validate_json(raw)
    except ValidationError as error:
        raise SettingsError(f"these are no weights: {error.errors()[0]['msg']}.") from None
    weights = np.asarray(found.weights, np.float32)
    if found.revision != revision or len(weights) != 2 * inputs or not np.isfinite(weights).all():
        raise SettingsError("these weights are of another embedding model or another version: train again.")
    return Regression(weights.reshape(inputs, 2), found.temperature)


def _rows(judged: Sequence[Judged], model: TextModel) -> tuple[Matrix, NDArray[np.intp]]:
    hard = np.array([one.is_hard for one in judged], np.intp)
    if len(judged) < FEWEST or not _FOLDS <= hard.sum() <= len(hard) - _FOLDS:
        raise SettingsError(
            f"{FEWEST} judged prompts are the fewest, {_FOLDS} of them hard and {_FOLDS} not: "
            f"there are {len(judged)}, {int(hard.sum())} of them hard."
        )
    texts = [cut(one.prompt) for one in judged]
    vectors = model.embed_now(texts)
    rows = np.stack([row(vector, features_of(text)) for vector, text in zip(vectors, texts, strict=True)])
    return rows.astype(np.float64), hard
