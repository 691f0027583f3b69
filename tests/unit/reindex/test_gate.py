"""The gate, on figures: what lets a version through, and the sentence that keeps it out."""

import pytest

from contracts.retrieval import EvaluationAnswered, Measured, ReadBack
from infra.index.reindexing import Lacking
from workers.reindex.gate import too_few, verdict

LIVE, NEXT = 7, 8


def measured(version: int, ndcg: float, name: str = "faq", mode: str = "hybrid") -> Measured:
    return Measured(
        version=version, state="", mode=mode, evaluation_set=name, ndcg=ndcg, recall=1.0, mrr=1.0, queries=9
    )


def answer(*of: Measured, found: int = 50, sampled: int = 50) -> EvaluationAnswered:
    return EvaluationAnswered(measured=of, read_back=(ReadBack(version=NEXT, sampled=sampled, found=found),))


def judged(given: EvaluationAnswered, *, loss: float = 0.02, live: int | None = LIVE, chunks: int = 100) -> str | None:
    return verdict(given, NEXT, live, chunks=chunks, loss=loss)


def test_a_version_that_holds_all_and_is_no_worse_may_answer():
    assert too_few(Lacking(0)) is None
    assert judged(answer(measured(LIVE, 0.7), measured(NEXT, 0.7))) is None


def test_a_document_that_only_the_live_version_holds_keeps_it_out():
    assert too_few(Lacking(1, "a.pdf", "it is encrypted")) == (
        "the live index has one document that could not be indexed anew, «a.pdf» for one: it is encrypted"
    )
    assert too_few(Lacking(12, "a.pdf")) == (
        "the live index has 12 documents that could not be indexed anew, «a.pdf» for one"
    )


@pytest.mark.parametrize(("found", "passes"), [(50, True), (45, True), (44, False), (0, False)])
def test_nine_in_ten_of_the_sample_have_to_be_found(found: int, passes: bool):
    said = judged(answer(found=found))
    assert (said is None) == passes
    if not passes:
        assert said == f"of 50 chunks of the new index only {found} were found by their own text"


def test_a_version_that_was_not_sampled_is_not_trusted_unless_it_is_empty():
    for given in (EvaluationAnswered(), answer(sampled=0, found=0)):
        assert judged(given) == "no sample of the new index could be read back"
        assert judged(given, chunks=0) is None


@pytest.mark.parametrize(
    ("before", "after", "loss", "passes"),
    [
        (0.70, 0.68, 0.02, True),
        (0.70, 0.679, 0.02, False),
        (0.70, 0.699, 0.0, False),
        (0.70, 0.9, 0.0, True),
        (0.70, 0.0, 1.0, True),
    ],
)
def test_quality_may_fall_by_as_much_as_was_allowed(before: float, after: float, loss: float, passes: bool):
    said = judged(answer(measured(LIVE, before), measured(NEXT, after)), loss=loss)
    assert (said is None) == passes
    if not passes:
        assert said == f"nDCG@10 on «faq» would fall from 0.700 to {after:.3f}, by more than {loss:g}"


def test_quality_is_judged_on_each_set_by_what_a_search_does():
    worse_leg = (measured(LIVE, 0.9, mode="text"), measured(NEXT, 0.1, mode="text"))
    assert judged(answer(measured(LIVE, 0.7), measured(NEXT, 0.7), *worse_leg)) is None
    sets = (measured(LIVE, 0.5, "a"), measured(NEXT, 0.9, "a"), measured(LIVE, 0.9, "b"), measured(NEXT, 0.5, "b"))
    assert "on «b» would fall" in (judged(answer(*sets)) or "")


def test_without_a_live_version_there_is_nothing_to_be_worse_than():
    assert judged(answer(measured(NEXT, 0.1)), live=None) is None
