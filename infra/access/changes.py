"""A change of who may do what is told to every process, which forgets what it remembered of before.

It is put into a bucket of NATS, and the server republishes it, once stored, to all that listen. Who is not reached
goes by what it read up to a second ago (`infra.access.fresh`).
"""

from collections.abc import Callable

import nats.errors
import orjson
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from contracts import subjects
from infra.streams.names import ACCESS
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_PATIENCE = 1.0
_SUBJECT = f"$KV.{ACCESS}.changed"


class Changes:
    """Tells of changes."""

    def __init__(self, js: JetStreamContext, log: Logger) -> None:
        self._js = js
        self._log = log

    async def announce(self, actor: str) -> bool:
        """Something was changed, and is committed. Whether all that listen were told; if not, they find out by
        themselves within a second.
        """
        try:
            await self._js.publish(_SUBJECT, orjson.dumps({"by": actor}), timeout=_PATIENCE, stream=f"KV_{ACCESS}")
        except (nats.errors.Error, JetStreamError, OSError, TimeoutError) as error:
            self._log.warning("change_not_announced", actor=actor, reason=told(error))
            return False
        return True


class Listener:
    """Hears of changes, for one process. Each of `forget` is called at every one."""

    def __init__(self, *forget: Callable[[], None]) -> None:
        self._forget = forget

    async def open(self, client: Client) -> None:
        """From now on."""
        await client.subscribe(subjects.access_changed(), cb=self._on_change)

    async def back(self) -> None:
        """After a lost connection: what was told meanwhile was not heard."""
        for forget in self._forget:
            forget()

    async def _on_change(self, _: Msg) -> None:
        await self.back()
