"""Embedding models as workers use them: which there are, what is asked of the gateway, and what is waited out."""

import asyncio
from array import array
from collections.abc import Sequence

import numpy as np
import pytest

from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.catalog import CatalogSource, parse_catalog
from infra.gateway import Embedded
from infra.streams import LOCAL_POOL
from tests.support.waiting import eventually
from workers.embedders import Embedders
from workers.local_models import LocalModels

_CATALOG = b"""
providers:
  - {name: one, kind: openai, base_url: "http://127.0.0.1:1/v1"}
  - {name: two, kind: openai, base_url: "http://127.0.0.1:1/v1"}
models:
  - name: small
    deployments:
      - {name: one/small, provider: one, model: text-small}
      - {name: two/small, provider: two, model: our-own-name-for-it}
  - {name: "any-*", deployments: [{name: two/any, provider: two, model: "{model}"}]}
"""
LIMITED = PenstockError(ErrorCode.RATE_LIMITED, "slow down", stage="provider", retryable=True, retry_after=0.001)


class Gateway:
    """Answers each text with a vector of its length, by a deployment; first raises what is in `errors`."""

    def __init__(self, deployment: str = "one/small") -> None:
        self.deployment = deployment
        self.errors: list[PenstockError] = []
        self.asked: list[tuple[str, Lane, list[str]]] = []
        self.open_now = self.most_open = 0

    async def open(self) -> None: ...

    async def close(self) -> None: ...

    async def embed(self, tenant: str, model: str, texts: Sequence[str], *, lane: Lane, **_: object) -> Embedded:
        self.asked.append((tenant, lane, list(texts)))
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        await asyncio.sleep(0)
        self.open_now -= 1
        if self.errors:
            raise self.errors.pop(0)
        return Embedded([array("f", [len(text), 0, 1]) for text in texts], self.deployment)


def embedders(gateway: Gateway) -> Embedders:
    return Embedders(gateway, CatalogSource(parse_catalog(_CATALOG, "test").catalog), LocalModels())  # type: ignore[arg-type]


async def test_wordllama_is_of_this_machine_and_asks_nobody():
    gateway = Gateway()
    made = embedders(gateway)
    spec = await made.describe("wordllama")
    vectors = await made.embed("acme", "wordllama", ["a cat", ""], lane=Lane.BATCH, revision=spec.revision)
    assert (spec.pool, spec.dimension, vectors.shape) == (LOCAL_POOL, 256, (2, 256))
    assert not gateway.asked


async def test_a_model_is_loaded_once_whoever_asks_at_the_same_time():
    models = LocalModels()
    found = await asyncio.gather(*(models.find("wordllama") for _ in range(4)))
    assert all(model is found[0] for model in found)
    assert await models.find("text-small") is None


async def test_a_model_of_the_catalogue_is_told_by_its_deployment_and_measured_once():
    gateway = Gateway()
    made = embedders(gateway)
    spec = await made.describe("small", tenant="acme")
    assert await made.describe("small", tenant="acme") == spec
    assert (spec.revision, spec.dimension, spec.pool) == ("one/small=text-small", 3, "one")
    assert [tenant for tenant, _, _ in gateway.asked] == ["acme"]


async def test_the_revision_of_a_pattern_says_which_model_it_stands_for():
    spec = await embedders(Gateway("two/any")).describe("any-one")
    assert (spec.revision, spec.pool) == ("two/any=any-one", "two")


@pytest.mark.parametrize("name", ["nowhere", "sentence-transformers:no-revision"])
async def test_a_model_that_is_nowhere_is_an_invalid_request(name: str):
    with pytest.raises(PenstockError) as raised:
        await embedders(Gateway()).describe(name)
    assert (raised.value.code, raised.value.retryable) == (ErrorCode.INVALID_REQUEST, False)


@pytest.mark.parametrize("model", ["small", "wordllama"])
async def test_vectors_of_another_revision_than_the_index_has_are_refused(model: str):
    with pytest.raises(PenstockError, match="re-index it"):
        await embedders(Gateway()).embed("acme", model, ["text"], lane=Lane.BATCH, revision="earlier")


async def test_any_deployment_of_a_model_may_answer_for_it():
    assert (await embedders(Gateway("two/small")).embed("acme", "small", ["a"], lane=Lane.BATCH)).shape == (1, 3)


async def test_vectors_of_a_model_that_was_fallen_back_on_are_refused():
    with pytest.raises(PenstockError, match="can't be mixed") as raised:
        await embedders(Gateway("another/model")).embed("acme", "small", ["text"], lane=Lane.INTERACTIVE)
    assert raised.value.retryable


async def test_many_texts_are_several_requests_a_few_at_once_and_come_back_in_order():
    gateway = Gateway()
    texts = ["x" * length for length in range(1, 641)]
    vectors = await embedders(gateway).embed("acme", "small", texts, lane=Lane.BATCH)
    lengths = np.arange(1, 641)
    assert np.allclose(vectors[:, 0] / vectors[:, 2], lengths, rtol=1e-3)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    assert (len(gateway.asked), gateway.most_open) == (10, 4)


async def test_empty_texts_are_not_asked_for_and_have_a_vector_of_zeros():
    gateway = Gateway()
    vectors = await embedders(gateway).embed("acme", "small", ["", "word", " \n"], lane=Lane.BATCH)
    assert [texts for _, _, texts in gateway.asked] == [["word"]]
    assert vectors.any(axis=1).tolist() == [False, True, False]


async def test_no_texts_ask_for_nothing():
    assert len(await embedders(Gateway()).embed("acme", "small", [], lane=Lane.BATCH)) == 0


async def test_bulk_work_waits_out_what_passes_and_keeps_its_batch():
    gateway = Gateway()
    late = PenstockError(ErrorCode.DEADLINE_EXCEEDED, "late", stage="provider")
    gateway.errors = [LIMITED, late, LIMITED]
    vectors = await embedders(gateway).embed("acme", "small", ["a", "bb"], lane=Lane.BATCH)
    assert vectors.shape == (2, 3)
    assert [texts for _, _, texts in gateway.asked] == [["a", "bb"]] * 4


async def test_a_person_is_told_at_once_unless_it_is_a_document_of_theirs():
    gateway = Gateway()
    gateway.errors = [LIMITED]
    with pytest.raises(PenstockError, match="slow down"):
        await embedders(gateway).embed("acme", "small", ["a query"], lane=Lane.INTERACTIVE)
    gateway.errors = [LIMITED]
    await embedders(gateway).embed("acme", "small", ["a document"], lane=Lane.INTERACTIVE, patient=True)


async def test_what_time_does_not_mend_is_raised():
    gateway = Gateway()
    gateway.errors = [PenstockError(ErrorCode.INVALID_REQUEST, "too long", stage="provider")]
    with pytest.raises(PenstockError, match="too long"):
        await embedders(gateway).embed("acme", "small", ["a"], lane=Lane.BATCH)


async def test_whoever_waits_when_the_process_stops_is_told_what_for():
    gateway = Gateway()
    gateway.errors = [
        PenstockError(ErrorCode.RATE_LIMITED, "slow down", stage="p", retryable=True, retry_after=600)
    ] * 2
    made = embedders(gateway)
    waiting = asyncio.create_task(made.embed("acme", "small", ["a"], lane=Lane.BATCH))
    await eventually(lambda: gateway.asked)
    await made.close()
    with pytest.raises(PenstockError, match="slow down"):
        await waiting
