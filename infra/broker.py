"""The connection to NATS, and the one way to publish so that it is stored."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

import nats.errors
from faststream.nats import NatsBroker
from faststream.nats.security import NatsJWT
from nats.aio.client import Client
from nats.js import JetStreamContext

from contracts.errors import ErrorCode, PenstockError
from infra.nats_auth.tokens import CredsError, read_creds
from infra.publish_acks import Ack, PublishAcks
from infra.settings import Settings, SettingsError
from infra.telemetry.logs import Logger
from infra.telemetry.told import told

_ACK_TIMEOUT = 2.0
_WRONG_LAST_SEQUENCE = 10071
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0


class Stored(Enum):
    """What the stream said: a new message, or one that it already had (or whose place is taken)."""

    NEW = "new"
    KNOWN = "known"


@dataclass(frozen=True, slots=True)
class Connection:
    """One process's connection: FastStream's broker for subscribers, the client and JetStream for the rest."""

    broker: NatsBroker
    client: Client
    js: JetStreamContext
    acks: PublishAcks

    watch: "_ConnectionLog"

    async def close(self) -> None:
        """Flush what is pending and leave; while the server is away, leave at once."""
        self.watch.leaving = True
        try:
            await self.broker.stop()
        except nats.errors.Error:
            # The client would still write what is pending, to a connection that is gone: uvloop calls that an error.
            with suppress(OSError, RuntimeError):
                await self.client.close()


async def connect(
    settings: Settings, service: str, log: Logger, *, back: Sequence[Callable[[], Awaitable[None]]] = ()
) -> Connection:
    """Connect, waiting for a server that isn't there yet and reconnecting for ever after (FACTS 1).

    Each of `back` is awaited after a reconnection: what core NATS sent in between is lost.
    Raises `SettingsError` for credentials that can't be read, or that the server refuses.
    """
    watch = _ConnectionLog(log, settings.nats_url.unicode_string(), back)
    broker = NatsBroker(
        settings.nats_url.unicode_string(),
        name=f"penstock-{service}",
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.1,  # type: ignore[arg-type]  # nats-py sleeps this; a whole second is half the bar
        ping_interval=10,
        pending_size=16 * 1024 * 1024,
        error_cb=watch.on_error,
        disconnected_cb=watch.on_disconnected,
        reconnected_cb=watch.on_reconnected,
        apply_types=False,
        logger=None,
        graceful_timeout=settings.drain_timeout,
        security=_security(settings),
    )
    try:
        client = await broker.connect()
    except nats.errors.Error as error:
        if "authorization" not in str(error).lower():
            raise
        url = settings.nats_url.unicode_string()
        raise SettingsError(f"the NATS at {url} refuses us: is PENSTOCK_NATS_CREDS right?") from error
    acks = PublishAcks(client)
    await acks.open()
    return Connection(broker, client, client.jetstream(timeout=_ACK_TIMEOUT), acks, watch)


def _security(settings: Settings) -> NatsJWT | None:
    """Who we are. Raises `SettingsError`."""
    path = settings.nats_creds
    if path is None:
        return None
    try:
        creds = read_creds(path.read_text(encoding="utf-8", errors="replace"))
    except CredsError as error:
        raise SettingsError(f"PENSTOCK_NATS_CREDS is not usable: {path} is no .creds file: {error}.") from None
    except OSError as error:
        raise SettingsError(f"PENSTOCK_NATS_CREDS is not usable: {path}: {error.strerror}.") from None
    return NatsJWT(creds.token.encode, creds.signature)


class Publisher:
    """Publishes to JetStream and returns only once the message is stored."""

    def __init__(self, acks: PublishAcks, stage: str) -> None:
        self._acks = acks
        self._stage = stage

    async def publish(
        self, subject: str, body: bytes, headers: Mapping[str, str], *, give_up_after: float = 30.0
    ) -> Stored:
        """Store one message, trying again while the broker is away; `Nats-Msg-Id` makes that safe.

        Raises `PenstockError`: `request_too_large`; `overloaded` where the stream is full (at once: the caller knows
        better whether to wait); `pipeline_unavailable` where no answer came in `give_up_after` seconds.
        """
        deadline = time.monotonic() + give_up_after
        pause = _FIRST_PAUSE
        while True:
            try:
                ack = await self._acks.publish(subject, body, headers, _ACK_TIMEOUT)
            except nats.errors.MaxPayloadError as error:
                message = f"a message of {len(body)} bytes is more than the broker takes"
                raise PenstockError(ErrorCode.REQUEST_TOO_LARGE, message, stage=self._stage) from error
            except nats.errors.ConnectionClosedError as error:
                raise self._unavailable() from error
            except (nats.errors.Error, OSError):
                # No answer, or no stream yet: a broker that is starting again. The next try tells.
                stored = None
            else:
                stored = self._verdict(subject, ack)
            if stored is not None:
                return stored
            if time.monotonic() + pause > deadline:
                raise self._unavailable()
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(pause * 2, _LONGEST_PAUSE)

    def _verdict(self, subject: str, ack: Ack) -> Stored | None:
        """What the stream's answer means; None where the same message should be sent again."""
        if ack.status == 200:
            return Stored.KNOWN if ack.duplicate else Stored.NEW
        if ack.error_code == _WRONG_LAST_SEQUENCE:
            return Stored.KNOWN
        if ack.status != 503:
            message = f"the broker refused a message on {subject}: {ack.reason}"
            raise PenstockError(ErrorCode.INTERNAL_ERROR, message, stage=self._stage)
        if "maximum" in ack.reason:
            raise self._full()
        return None

    def _full(self) -> PenstockError:
        message = "the queue is full: try again in a moment"
        return PenstockError(ErrorCode.OVERLOADED, message, stage=self._stage, retryable=True)

    def _unavailable(self) -> PenstockError:
        message = "the message broker can't be reached: try again in a moment"
        return PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=self._stage, retryable=True)


class _ConnectionLog:
    """One line when the broker is lost and one when it is back, however often the client tries in between."""

    def __init__(self, log: Logger, url: str, back: Sequence[Callable[[], Awaitable[None]]]) -> None:
        self._log = log.bind(nats_url=url)
        self._back = back
        self._lost = False
        self.leaving = False

    async def on_error(self, error: Exception) -> None:
        if isinstance(error, (OSError, nats.errors.NoServersError)):
            await self.on_disconnected()
        else:
            self._log.warning("nats_error", error=told(error))

    async def on_disconnected(self) -> None:
        if not self._lost and not self.leaving:
            self._lost = True
            self._log.warning("nats_disconnected")

    async def on_reconnected(self) -> None:
        self._lost = False
        self._log.info("nats_reconnected")
        for each in self._back:
            await each()
