"""Embeddings are kept by model, revision and text, so that nothing is embedded twice; and not longer than the text."""

from datetime import timedelta

import numpy as np
import pytest

from infra.index.embeddings import Embeddings
from tests.support.index import SPEC, STORE, TENANT, Index, embed, sha

TEXTS = ("one", "two", "three")
SHAS = [sha(text) for text in TEXTS]
VECTORS = np.array([embed(text) for text in TEXTS])


async def test_what_was_kept_is_found_and_the_rest_is_not(index: Index):
    embeddings = Embeddings(index.engine)
    assert await embeddings.keep(TENANT, "m", "1", SHAS[:2], VECTORS[:2]) == 2
    found = await embeddings.find(TENANT, "m", "1", [*SHAS, SHAS[0]])
    assert found.keys() == set(SHAS[:2])
    for sha256, vector in zip(SHAS, VECTORS[:2], strict=False):
        assert found[sha256] == pytest.approx(vector / np.linalg.norm(vector), abs=1e-3)


@pytest.mark.parametrize(("model", "revision"), [("m", "2"), ("n", "1")])
async def test_another_model_or_revision_knows_nothing_of_it(index: Index, model: str, revision: str):
    embeddings = Embeddings(index.engine)
    await embeddings.keep(TENANT, "m", "1", SHAS, VECTORS)
    assert await embeddings.find(TENANT, model, revision, SHAS) == {}
    assert await embeddings.keep(TENANT, model, revision, SHAS[:1], np.ones((1, 3))) == 1
    assert (await embeddings.find(TENANT, model, revision, SHAS))[SHAS[0]].shape == (3,)


async def test_the_first_vector_of_a_text_stays(index: Index):
    embeddings = Embeddings(index.engine)
    await embeddings.keep(TENANT, "m", "1", SHAS[:1], VECTORS[:1])
    assert await embeddings.keep(TENANT, "m", "1", [*SHAS, SHAS[2]], np.ones((4, SPEC.dimension))) == 2
    found = await embeddings.find(TENANT, "m", "1", SHAS)
    assert found[SHAS[0]] == pytest.approx(VECTORS[0] / np.linalg.norm(VECTORS[0]), abs=1e-3)
    assert found[SHAS[1]] == pytest.approx(np.full(SPEC.dimension, 0.25))


async def test_nothing_is_little_work(index: Index):
    embeddings = Embeddings(index.engine)
    assert await embeddings.keep(TENANT, "m", "1", [], np.zeros((0, 4))) == 0
    assert await embeddings.find(TENANT, "m", "1", []) == {}


async def test_a_vector_goes_when_no_version_has_its_text_any_more(index: Index):
    embeddings = Embeddings(index.engine)
    await index.add("d", "one", "two")
    after = await index.versions.create(TENANT, STORE, SPEC)
    await embeddings.keep(TENANT, "m", "1", SHAS, VECTORS)
    assert await embeddings.forget_unused(TENANT, timedelta(hours=1)) == 0
    assert await embeddings.forget_unused(TENANT, timedelta()) == 1
    assert (await embeddings.find(TENANT, "m", "1", SHAS)).keys() == set(SHAS[:2])
    await index.documents.delete(TENANT, STORE, ["d"])
    await index.versions.drop(TENANT, after.id)
    assert await embeddings.forget_unused(TENANT, timedelta()) == 2
