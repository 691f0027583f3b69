"""Evaluations: what they measure agrees with a direct computation, and what is broken does not pass."""

import asyncio
import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.errors import ErrorCode
from infra.index.evaluation_sets import EvaluationSets, StoredSet
from infra.index.version import IndexVersion
from tests.support.direct_search import DirectIndex
from tests.support.index import SPEC, STORE, TENANT, Index, document_chunks, embed
from tests.support.retrieval import Retrieval

SET = StoredSet("pets", {"q1": "cat", "q2": "dog", "unjudged": "bird"}, {"q1": {"d0": 1}, "q2": {"d1": 2, "d0": 0}})


async def put(index: Index, wanted: StoredSet = SET) -> None:
    await EvaluationSets(index.engine).put(TENANT, STORE, wanted)


async def fill(index: Index, version: IndexVersion, texts: Sequence[str], vectors: NDArray[Any] | None = None) -> None:
    """A document a text, in one version."""
    given = np.array([embed(text) for text in texts]) if vectors is None else vectors
    documents = [document_chunks(f"d{number}", text, embeddings=given[[number]]) for number, text in enumerate(texts)]
    for document in documents:
        await index.register(document)
    await index.write(*documents, version=version)


def synthetic(seed: int = 7) -> tuple[list[str], StoredSet]:
    """300 texts of 60 words, of which some are frequent; 25 queries with five judged texts each."""
    draw = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(60)]
    weights = [1 / (rank + 1) for rank in range(60)]
    texts = [" ".join(draw.choices(vocabulary, weights, k=draw.randint(5, 30))) for _ in range(300)]
    queries, judgements = {}, {}
    for number in range(25):
        chosen = draw.sample(range(300), 5)
        queries[f"q{number}"] = " ".join(draw.sample(texts[chosen[0]].split(), 3))
        judgements[f"q{number}"] = {f"d{document}": draw.choice([0, 1, 2]) for document in chosen}
    return texts, StoredSet("synthetic", queries, judgements)


async def test_the_figures_are_those_of_a_direct_computation(index: Index, retrieval: Retrieval):
    texts, judged = synthetic()
    await fill(index, index.version, texts)
    await put(index, judged)
    answer = await retrieval.evaluate(modes=("vector", "text", "hybrid", "rrf"))
    units = np.array([embed(text) for text in texts])
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    direct = DirectIndex.of(((f"d{number}", text) for number, text in enumerate(texts)), units)
    vectors = np.array([embed(query) for query in judged.queries.values()])
    assert len(answer.measured) == 4
    for measured in answer.measured:
        wanted = direct.quality(measured.mode, judged.queries, vectors, judged.judgements)  # type: ignore[arg-type]
        assert (measured.ndcg, measured.recall, measured.mrr, measured.queries) == pytest.approx(
            (wanted.ndcg, wanted.recall, wanted.reciprocal_rank, wanted.queries), abs=2e-3
        ), measured.mode
        assert 0 < measured.ndcg < 1


async def test_every_version_that_can_be_gone_back_to_is_measured(index: Index, retrieval: Retrieval):
    await put(index)
    await fill(index, index.version, ["a cat", "a dog"])
    building = await index.versions.create(TENANT, STORE, SPEC)
    answer = await retrieval.evaluate(modes=("text",))
    assert [measured.version for measured in answer.measured] == [index.version.id]
    await index.versions.switch(TENANT, building.id)
    answer = await retrieval.evaluate(modes=("text",))
    assert [(each.version, each.state, each.recall) for each in answer.measured] == [
        (index.version.id, "past", 1),
        (building.id, "live", 0),
    ]


async def test_a_version_that_is_being_built_is_measured_where_it_is_named(index: Index, retrieval: Retrieval):
    await put(index)
    building = await index.versions.create(TENANT, STORE, SPEC)
    await fill(index, building, ["a cat", "a dog"])
    answer = await retrieval.evaluate(versions=(building.id,), evaluation_set="pets")
    assert [(each.mode, each.state, each.queries) for each in answer.measured] == [
        (mode, "building", 2) for mode in ("vector", "text", "hybrid")
    ]


async def test_what_was_measured_is_kept_with_its_version(index: Index, retrieval: Retrieval):
    await put(index)
    await fill(index, index.version, ["a cat", "a dog"])
    await retrieval.evaluate(modes=("text",), read_back=5)
    await put(index, StoredSet("second", {"q": "cat"}, {"q": {"d0": 1}}))
    await retrieval.evaluate(modes=("text",), evaluation_set="second")
    quality = (await index.current()).quality
    assert quality is not None
    assert [each["evaluation_set"] for each in quality["measured"]] == ["pets", "second"]
    assert quality["measured"][0]["ndcg"] == 1
    assert quality["read_back"] == [{"version": index.version.id, "sampled": 2, "found": 2}]
    await EvaluationSets(index.engine).delete(TENANT, STORE, "pets")
    await retrieval.evaluate(modes=("text",))
    quality = (await index.current()).quality
    assert quality is not None
    assert [each["evaluation_set"] for each in quality["measured"]] == ["second"]


