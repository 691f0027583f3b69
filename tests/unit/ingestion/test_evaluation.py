"""Evaluation sets and the measures over them."""

import math
from pathlib import Path

import pytest

from contracts.errors import PenstockError
from ingestion.beir import EvaluationSet, read_corpus, read_evaluation_set
from ingestion.evaluation import by_document, evaluate


@pytest.fixture
def beir(tmp_path: Path) -> Path:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "queries.jsonl").write_text(
        '{"_id": "q1", "text": "first", "metadata": {}}\n\n{"_id": "q2", "text": "second"}\n'
        '{"_id": "q3", "text": "not judged"}\n'
    )
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td1\t1\nq1\td2\t2\nq2\td3\t0\n")
    (tmp_path / "corpus.jsonl").write_text(
        '{"_id": "d1", "title": "One", "text": "text"}\n{"_id": "d2", "title": "", "text": "untitled"}\n'
        '{"_id": "d3", "text": "plain"}\n'
    )
    return tmp_path


# The layout


def test_a_set_holds_the_queries_that_are_judged(beir: Path):
    expected = EvaluationSet({"q1": "first", "q2": "second"}, {"q1": {"d1": 1, "d2": 2}, "q2": {"d3": 0}})
    assert read_evaluation_set(beir) == expected


def test_a_document_is_its_title_and_its_text(beir: Path):
    documents = {one.id: one.content for one in read_corpus(beir / "corpus.jsonl")}
    assert documents == {"d1": "One\n\ntext", "d2": "untitled", "d3": "plain"}


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("queries.jsonl", '{"_id": "q1", "text": "a"}\n{"_id": 7}', "queries.jsonl, line 2: «_id» is no text"),
        ("queries.jsonl", '{"_id": "q1", "text": "a"}', "it lacks the query «q2»"),
        ("queries.jsonl", "[]", "queries.jsonl, line 1: it is no JSON object"),
        ("queries.jsonl", "{", "queries.jsonl, line 1: it is no JSON"),
        ("queries.jsonl", b"\xff", "queries.jsonl: it is no UTF-8"),
        ("qrels/test.tsv", "q1 d1 1", "test.tsv, line 1: it holds no query, document and score"),
        ("qrels/test.tsv", "q1\td1\tgood\n", "test.tsv, line 1: it holds no query, document and score"),
        ("qrels/test.tsv", None, "test.tsv: it can't be read: No such file"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(beir: Path, file: str, content: str | bytes | None, message: str):
    (beir / file).unlink()
    if content is not None:
        (beir / file).write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(PenstockError, match=r"the evaluation set is wrong: ") as raised:
        read_evaluation_set(beir)
    assert message in raised.value.message


# The measures


def test_measures_are_means_over_the_judged_queries():
    judgements = {"q1": {"a": 1, "b": 1}, "q2": {"c": 1}}
    quality = evaluate({"q1": {"x": 3.0, "a": 2.0}, "q2": {"c": 1.0}, "unjudged": {"a": 1.0}}, judgements)
    first = (1 / math.log2(3)) / (1 + 1 / math.log2(3))
    assert quality.ndcg == pytest.approx((first + 1) / 2)
    assert quality.recall == pytest.approx((0.5 + 1) / 2)
    assert quality.reciprocal_rank == pytest.approx((0.5 + 1) / 2)
    assert quality.queries == 2


@pytest.mark.parametrize("run", [{"q1": {"a": 1.0}}, {"q1": {"a": 1.0}, "q2": {}}])
def test_a_query_that_finds_nothing_counts_as_0(run: dict[str, dict[str, float]]):
    quality = evaluate(run, {"q1": {"a": 1}, "q2": {"b": 1}})
    assert (quality.ndcg, quality.recall, quality.reciprocal_rank) == (0.5, 0.5, 0.5)


def test_only_the_first_ten_count():
    run = {"q": {f"d{number:02}": -float(number) for number in range(11)}}
    assert evaluate(run, {"q": {"d10": 1}}).recall == 0
    assert evaluate(run, {"q": {"d09": 1}}).recall == 1


def test_without_judgements_there_is_no_quality():
    assert evaluate({}, {}).queries == evaluate({}, {"q": {}}).queries == 0


def test_a_document_is_as_good_as_its_best_chunk():
    scores = by_document({"1": 0.5, "2": 0.9, "3": -0.1}, {"1": "a", "2": "a", "3": "b"})
    assert scores == {"a": 0.9, "b": -0.1}
