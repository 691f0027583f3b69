"""Strong or weak: what a tenant's judged answers teach, and what that is worth."""

from itertools import pairwise

import numpy as np
import pytest

from infra.settings import SettingsError
from ingestion.embedding.wordllama import WordLlamaModel
from workers.routing.difficulty import (
    Judged,
    calls_for,
    chance_needs,
    curve_of,
    difficulty_of,
    read_weights,
    train_difficulty,
    write_weights,
)
from workers.routing.features import INPUTS, features_of

MODEL = WordLlamaModel()
PLACES = ("Rome", "Oslo", "Lima", "Cairo", "Quito", "Delhi", "Turin", "Malmö", "Porto", "Accra", "Osaka", "Perth")
EASY = [Judged(f"What is the weather like in {place} today?", 1, 1) for place in PLACES]
HARD = [
    Judged(f"Prove that the number of bridges of {place} in the graph below is even, step by step.", 0, 1)
    for place in PLACES
]
JUDGED = [one for pair in zip(EASY, HARD, strict=True) for one in pair]


def test_what_was_hard_for_the_weak_model_is_told_from_what_was_not():
    trained = train_difficulty(JUDGED, MODEL)
    easy, hard = "What is the weather like in Lyon today?", "Prove that the number of edges is even, step by step."
    scores = [
        difficulty_of(trained, vector, features_of(text))
        for text, vector in zip((easy, hard), MODEL.embed_now([easy, hard]), strict=True)
    ]
    assert scores[0] < 0.5 < scores[1]


def test_the_curve_goes_from_all_weak_to_all_strong_and_beats_chance_where_prompts_tell():
    curve = curve_of(JUDGED, MODEL)
    assert (curve[0].strong_calls, curve[0].quality) == (0, pytest.approx(0.5))
    assert (curve[-1].strong_calls, curve[-1].quality) == (1, pytest.approx(1))
    assert all(before.quality <= after.quality for before, after in pairwise(curve))
    needed = calls_for(curve, 0.95)
    assert needed.strong_calls <= 0.55
    assert chance_needs(curve, 0.95) == pytest.approx(0.9)
    assert needed.quality > needed.by_chance


def test_weights_are_the_same_after_their_way():
    trained = train_difficulty(JUDGED, MODEL)
    again = read_weights(write_weights(trained, MODEL.revision), MODEL.revision, INPUTS)
    np.testing.assert_allclose(again.weights, trained.weights, rtol=1e-6)


@pytest.mark.parametrize("raw", [b"", b"{}", b"[]", b'{"revision": "x", "temperature": 1, "weights": [1, 2]}'])
def test_what_is_no_weights_is_refused(raw: bytes):
    with pytest.raises(SettingsError):
        read_weights(raw, MODEL.revision, INPUTS)


def test_weights_of_another_embedding_model_are_refused():
    raw = write_weights(train_difficulty(JUDGED, MODEL), "another")
    with pytest.raises(SettingsError, match="another embedding model"):
        read_weights(raw, MODEL.revision, INPUTS)


@pytest.mark.parametrize("judged", [[], JUDGED[:10], EASY * 3])
def test_too_few_or_all_of_a_kind_train_nothing(judged: list[Judged]):
    with pytest.raises(SettingsError, match="fewest"):
        train_difficulty(judged, MODEL)