async def test_what_was_measured_is_a_metric(index: Index, retrieval: Retrieval):
    await put(index)
    await fill(index, index.version, ["a cat", "a dog"])
    await retrieval.evaluate(modes=("text",))
    labels = {"store": STORE, "version": str(index.version.id), "mode": "text", "set": "pets"}
    for measure in ("ndcg", "recall", "mrr"):
        assert retrieval.registry.get_sample_value("penstock_retrieval_quality", labels | {"measure": measure}) == 1


async def test_chunks_that_are_found_by_their_own_text_read_back(index: Index, retrieval: Retrieval):
    texts = [f"text {number}" for number in range(40)] + ["the same in many documents"] * 20
    await fill(index, index.version, texts)
    (back,) = (await retrieval.evaluate(read_back=100)).read_back
    assert (back.sampled, back.found) == (60, 60)


@pytest.mark.parametrize(
    ("count", "vector"),
    [(2, np.ones(SPEC.dimension)), (40, np.ones(SPEC.dimension)), (40, np.zeros(SPEC.dimension))],
)
async def test_a_model_that_gives_all_texts_one_vector_does_not_read_back(
    index: Index, retrieval: Retrieval, monkeypatch: pytest.MonkeyPatch, count: int, vector: NDArray[np.float64]
):
    async def constant(tenant: str, model: str, texts: Sequence[str], **_: Any) -> NDArray[np.float32]:
        return np.tile(vector, (len(texts), 1)).astype(np.float32)

    monkeypatch.setattr(retrieval.embedders, "embed", constant)
    texts = [f"text {number}" for number in range(count)]
    await fill(index, index.version, texts, np.tile(vector, (count, 1)))
    (back,) = (await retrieval.evaluate(read_back=20)).read_back
    assert (back.sampled, back.found) == (min(count, 20), 0)


async def test_vectors_of_other_texts_do_not_read_back(index: Index, retrieval: Retrieval):
    texts = [f"text {number}" for number in range(60)]
    await fill(index, index.version, texts, np.array([embed(text[::-1]) for text in texts]))
    (back,) = (await retrieval.evaluate(read_back=60)).read_back
    assert back.found < 0.5 * back.sampled


async def test_a_version_whose_model_is_another_by_now_is_measured_by_words(index: Index, retrieval: Retrieval):
    await put(index)
    await fill(index, index.version, ["a cat", "a dog"])
    new = await index.versions.create(TENANT, STORE, type(SPEC)(SPEC.model, "2", SPEC.dimension, {}))
    await index.versions.switch(TENANT, new.id)
    retrieval.embedders.revision = "2"
    answer = await retrieval.evaluate(modes=("text", "vector"), read_back=5)
    assert [back.version for back in answer.read_back] == [new.id]
    assert [(each.version, each.mode) for each in answer.measured] == [
        (index.version.id, "text"),
        (new.id, "text"),
        (new.id, "vector"),
    ]
    answer = await retrieval.evaluate(modes=("vector",), versions=[index.version.id])
    assert answer.error is not None
    assert "re-index" in answer.error.message


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({}, ErrorCode.INVALID_REQUEST),
        ({"evaluation_set": "none"}, ErrorCode.NOT_FOUND),
        ({"store": "none"}, ErrorCode.NOT_FOUND),
        ({"versions": [10**6], "read_back": 1}, ErrorCode.NOT_FOUND),
    ],
)
async def test_what_can_not_be_measured_is_told_so(
    index: Index, retrieval: Retrieval, fields: dict[str, Any], code: ErrorCode
):
    answer = await retrieval.evaluate(**fields)
    assert answer.error is not None
    assert answer.error.code == code


async def test_who_asks_again_while_it_is_measured_joins_in(index: Index, retrieval: Retrieval):
    """The first has gone away by then: an evaluation may take longer than anybody waits."""
    await put(index)
    await fill(index, index.version, ["a cat", "a dog"])
    first = asyncio.create_task(retrieval.evaluate(modes=("vector",)))
    await asyncio.sleep(0)
    first.cancel()
    answers = await asyncio.gather(*(retrieval.evaluate(modes=("vector",)) for _ in range(3)))
    assert len(answers[0].measured) == 1
    assert all(answer == answers[0] for answer in answers)
    assert sorted(retrieval.embedders.asked) == ["cat", "dog"]
