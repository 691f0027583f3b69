"""Retrieval quality of chunker, default model, BM25 and fusion on SciFact, computed directly."""

import pytest

from ingestion.evaluation import Quality
from tests.support.direct_search import Mode
from tests.support.scifact import DIRECT_NDCG, SciFact

pytestmark = pytest.mark.shared_data


@pytest.fixture(scope="module")
def quality() -> dict[Mode, Quality]:
    return SciFact.read().quality


def test_hybrid_search_is_better_than_either_of_its_parts(quality: dict[Mode, Quality]):
    assert quality["hybrid"].ndcg >= 0.67
    assert quality["hybrid"].ndcg > max(quality["vector"].ndcg, quality["text"].ndcg)
    assert quality["hybrid"].recall > max(quality["vector"].recall, quality["text"].recall)


def test_the_figures_are_those_that_the_defaults_were_chosen_by(quality: dict[Mode, Quality]):
    figures = {mode: round(found.ndcg, 3) for mode, found in quality.items()}
    assert figures == pytest.approx(DIRECT_NDCG, abs=0.002)
    assert {found.queries for found in quality.values()} == {300}
