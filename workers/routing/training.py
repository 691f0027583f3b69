"""The classifier of a process: trained when it is first needed, and anew when its examples are others."""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import orjson

from infra.catalog import Router
from ingestion.embedding.wordllama import NAME, WordLlamaModel
from workers.local_models import LocalModels
from workers.routing.classifier import Classifier, train
from workers.routing.difficulty import difficulty_of
from workers.routing.examples import Examples, shipped
from workers.routing.features import Features, Values
from workers.routing.regression import Regression


class Training:
    """Keeps the classifier. What is under way is waited for by whoever comes first; others keep the one before."""

    def __init__(self, models: LocalModels) -> None:
        self._models = models
        self._applied: Examples | None = None
        self._trained: tuple[str, Classifier] | None = None
        self._task: asyncio.Task[Classifier] | None = None
        self._wanted = ""
        self._hard: dict[str | None, Regression] = {}

    def apply_difficulty(self, tenant: str | None, trained: Regression | None) -> None:
        """A tenant's weights of difficulty, or everyone's; None takes them back."""
        if trained is None:
            self._hard.pop(tenant, None)
        else:
            self._hard[tenant] = trained

    def difficulty(self, tenant: str, vector: Values, features: Features) -> float | None:
        """The probability that a prompt of a tenant's needs a strong model; None where nothing was trained."""
        trained = self._hard.get(tenant, self._hard.get(None))
        return None if trained is None else difficulty_of(trained, vector, features)

    def apply(self, examples: Examples | None) -> None:
        """Other examples in the place of those that come with Penstock; None for these again."""
        self._applied = examples

    @property
    def is_trained(self) -> bool:
        """Whether anybody has needed it yet."""
        return self._trained is not None

    async def model(self) -> WordLlamaModel:
        """The embedding model. Raises `EmbeddingConfigurationError` where it is not installed."""
        found = await self._models.find(NAME)
        if not isinstance(found, WordLlamaModel):
            raise TypeError(f"{NAME} is no model of this machine's")
        return found

    async def classifier(self, router: Router) -> Classifier:
        """The classifier of a router section. The first takes half a second, in a thread; then it is there."""
        examples = examples_for(router, self._applied or shipped())
        key = _digest(examples)
        if self._trained is None or self._trained[0] != key:
            await self._retrain(key, examples)
        if self._trained is None:
            raise RuntimeError("nothing was trained")
        return replace(self._trained[1], threshold=router.threshold, general=router.otherwise)

    async def _retrain(self, key: str, examples: Examples) -> None:
        if self._task is None or self._wanted != key:
            model = await self.model()
            self._wanted = key
            self._task = asyncio.create_task(asyncio.to_thread(train, examples, model))
            self._task.add_done_callback(lambda task: self._take(key, task))
        if self._trained is None:
            # Whoever waits may be cancelled; the others still want it.
            await asyncio.shield(self._task)

    def _take(self, key: str, task: "asyncio.Task[Classifier]") -> None:
        if not task.cancelled() and task.exception() is None and key == self._wanted:
            self._trained = key, task.result()


def examples_for(router: Router, base: Examples) -> Examples:
    """The examples that a router section asks for: those of `base`, with what the catalogue adds or has instead."""
    found: dict[str, Sequence[str]] = dict(base)
    for configured in router.classes:
        if configured.examples:
            before = () if configured.instead else found.get(configured.name, ())
            found[configured.name] = (*before, *configured.examples)
    return found


def _digest(examples: Mapping[str, Sequence[str]]) -> str:
    return hashlib.sha256(orjson.dumps({name: list(texts) for name, texts in examples.items()})).hexdigest()
