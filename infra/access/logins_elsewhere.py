"""API processes tell each other of logins that failed, so that more of them do not allow more guesses.

By core NATS, behind the answer: it costs a good login nothing and a failed one no round trip. Whom it does not reach
counts for itself.
"""

import asyncio
import uuid

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from contracts import subjects
from infra.access.logins import FailedLogins

_MOST_AT_ONCE = 1000


class LoginsElsewhere:
    """One process's ear and mouth."""

    def __init__(self, failures: FailedLogins) -> None:
        self._failures = failures
        self._name = uuid.uuid4().hex
        self._client: Client | None = None
        self._untold: list[tuple[str, str | None]] = []
        self._telling: asyncio.Task[None] | None = None
        failures.tell = self._tell

    async def open(self, client: Client) -> None:
        """Listen, and speak from now on."""
        self._client = client
        await client.subscribe(subjects.logins_failed(), cb=self._hear)

    async def _hear(self, message: Msg) -> None:
        told = orjson.loads(message.data)
        if told["by"] == self._name:
            return
        for address, key_id in told["failures"]:
            self._failures.count(address, key_id)

    def _tell(self, address: str, key_id: str | None) -> None:
        if self._client is None:
            return
        self._untold.append((address, key_id))
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell_all(self._client))

    async def _tell_all(self, client: Client) -> None:
        while self._untold:
            told, self._untold = self._untold[:_MOST_AT_ONCE], self._untold[_MOST_AT_ONCE:]
            try:
                await client.publish(subjects.logins_failed(), orjson.dumps({"by": self._name, "failures": told}))
            except (nats.errors.Error, OSError):
                # The broker is away, and with it the traffic: each process counts for itself.
                self._untold.clear()
