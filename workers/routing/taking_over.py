"""Examples that were put into NATS while the process runs are trained with, within two seconds."""

import asyncio

import nats.errors

from infra.catalog import CatalogSource
from infra.catalog.examples import ExamplesBucket
from infra.runtime import end_tasks
from infra.settings import SettingsError
from infra.telemetry.logs import Logger
from workers.routing.examples import parse
from workers.routing.training import Training

_INTERVAL = 1.0


class TakingOver:
    """Looks again and again. Examples that can't be read are refused as a whole, and those before them stay."""

    def __init__(self, bucket: ExamplesBucket, training: Training, catalog: CatalogSource, log: Logger) -> None:
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
        """Take over what is new. A broker that is away has nothing new."""
        try:
            raw = await self._bucket.look()
        except (nats.errors.Error, OSError):
            return
        if raw is None:
            return
        origin = f"version {self._bucket.version}"
        try:
            # JSON is YAML, and was written by us: but whoever may write to the bucket may write anything.
            examples = await asyncio.to_thread(parse, raw.decode("utf-8"), origin) if raw else None
        except (SettingsError, UnicodeDecodeError) as error:
            self._log.error("router_examples_refused", version=self._bucket.version, reason=str(error))
            return
        self._training.apply(examples)
        self._log.info("router_examples_taken_over", version=self._bucket.version, shipped=examples is None)
        if self._training.is_trained:
            await self._training.classifier(self._catalog.current.router)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_INTERVAL)
            try:
                await self.look()
            except Exception as error:  # noqa: BLE001 - examples that fail must not end the watch over the next ones
                self._log.error("router_examples_failed", exc_info=error)
