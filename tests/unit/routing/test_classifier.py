"""What a prompt is taken for: by examples that none of these prompts is among."""

import csv
import json
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from benchmarks.routing import SETS
from infra.settings import SettingsError
from ingestion.embedding.wordllama import WordLlamaModel
from tests.support.shared_data import shared_data
from workers.routing.classifier import Classifier, Verdict, held_out, train
from workers.routing.examples import CLASSES, parse, shipped
from workers.routing.features import LONGEST, cut, features_of


@cache
def model() -> WordLlamaModel:
    return WordLlamaModel()


@cache
def classifier() -> Classifier:
    return train(shipped(), model())


def verdict(prompt: str, by: Callable[[], Classifier] = classifier) -> Verdict:
    text = cut(prompt)
    return by().classify(model().embed_now([text])[0], features_of(text))


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("when will my new washing machine be delivered", "faq"),
        ("I was charged for a subscription I cancelled. How do I get my money back?", "faq"),
        ("def area(r: float) -> float:\n    '''Return the area of a circle with radius r.'''\n", "code"),
        ("Write a Rust function that counts the words of a file, with a test.", "code"),
        ("A baker has 96 rolls and sells 5 an hour to each of 4 cafés. After how many hours are 16 left?", "reasoning"),
        ("Prove that the sum of two odd integers is even.", "reasoning"),
        ("According to our internal security handbook, how long must passwords be?", "internal"),
        ("Write a poem about a lighthouse in winter, in four verses.", "general"),
        ("Translate the following sentence into Italian: The harbour was quiet that morning.", "general"),
    ],
)
def test_a_prompt_is_of_the_class_that_people_would_name(prompt: str, expected: str):
    assert verdict(prompt).name == expected


def test_probabilities_are_of_all_classes_and_sum_to_one():
    found = verdict("where is my parcel")
    assert set(found.probabilities) == set(CLASSES)
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.confidence == max(found.probabilities.values())


def test_what_is_not_clear_counts_as_general_and_says_what_it_would_have_been():
    sure = Classifier(classifier().classes, classifier().regression, threshold=1.01)
    found = verdict("where is my parcel", lambda: sure)
    assert (found.name, found.likeliest) == ("general", "faq")


def test_training_twice_gives_the_same_weights():
    again = train(shipped(), model())
    np.testing.assert_array_equal(again.regression.weights, classifier().regression.weights)
    assert again.regression.temperature == classifier().regression.temperature


def test_texts_that_were_held_out_are_mostly_taken_for_their_own_class():
    pairs = held_out(shipped(), model(), 2)
    right = sum(own == taken for own, taken in pairs) / len(pairs)
    assert len(pairs) == sum(map(len, shipped().values()))
    # The shipped classes differ: a random class would be right in one case of five.
    assert right > 0.8


@pytest.mark.parametrize("text", ["", " ", "\n", "?", "。", "\x00", "🙂" * 50, "a" * (3 * LONGEST)])
def test_any_text_has_features_between_nothing_and_a_little_over_one(text: str):
    values = np.asarray(features_of(cut(text)))
    assert np.isfinite(values).all()
    assert values.min() >= 0
    assert values.max() < 3
    assert verdict(text).name in CLASSES


def test_no_text_takes_long_to_look_at():
    hostile = ("\n", " ", "a_", "a b ", "((", "public ", "x = ", "1,", "\\a", "int a ", "a<", "'", '"', "$ ", "aA")
    begun = time.process_time()
    for part in hostile:
        features_of(cut(part * LONGEST))
    # Two milliseconds each on a slow machine; what is not linear takes a second.
    assert time.process_time() - begun < 1


def test_of_a_long_text_the_beginning_and_the_end_are_looked_at():
    text = cut(f"begin{'x' * 10 * LONGEST}end?")
    assert len(text) <= LONGEST + 1
    assert (text[:5], text[-4:]) == ("begin", "end?")


@pytest.mark.parametrize(
    ("text", "place"), [("faq: [a]\n- b", "no YAML"), ("faq: []", "faq"), ("faq: [1, '']", "faq.0"), ("[a]", "file")]
)
def test_wrong_examples_are_refused_with_the_place_that_is_wrong(text: str, place: str):
    with pytest.raises(SettingsError, match=place):
        parse(text, "mine.yaml")


def test_examples_are_each_of_one_class():
    texts = [text for listed in shipped().values() for text in listed]
    assert len(texts) == len(set(texts))


@pytest.mark.shared_data
@pytest.mark.parametrize("name", SETS)
def test_prompts_that_no_example_comes_from_are_classified_right(name: str):
    label, read = SETS[name]
    prompts = read(shared_data(name))
    found = [verdict(prompt).name for prompt in prompts]
    assert found.count(label) / len(found) >= 0.9


@pytest.mark.shared_data
def test_no_example_is_a_prompt_of_a_data_set():
    prompts = {" ".join(text.lower().split()) for name, found in SETS.items() for text in found.read(shared_data(name))}
    prompts |= _training_splits(shared_data("clinc150"), shared_data("banking77"))
    ours = [text for listed in shipped().values() for text in listed]
    assert [text for text in ours if " ".join(text.lower().split()) in prompts] == []


def _training_splits(clinc: Path, banking: Path) -> set[str]:
    found = json.loads((clinc / "data_full.json").read_text("utf-8"))
    with (banking / "train.csv").open(encoding="utf-8", newline="") as file:
        texts = [row["text"] for row in csv.DictReader(file)] + [text for text, _ in found["train"]]
    return {" ".join(text.lower().split()) for text in texts}
