"""What processes have taken ahead of need is asked back, by whoever would have to refuse for its sake."""

import asyncio
from collections.abc import Callable, Collection, Hashable, Iterable
from contextlib import suppress

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg

from infra.upkeep import OFTEN

_MOST = 10_000


class Recalls:
    """One process's ear and mouth for a subject (core NATS). `hand_back` is called with the names that were asked for.

    For as long as `infra.upkeep.OFTEN` after that nothing should be taken there: who needed it is to find it.
    """

    def __init__(self, client: Client, subject: str, hand_back: Callable[[Collection[str]], None]) -> None:
        self._client = client
        self._subject = subject
        self._hand_back = hand_back
        self._until: dict[Hashable, float] = {}

    async def open(self) -> None:
        """Listen."""
        await self._client.subscribe(self._subject, cb=self._hear)

    async def ask(self, names: Collection[str]) -> None:
        """Ask all processes, this one too."""
        # Without a connection what would be handed back can't be asked for either, and that is told.
        with suppress(nats.errors.Error, OSError):
            await self._client.publish(self._subject, orjson.dumps(list(names)))

    def leave_alone(self, names: Collection[Hashable]) -> None:
        """Nothing should be taken there for a while."""
        if len(self._until) >= _MOST:
            self._until.clear()
        self._until |= dict.fromkeys(names, asyncio.get_running_loop().time() + OFTEN)

    def left_alone(self, names: Iterable[Hashable]) -> bool:
        """Whether nothing should be taken of one of them now."""
        now = asyncio.get_running_loop().time()
        return any(self._until.get(name, now) > now for name in names)

    async def _hear(self, message: Msg) -> None:
        names = frozenset(orjson.loads(message.data))
        self.leave_alone(names)
        self._hand_back(names)
