"""The stages of one worker that take messages now: all of them at its start, and others when its catalogue changes."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from faststream.nats.subscriber.usecases import PushStreamSubscriber
from nats.js import JetStreamContext
from nats.js.errors import NotFoundError

from infra.broker import Connection
from infra.dispatch.core import Dispatcher
from infra.dispatch.stage import DispatchTools, Stage
from infra.dispatch.subscriber import attach, last_call
from infra.settings import Settings
from infra.streams import Subscription, consumer_config
from infra.telemetry.logs import Logger

_LOOK_AGAIN = 1.0


@dataclass(frozen=True, slots=True)
class _Running:
    dispatcher: Dispatcher
    subscribers: tuple[PushStreamSubscriber, ...]


class Stages:
    """Attaches and detaches stages. A stage is known by the durables that it reads.

    `makes_consumers`: those that are not there are made, rather than waited for until `penstock setup` has made them.
    """

    def __init__(
        self, connection: Connection, settings: Settings, tools: DispatchTools, *, makes_consumers: bool = False
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._tools = tools
        self._makes_consumers = makes_consumers
        self._running: dict[tuple[Subscription, ...], _Running] = {}

    async def attach(self, stages: Iterable[Stage]) -> None:
        """Take messages for these too; once the broker is started, at once."""
        for stage in stages:
            if stage.subscriptions not in self._running:
                self._running[stage.subscriptions] = await self._attach(stage)

    async def only(self, stages: tuple[Stage, ...]) -> None:
        """Take messages for these and no others. Raises `nats.errors.Error`; what was done before that is done."""
        await self.attach(stages)
        wanted = {stage.subscriptions for stage in stages}
        for gone in [subscriptions for subscriptions in self._running if subscriptions not in wanted]:
            running = self._running.pop(gone)
            await self._detach(running.subscribers)
            await running.dispatcher.drain(self._settings.drain_timeout)

    def durables(self) -> list[str]:
        """The names of the consumers that are read."""
        return [subscription.durable for subscriptions in self._running for subscription in subscriptions]

    async def drain(self) -> None:
        """Finish what is in hand; the subscribers are detached before."""
        patience = self._settings.drain_timeout
        await asyncio.gather(*(running.dispatcher.drain(patience) for running in self._running.values()))

    async def _attach(self, stage: Stage) -> _Running:
        broker = self._connection.broker
        dispatcher = Dispatcher(stage.spec, stage.handler, self._tools)
        for subscription in stage.subscriptions:
            await self._until_there_is(subscription)
        subscribers = tuple(attach(broker, subscription, dispatcher) for subscription in stage.subscriptions)
        try:
            for subscriber in subscribers if broker.running else ():
                await subscriber.start()
        except BaseException:
            await self._detach(subscribers)
            raise
        return _Running(dispatcher, subscribers)

    async def _detach(self, subscribers: tuple[PushStreamSubscriber, ...]) -> None:
        await asyncio.gather(*(last_call(subscriber, self._tools.log) for subscriber in subscribers))

    async def _until_there_is(self, subscription: Subscription) -> None:
        """A client that finds no consumer makes one of its own, with the wrong settings."""
        js, told = self._connection.js, False
        while not await self._is_there(js, subscription):
            if not told:
                _tell_missing(subscription, self._tools.log)
                told = True
            await asyncio.sleep(_LOOK_AGAIN)

    async def _is_there(self, js: JetStreamContext, subscription: Subscription) -> bool:
        try:
            await js.consumer_info(subscription.stream, subscription.durable)
        except NotFoundError:
            return self._makes_consumers and await self._make(js, subscription)
        return True

    async def _make(self, js: JetStreamContext, subscription: Subscription) -> bool:
        try:
            await js.add_consumer(subscription.stream, config=consumer_config(subscription, self._settings))
        except NotFoundError:
            return False
        return True


def _tell_missing(subscription: Subscription, log: Logger) -> None:
    log.warning(
        "not_provisioned", stream=subscription.stream, consumer=subscription.durable, remedy="run `penstock setup`"
    )
