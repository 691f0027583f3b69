"""The pipeline as a test sees it: messages in, and what the streams hold."""

import asyncio
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from nats.aio.client import Client
from nats.js.api import ConsumerInfo, RawStreamMsg
from nats.js.errors import NotFoundError, ServerError

from contracts import envelope, subjects
from contracts.inference import InferenceCompleted, InferenceFailed
from infra.catalog import Catalog, load_catalog
from infra.dead_letters import DeadLetter, DeadLetters
from infra.settings import Settings
from infra.streams import RESULTS, RESULTS_ASYNC, provision
from tests.support.simulator import MODEL
from tests.support.waiting import eventually

TENANT = "acme"
_NO_STORE = 10049
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message that a stream holds."""

    subject: str
    headers: Mapping[str, str]
    body: bytes
    sequence: int

    @property
    def request_id(self) -> str | None:
        return self.headers.get(envelope.REQUEST_ID)

    def json(self) -> Any:
        """The body."""
        return orjson.loads(self.body)


def new_request_id(prefix: str = "request") -> str:
    """One that no other test of this process has."""
    return f"{prefix}-{next(_numbers)}"


def prompt(request_id: str, *, model: str = MODEL, content: str = "Hello", **fields: Any) -> dict[str, Any]:
    """The body of `inference.requested`; `fields` go over the contract's own."""
    request = {"model": model, "messages": [{"role": "user", "content": content}]}
    return {"request_id": request_id, "request": request, **fields}


class Pipeline:
    """Streams and consumers on a real server, all of them new."""

    def __init__(self, client: Client, settings: Settings) -> None:
        self.client = client
        self.js = client.jetstream(timeout=5)
        self.settings = settings

    @property
    def catalog(self) -> Catalog:
        """What the streams were provisioned with."""
        return load_catalog(self.settings.catalog)

    async def start_afresh(self) -> None:
        """Delete every stream that ever held anything, with what it holds and remembers, and provision."""
        used = [stream.config.name or "" for stream in await self.js.streams_info() if stream.state.last_seq]
        await asyncio.gather(*(self.js.delete_stream(name) for name in used))
        await eventually(self._is_provisioned, what="the streams could not be made")

    async def _is_provisioned(self) -> bool:
        try:
            await provision(self.js, self.settings, self.catalog)
        except ServerError as error:
            # The server still removes the files of the stream that had the name.
            if error.err_code != _NO_STORE:
                raise
            return False
        return True

    async def configure(self, **changed: object) -> None:
        """Change settings, and the streams and consumers with them; workers that start from now on have them too."""
        self.settings = self.settings.model_copy(update=changed)
        await provision(self.js, self.settings, self.catalog)

    async def publish(self, subject: str, body: bytes, headers: Mapping[str, str] | None = None) -> int:
        """Store one message as a stock client does, and return its sequence."""
        return (await self.js.publish(subject, body, headers=dict(headers or {}))).seq

    async def publish_request(
        self,
        request_id: str | None = None,
        *,
        lane: str = "interactive",
        tenant: str = TENANT,
        headers: Mapping[str, str] | None = None,
        **fields: Any,
    ) -> str:
        """Ask at the producers' door, and return the request id. `fields` are those of `prompt`."""
        request_id = request_id or new_request_id()
        body = orjson.dumps(prompt(request_id, **fields))
        await self.publish(subjects.requested(lane, tenant), body, {envelope.MSG_ID: request_id, **(headers or {})})
        return request_id

    async def stored(self, stream: str, subject: str = ">") -> list[Stored]:
        """All that a stream holds of a subject, the oldest first."""
        found: list[Stored] = []
        sequence = 1
        while True:
            try:
                message = await self.js.get_msg(stream, seq=sequence, subject=subject, next=True)
            except NotFoundError:
                return found
            found.append(_stored(message))
            sequence = found[-1].sequence + 1

    async def held(self, stream: str) -> int:
        """How many messages a stream holds."""
        return (await self.js.stream_info(stream)).state.messages

    async def terminals(self, request_id: str) -> list[Stored]:
        """Every terminal message of a request, in both lanes: there should never be two."""
        both = [await self.stored(stream, f"{subjects.ROOT}.inference.*.*.*.{request_id}") for stream in _RESULTS]
        return [message for messages in both for message in messages]

    async def completed(self, request_id: str) -> InferenceCompleted | None:
        """The answer, if it is there."""
        return next(
            (
                InferenceCompleted.model_validate_json(message.body)
                for message in await self.terminals(request_id)
                if ".completed." in message.subject
            ),
            None,
        )

    async def failed(self, request_id: str) -> InferenceFailed | None:
        """The failure, if it is there."""
        return next(
            (
                InferenceFailed.model_validate_json(message.body)
                for message in await self.terminals(request_id)
                if ".failed." in message.subject
            ),
            None,
        )

    def letters(self) -> DeadLetters:
        """The dead letters, to look at; to redrive one give `DeadLetters` a publisher."""
        return DeadLetters(self.js, None)  # type: ignore[arg-type]

    async def dead_letters(self) -> list[DeadLetter]:
        """All of them, the oldest first."""
        return [letter async for letter in self.letters().all()]

    async def consumer(self, stream: str, durable: str) -> ConsumerInfo:
        """What the server knows of a durable."""
        found: ConsumerInfo = await self.js.consumer_info(stream, durable)
        return found


_RESULTS = (RESULTS, RESULTS_ASYNC)


def _stored(message: RawStreamMsg) -> Stored:
    headers = {str(name): str(value) for name, value in (message.headers or {}).items()}
    return Stored(message.subject or "", headers, message.data or b"", message.seq or 0)
