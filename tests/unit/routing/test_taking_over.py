"""What was trained elsewhere is taken over by a process that routes; what can't be read changes nothing."""

from typing import Any

import orjson
import pytest

from infra.catalog import CatalogSource, Router
from infra.catalog.trained import EXAMPLES, Trained, difficulty_key
from ingestion.embedding.wordllama import WordLlamaModel
from tests.support.logs import RecordedLog
from tests.support.router import routed
from workers.local_models import LocalModels
from workers.routing.difficulty import Judged, train_difficulty, write_weights
from workers.routing.features import features_of
from workers.routing.taking_over import TakingOver
from workers.routing.training import Training

MODEL = WordLlamaModel()
CATALOG = routed({"m": ["a/m"]})


class Bucket:
    """Holds what a test puts."""

    def __init__(self) -> None:
        self.put: list[Trained] = []

    async def look(self) -> Trained | None:
        return self.put.pop(0) if self.put else None


class Process:
    """One that routes."""

    def __init__(self) -> None:
        self.bucket, self.log, self.training = Bucket(), RecordedLog(), Training(LocalModels())
        bucket: Any = self.bucket
        self._taking = TakingOver(bucket, self.training, CatalogSource(CATALOG), self.log.logger)

    async def take(self, key: str, raw: bytes) -> None:
        self.bucket.put.append(Trained(key, raw, 1))
        await self._taking.look()

    def difficulty(self, tenant: str) -> float | None:
        text = "What is the weather like?"
        return self.training.difficulty(tenant, MODEL.embed_now([text])[0], features_of(text))


async def test_examples_are_taken_over_and_taken_back():
    process = Process()
    await process.take(EXAMPLES, orjson.dumps({"one": ["a red apple", "a pear"], "two": ["run home", "run fast"]}))
    assert (await process.training.classifier(Router())).classes == ("one", "two")
    await process.take(EXAMPLES, b"no: [")
    assert process.log.events("router_training_refused")
    assert (await process.training.classifier(Router())).classes == ("one", "two")


async def test_weights_of_difficulty_are_a_tenants_own_or_everyones():
    process = Process()
    assert process.difficulty("acme") is None
    judged = [Judged(f"What is the weather like in {n}?", 1, 1) for n in range(12)]
    judged += [Judged(f"Prove the theorem number {n}.", 0, 1) for n in range(12)]
    raw = write_weights(train_difficulty(judged, MODEL), MODEL.revision)
    await process.take(difficulty_key("acme"), raw)
    assert process.difficulty("acme") == pytest.approx(0, abs=0.5)
    assert process.difficulty("other") is None
    await process.take(difficulty_key(None), raw)
    assert process.difficulty("other") is not None
    await process.take(difficulty_key("acme"), b"{}")
    assert process.log.events("router_training_refused")
    await process.take(difficulty_key(None), b"")
    assert (process.difficulty("other"), process.difficulty("acme") is None) == (None, False)
