"""What was trained while the process runs is taken over from NATS, within two seconds."""

import asyncio

import nats.errors

from infra.catalog import CatalogSource
from infra.catalog.trained import EXAMPLES, Trained, TrainedBucket, tenant_of_key
from infra.runtime import end_tasks
from infra.settings import SettingsError
from infra.telemetry.logs import Logger
from workers.routing.difficulty import read_weights
from workers.routing.examples import parse
from workers.routing.features import INPUTS
from workers.routing.training import Training

_INTERVAL = 1.0


class TakingOver:
    """Looks again and again. What can't be read is refused as a whole, and what was there before stays."""

    def __init__(self, bucket: TrainedBucket, training: Training, catalog: CatalogSource, log: Logger) -> None:
        self._bucket = bucket
        self._training = training
        self._catalog = catalog
        self._log = log
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """What is there is taken over before anything is routed by it."""
        await self.look()
        self._task = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            await end_tasks(self._task)

    async def look(self) -> None:
        """Take over all that is new. A broker that is away has nothing new."""
        try:
            while (found := await self._bucket.look()) is not None:
                await self._take(found)
        except (nats.errors.Error, OSError):
            return

    async def _take(self, found: Trained) -> None:
        told = {"key": found.key, "version": found.version}
        try:
            if found.key == EXAMPLES:
                await self._take_examples(found.raw)
            else:
                await self._take_difficulty(tenant_of_key(found.key), found.raw)
        except (SettingsError, UnicodeDecodeError) as error:
            self._log.error("router_training_refused", reason=str(error), **told)
        else:
            self._log.info("router_training_taken_over", **told)

    async def _take_examples(self, raw: bytes) -> None:
        # JSON is YAML, and was written by us: but whoever may write to the bucket may write anything.
        examples = await asyncio.to_thread(parse, raw.decode("utf-8"), "in NATS") if raw else None
        self._training.apply(examples)
        if self._training.is_trained:
            await self._training.classifier(self._catalog.current.router)

    async def _take_difficulty(self, tenant: str | None, raw: bytes) -> None:
        trained = None
        if raw:
            model = await self._training.model()
            trained = read_weights(raw, model.revision, INPUTS)
        self._training.apply_difficulty(tenant, trained)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - what fails must not end the watch over the next ones
                self._log.error("router_training_failed", exc_info=error)
