"""What is kept of an evaluation."""

from datetime import UTC, datetime
from typing import Any
from unittest import mock

from contracts.retrieval import Measured, ReadBack
from workers.retrieval.quality import kept

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
BACK = ReadBack(version=1, sampled=4, found=3)


def measured(name: str, mode: str = "text", ndcg: float = 0.5, version: int = 1) -> Measured:
    return Measured(
        version=version, state="live", mode=mode, evaluation_set=name, ndcg=ndcg, recall=0.6, mrr=0.7, queries=9
    )


def version(quality: dict[str, Any] | None) -> mock.Mock:
    return mock.Mock(id=1, quality=quality)


def test_the_first_figures_are_kept_by_set_and_mode():
    found = kept(version(None), [measured("b"), measured("a")], BACK, {"a", "b"}, NOW)
    assert found["measured"] == [measured("a").model_dump(), measured("b").model_dump()]
    assert found["read_back"] == [{"version": 1, "sampled": 4, "found": 3}]
    assert found["measured_at"] == "2026-01-02T03:04:05.000Z"


def test_newer_figures_replace_those_of_the_same_set_and_mode():
    before = kept(version(None), [measured("a"), measured("a", "vector")], BACK, {"a"}, NOW)
    after = kept(version(before), [measured("a", ndcg=0.9)], None, {"a"}, NOW)
    assert {each["mode"]: each["ndcg"] for each in after["measured"]} == {"text": 0.9, "vector": 0.5}
    assert after["read_back"] == before["read_back"]


def test_figures_of_a_set_that_is_gone_go_with_it():
    before = kept(version(None), [measured("gone"), measured("a")], None, {"gone", "a"}, NOW)
    after = kept(version(before), [measured("a")], None, {"a"}, NOW)
    assert [each["evaluation_set"] for each in after["measured"]] == ["a"]


def test_what_a_gate_compared_it_with_is_another_versions():
    other = {"version": 2, "sampled": 4, "found": 4}
    before = {"measured": [measured("a", version=2).model_dump()], "read_back": [other, BACK.model_dump()]}
    after = kept(version(before), [measured("a", "vector")], None, {"a"}, NOW)
    assert [(each["version"], each["mode"]) for each in after["measured"]] == [(1, "vector")]
    assert after["read_back"] == [BACK.model_dump()]
