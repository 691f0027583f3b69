"""SciFact in an index: searches there are as good as a direct computation says they can be."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import groupby

import numpy as np
import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index.chunks import Chunk, DocumentChunks
from infra.index.documents import Submission
from infra.index.evaluation_sets import EvaluationSets, StoredSet
from infra.index.upkeep import finish_bulk
from infra.index.version import IndexVersion, VersionSpec
from ingestion.text import term_frequencies
from tests.support.index import STORE, TENANT, Index, sha
from tests.support.retrieval import Retrieval
from tests.support.scifact import DIRECT_NDCG, MODES, SciFact

pytestmark = pytest.mark.shared_data
_BATCH = 500


@pytest.fixture(scope="module")
def scifact() -> SciFact:
    return SciFact.read()


async def fill(index: Index, scifact: SciFact) -> IndexVersion:
    """All of it in a version that is live then."""
    model = scifact.model
    spec = VersionSpec(model.name, model.revision, model.dimension, {"tokens": 512, "overlap": 0})
    version = await index.versions.create(TENANT, STORE, spec)
    documents = list(documents_of(scifact))
    for begin in range(0, len(documents), _BATCH):
        batch = documents[begin : begin + _BATCH]
        submissions = [Submission(each.document_id, "", {}, each.sha256, datetime.now(UTC)) for each in batch]
        await index.documents.register(TENANT, STORE, submissions)
        await index.write(*batch, version=version)
    return await index.versions.switch(TENANT, (await finish_bulk(index.engine, version)).id)


def documents_of(scifact: SciFact) -> Iterator[DocumentChunks]:
    """In the order of the corpus."""
    numbered = zip(scifact.chunks, scifact.vectors, strict=True)
    for name, group in groupby(numbered, key=lambda each: each[0][0]):
        parts = [(one, vector) for (_, one), vector in group]
        yield DocumentChunks(
            document_id=name,
            message_id=name,
            sha256=sha(name),
            model=scifact.model.name,
            revision=scifact.model.revision,
            chunks=[
                Chunk(number, one.text, sha(one.text), 0, len(one.text), term_frequencies(one.text))
                for number, (one, _) in enumerate(parts)
            ],
            embeddings=np.stack([vector for _, vector in parts]),
        )


async def test_searches_are_as_good_as_a_direct_computation_says(index: Index, engine: AsyncEngine, scifact: SciFact):
    version = await fill(index, scifact)
    retrieval = Retrieval.on(engine, scifact.model)
    judged = StoredSet("scifact", dict(scifact.judged.queries), dict(scifact.judged.judgements))
    await EvaluationSets(engine).put(TENANT, STORE, judged)
    answer = await retrieval.evaluate(modes=MODES, versions=[version.id], read_back=100)
    found = {each.mode: each for each in answer.measured}
    assert {mode: each.ndcg for mode, each in found.items()} == pytest.approx(DIRECT_NDCG, abs=0.004)
    assert {each.queries for each in answer.measured} == {300}
    assert found["hybrid"].ndcg >= 0.67
    assert found["hybrid"].ndcg > max(found["vector"].ndcg, found["text"].ndcg)
    assert [(each.sampled, each.found) for each in answer.read_back] == [(100, 100)]
