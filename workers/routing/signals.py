"""How deployments do just now, as the provider workers say it: which are held back, and how long calls take.

Nothing is measured here. A breaker's word is republished by the server to whoever listens; a call's time stands in the
ledger's row of it. What was missed is missed: these only order models that may all be called.
"""

import asyncio
import time
from collections.abc import Callable

import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from pydantic import ValidationError

from contracts import subjects
from contracts.breaker import BreakerTold
from infra.telemetry.logs import Logger

_WEIGHT = 0.2
"""Of the newest call in the average."""
_MOST = 10_000


class HeardSignals:
    """What one process has heard. `watch_calls` begins to listen to calls; until then no time of any is known."""

    def __init__(self, client: Client, log: Logger, clock: Callable[[], float] = time.time) -> None:
        self._client = client
        self._log = log
        self._clock = clock
        self._open: dict[str, dict[str, float]] = {}
        self._seconds: dict[str, float] = {}
        self._watching: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Hear of breakers from now on."""
        await self._client.subscribe(subjects.breaker("*"), cb=self._on_breaker)

    def watch_calls(self) -> None:
        """Hear how long calls take, from now on: every row of the ledger passes by, so only where it is asked for."""
        if self._watching is None:
            self._watching = asyncio.get_running_loop().create_task(self._subscribe())

    def is_open(self, deployment: str) -> bool:
        """Whether any model's calls of a deployment are held back."""
        now = self._clock()
        return any(until > now for until in self._open.get(deployment, {}).values())

    def seconds(self, deployment: str) -> float | None:
        """The moving average of its answered calls; None where none was seen."""
        return self._seconds.get(deployment)

    async def _subscribe(self) -> None:
        await self._client.subscribe(subjects.usage_recorded("*"), cb=self._on_call)

    async def _on_breaker(self, message: Msg) -> None:
        try:
            told = BreakerTold.model_validate_json(message.data)
        except ValidationError:
            self._log.warning("breaker_news_unreadable", subject=message.subject)
            return
        if told.open and (told.deployment in self._open or len(self._open) < _MOST):
            self._open.setdefault(told.deployment, {})[told.model] = told.until
        else:
            self._open.get(told.deployment, {}).pop(told.model, None)

    async def _on_call(self, message: Msg) -> None:
        try:
            row = orjson.loads(message.data)
            deployment, status, seconds = str(row["deployment"]), row["status"], float(row["latency_ms"]) / 1000
        except (ValueError, KeyError, TypeError):
            # The ledger says what is wrong with it.
            return
        if status != "completed" or (deployment not in self._seconds and len(self._seconds) >= _MOST):
            return
        before = self._seconds.get(deployment)
        self._seconds[deployment] = seconds if before is None else before + _WEIGHT * (seconds - before)
