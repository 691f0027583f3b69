"""What is kept of an evaluation."""

from datetime import UTC, datetime

from contracts.retrieval import Measured, ReadBack
from workers.retrieval.quality import kept

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def measured(name: str, mode: str = "text", ndcg: float = 0.5) -> Measured:
    return Measured(version=1, state="live", mode=mode, evaluation_set=name, ndcg=ndcg, recall=0.6, mrr=0.7, queries=9)


def test_the_first_figures_are_kept_by_set_and_mode():
    found = kept(None, [measured("b"), measured("a")], ReadBack(version=1, sampled=4, found=3), {"a", "b"}, NOW)
    assert [each["evaluation_set"] for each in found["measured"]] == ["a", "b"]
    assert found["measured"][0] == {
        "evaluation_set": "a",
        "mode": "text",
        "ndcg": 0.5,
        "recall": 0.6,
        "mrr": 0.7,
        "queries": 9,
    }
    assert found["read_back"] == {"sampled": 4, "found": 3}
    assert found["measured_at"] == "2026-01-02T03:04:05.000Z"


def test_newer_figures_replace_those_of_the_same_set_and_mode():
    before = kept(None, [measured("a"), measured("a", "vector")], ReadBack(version=1, sampled=4, found=3), {"a"}, NOW)
    after = kept(before, [measured("a", ndcg=0.9)], None, {"a"}, NOW)
    assert {each["mode"]: each["ndcg"] for each in after["measured"]} == {"text": 0.9, "vector": 0.5}
    assert after["read_back"] == {"sampled": 4, "found": 3}


def test_figures_of_a_set_that_is_gone_go_with_it():
    before = kept(None, [measured("gone"), measured("a")], None, {"gone", "a"}, NOW)
    after = kept(before, [measured("a")], None, {"a"}, NOW)
    assert [each["evaluation_set"] for each in after["measured"]] == ["a"]
