"""Multinomial logistic regression: trained in some hundredths of a second, always to the same weights."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]

_STEPS = 100
"""After so many the probabilities of the shipped examples change in the third digit."""


_ONE_THREAD = 65_000
"""Multiplications: on some machines OpenBLAS has threads from 65,536 on (interface/gemm.c)."""


@dataclass(frozen=True, slots=True)
class Regression:
    """`weights` has a row for each input and a column for each class; `temperature` divides what comes out."""

    weights: NDArray[np.floating]
    temperature: float = 1.0

    def probabilities(self, rows: NDArray[np.floating]) -> Matrix:
        """The probability of each class, for one row or for many."""
        return softmax(np.asarray(rows @ self.weights / self.temperature, np.float64))


def softmax(scores: Matrix) -> Matrix:
    """Scores to probabilities, along the last axis."""
    raised = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return np.asarray(raised / raised.sum(axis=-1, keepdims=True))


def fit(rows: Matrix, classes: NDArray[np.intp], number: int, ridge: float) -> Matrix:
    """The weights that are likeliest, for a penalty of `ridge` / 2 times their squares.

    A class counts with the root of its examples' number: so one of few is heard, and one of many is expected more.

    It is Newton's method with Böhning's bound in place of the Hessian: that is the same in each step, so it is inverted
    once, and every step makes the loss smaller (Böhning 1992, doi:10.1007/BF00048682).
    """
    counts = np.bincount(classes, minlength=number)
    balance = np.sqrt(len(classes) / number / np.maximum(counts, 1))[classes]
    target = np.eye(number)[classes]
    bound = (rows * balance[:, None]).T @ rows / 2 + ridge * np.eye(rows.shape[1])
    inverse = np.asarray(np.linalg.inv(bound), np.float64)
    weights = np.zeros((rows.shape[1], number))
    momentum = weights
    for step in range(_STEPS):
        # Nesterov's acceleration: a third of the steps for the same loss.
        wrong: Matrix = balance[:, None] * (target - softmax(_product(rows, momentum)))
        gradient = _product(rows.T, wrong) - ridge * momentum
        before, weights = weights, momentum + _product(inverse, gradient)
        momentum = weights + step / (step + 3) * (weights - before)
    return weights


def _product(one: Matrix, other: Matrix) -> Matrix:
    """Their matrix product, in parts that OpenBLAS computes on the calling thread.

    On two busy cores its threads wait for each other: a hundred steps take ten times the CPU with them.
    """
    rows = max(1, _ONE_THREAD // other.size)
    return np.concatenate([one[begin : begin + rows] @ other for begin in range(0, len(one), rows)])


def folds(count: int, parts: int) -> list[NDArray[np.bool_]]:
    """For each part the rows that are held out: every `parts`-th one."""
    return [np.arange(count) % parts == part for part in range(parts)]


def held_out_scores(rows: Matrix, classes: NDArray[np.intp], number: int, ridge: float, parts: int) -> Matrix:
    """The scores of each row by weights that were trained without it."""
    scores = np.empty((len(rows), number))
    for held in folds(len(rows), parts):
        scores[held] = rows[held] @ fit(rows[~held], classes[~held], number, ridge)
    return scores


def temperature_of(scores: Matrix, classes: NDArray[np.intp]) -> float:
    """What held-out scores are divided by, to be likeliest as probabilities (Guo et al. 2017, arXiv:1706.04599)."""
    tried = np.geomspace(0.2, 5.0, 80)
    own = np.arange(len(classes)), classes
    losses = [-np.log(softmax(scores / temperature)[own] + 1e-12).mean() for temperature in tried]
    return float(tried[int(np.argmin(losses))])
