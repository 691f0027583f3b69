"""Embedding models as workers use them: those of this machine, and those of the catalogue through the gateway.

A worker that asks for no vectors pays for none of it: numpy and the models are imported when they are first needed.
"""

import asyncio
import random
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.catalog import CatalogSource, Deployment, Model
from infra.gateway import STAGE, Embedded, GatewayClient
from infra.streams import LOCAL_POOL
from infra.telemetry.tracing import TraceContext
from workers.context import WorkerContext
from workers.local_models import LocalModels

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors: TypeAlias = NDArray[np.float32]

_PLATFORM = "penstock"
"""Who pays for finding out how long a model's vectors are, where nobody is named."""
_MOST_TEXTS, _MOST_TOKENS = 64, 100_000
"""Of one request. OpenAI takes 2,048 inputs of 300,000 tokens in all; ours travels as a message, and its answer too: 64
vectors of 3,072 numbers are 1 MB in base64, and 4 MB from a provider that writes them out."""
_REQUESTS_AT_ONCE = 4
"""For documents, of one provider: its rate limit is for those who wait, too."""
_PATIENCE, _LONG_PATIENCE = 15.0, 120.0
"""Seconds that a request has: for a person who waits, and for a document."""
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_AFTER_FALLING_BACK = 60.0
"""Seconds until a model is asked again for which another one answered: that is paid for, and of no use."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """A model, which of its revisions, the length of its vectors, and the pool of workers that embeds with it.

    Vectors of two revisions can't be compared.
    """

    model: str
    revision: str
    dimension: int
    pool: str


@dataclass(frozen=True, slots=True)
class _Errand:
    """Whom a request is for, which model is asked, in which lane, below which span, and how long it has, in seconds."""

    tenant: str
    model: str
    lane: Lane
    parent: TraceContext | None
    patience: float


class Embedders:
    """Turns texts into vectors, whichever model a store has. `open` it before and `close` it after."""

    def __init__(self, gateway: GatewayClient, catalog: CatalogSource, local: LocalModels | None = None) -> None:
        self._gateway = gateway
        self._catalog = catalog
        self._local = local or LocalModels()
        self._dimensions: dict[tuple[str, str], int] = {}
        self._free: dict[str, asyncio.Semaphore] = {}
        self._closing = asyncio.Event()

    async def open(self) -> None:
        """Listen for what the gateway answers."""
        await self._gateway.open()

    async def close(self) -> None:
        """Whoever waits for a provider gets the error that it waits out, or `pipeline_unavailable`."""
        self._closing.set()
        await self._gateway.close()

    async def describe(self, model: str, *, tenant: str = _PLATFORM) -> ModelSpec:
        """What a model is. One of the catalogue is asked for a vector once, which `tenant` pays for.

        Raises `PenstockError`: `invalid_request` for a model that is nowhere, and what the gateway raises.
        """
        if (local := await self._local.find(model)) is not None:
            return ModelSpec(model, local.revision, local.dimension, LOCAL_POOL)
        first = self._first(model)
        key = (model, _revision(first, model))
        if key not in self._dimensions:
            errand = _Errand(tenant, model, Lane.INTERACTIVE, None, _PATIENCE)
            (vector,) = (await self._ask(errand, ["dimension"])).vectors
            self._dimensions[key] = len(vector)
        return ModelSpec(*key, self._dimensions[key], first.provider)

    def pool_of(self, model: str) -> str:
        """Who embeds with a model; it is not asked. Raises `PenstockError` (`invalid_request`) where there is none."""
        from ingestion.embedding import BUILT_IN

        return LOCAL_POOL if model.partition(":")[0] in BUILT_IN else self._first(model).provider

    async def embed(  # noqa: PLR0913 - whose, what, by which model, and how
        self,
        tenant: str,
        model: str,
        texts: Sequence[str],
        *,
        lane: Lane,
        parent: TraceContext | None = None,
        revision: str | None = None,
        patient: bool | None = None,
    ) -> "Vectors":
        """The vectors (texts, dimension) of the texts, each of length 1; an empty text has one of zeros.

        `patient`, as bulk work is unless it says otherwise: what passes, such as a provider's rate limit or an outage,
        is waited out, for as long as it takes. `revision` is the one that the vectors must be of.

        Raises `PenstockError`: `invalid_request` for a model that is nowhere, or of another revision by now; what the
        gateway raises and time does not mend; without patience, all that the gateway raises.
        """
        if (local := await self._local.find(model)) is not None:
            _require_revision(model, local.revision, revision)
            return await local.embed(texts)
        _require_revision(model, _revision(self._first(model), model), revision)
        asked = [index for index, text in enumerate(texts) if text.strip()]
        wanted = [texts[index] for index in asked]
        patient = lane is Lane.BATCH if patient is None else patient
        errand = _Errand(tenant, model, lane, parent, _LONG_PATIENCE if patient else _PATIENCE)
        answers = await self._ask_in_parts(errand, wanted, self._ask_until_answered if patient else self._ask)
        return _rows(len(texts), asked, answers)

    async def _ask_in_parts(
        self, errand: _Errand, texts: list[str], ask: Callable[[_Errand, list[str]], Coroutine[None, None, Embedded]]
    ) -> list[Embedded]:
        from ingestion.embedding import batches

        parts = [texts[part] for part in batches(texts, _MOST_TEXTS, _MOST_TOKENS)]
        try:
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(ask(errand, part)) for part in parts]
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from errors
        return [task.result() for task in tasks]

    async def _ask_until_answered(self, errand: _Errand, texts: list[str]) -> Embedded:
        pause = _FIRST_PAUSE
        while True:
            try:
                async with self._place(errand.model):
                    return await self._ask(errand, texts)
            except PenstockError as error:
                # A deadline of ours that passed is no failure of the document's: the next request has a new one.
                passes = error.retryable or error.code is ErrorCode.DEADLINE_EXCEEDED
                if self._closing.is_set() or not passes:
                    raise
                await self._rest(max(error.retry_after or 0.0, pause * random.uniform(0.5, 1.0)))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _place(self, model: str) -> asyncio.Semaphore:
        """A place among the requests of bulk work that a provider has at once: a slow one fills its own."""
        return self._free.setdefault(self._first(model).provider, asyncio.Semaphore(_REQUESTS_AT_ONCE))

    async def _rest(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    async def _ask(self, errand: _Errand, texts: list[str]) -> Embedded:
        """Ask once. Vectors of a model that was fallen back on are none of this one's, and refused."""
        own = {deployment.name for deployment in self._model(errand.model).deployments}
        answer = await self._gateway.embed(
            errand.tenant, errand.model, texts, lane=errand.lane, parent=errand.parent, patience=errand.patience
        )
        if answer.deployment not in own:
            message = f"{errand.model} did not answer, and vectors of {answer.deployment} can't be mixed with its own"
            raise PenstockError(
                ErrorCode.PROVIDER_UNAVAILABLE,
                message,
                stage=STAGE,
                retryable=True,
                retry_after=_AFTER_FALLING_BACK,
            )
        return answer

    def _model(self, model: str) -> Model:
        found = self._catalog.current.resolve(model)
        if found is None:
            message = f"the embedding model «{model}» is neither built in nor in the catalogue"
            raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param="embedding_model")
        return found

    def _first(self, model: str) -> Deployment:
        return self._model(model).deployments[0]


def embedders_of(context: WorkerContext) -> Embedders:
    """The embedders of a worker; local models are its whole process's."""
    gateway = GatewayClient(context.connection, context.publisher, context.tracer)
    return Embedders(gateway, context.catalog, context.local_models)


def _revision(first: Deployment, model: str) -> str:
    """A model of the catalogue is what its first deployment asks its provider for."""
    return f"{first.name}={first.provider_model(model)}"


def _require_revision(model: str, now: str, wanted: str | None) -> None:
    if wanted is not None and wanted != now:
        message = f"the embedding model {model} is {now} by now, and the index holds vectors of {wanted}: re-index it"
        raise PenstockError(ErrorCode.INVALID_REQUEST, message, stage=STAGE, param="embedding_model")


def _rows(texts: int, asked: Sequence[int], answers: Sequence[Embedded]) -> "Vectors":
    """Each answered vector in its text's row; zeros in those that were not asked for."""
    import numpy as np

    from ingestion.embedding import unit

    answered = [np.asarray(vector, np.float32) for answer in answers for vector in answer.vectors]
    rows = np.zeros((texts, len(answered[0]) if answered else 0), np.float32)
    if answered:
        rows[asked] = unit(np.stack(answered))
    return rows
