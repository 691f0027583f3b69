"""A message that was worked on before: is it answered, is it in hand elsewhere, was a call made that nobody counted?

Asked only of redeliveries, of messages older than JetStream's duplicate window, and where the journal knows more than a
first delivery should: a request on its usual way pays nothing for it.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.api import RawStreamMsg
from nats.js.errors import NotFoundError

from contracts import subjects
from contracts.inference import AttemptedCall, InferenceAttempted, InferenceCompleted, InferenceFailed
from contracts.subjects import ROOT
from infra.dispatch.job import Job
from infra.results import find_terminal
from infra.streams import ATTEMPTED, DUPLICATE_WINDOW

_PEER_PATIENCE = 0.25
_MARGIN = 20.0


class Holder(Enum):
    """Who else has a request in hand: nobody, a worker with this very message, or one in a call for a copy of it."""

    NOBODY = "nobody"
    THIS_MESSAGE = "this message"
    A_COPY = "a copy"


@dataclass(frozen=True, slots=True)
class Past:
    """What happened to a request before. All empty for a first delivery.

    `journal_at` is the stream sequence of the journal's last entry, 0 where there is none.
    """

    terminal: InferenceCompleted | InferenceFailed | None = None
    last_attempt: InferenceAttempted | None = None
    journal_at: int = 0
    holder: Holder = Holder.NOBODY

    @property
    def last_calls(self) -> tuple[AttemptedCall, ...]:
        """The last call, and the one that was under way beside it: of these, nobody may have written the end."""
        if self.last_attempt is None:
            return ()
        beside = () if self.last_attempt.beside is None else (self.last_attempt.beside,)
        return beside if self.last_attempt.withdrawn else (*beside, self.last_attempt)


class Recovery:
    """Looks into the results, the journal, and asks the other provider workers."""

    def __init__(self, client: Client, js: JetStreamContext) -> None:
        self._client = client
        self._js = js
        # By tenant and request id: the messages in hand, and whether the call for one is on its way.
        self._here: dict[str, dict[int, bool]] = {}
        self._name = client.new_inbox()

    async def listen(self) -> None:
        """Answer the other workers."""
        await self._client.subscribe(f"{ROOT}.provider.held.*.*", cb=self._on_question)

    @contextmanager
    def holding(self, job: Job) -> Iterator[None]:
        """While the body runs, the job counts as held by this process."""
        held = self._here.setdefault(_name_of(job), {})
        held[job.position.sequence] = False
        try:
            yield
        finally:
            del held[job.position.sequence]
            if not held:
                del self._here[_name_of(job)]

    def is_calling(self, job: Job) -> None:
        """The job's call is journalled: a worker with a copy of its message can leave the request to this one."""
        self._here[_name_of(job)][job.position.sequence] = True

    async def past_of(self, job: Job) -> Past:
        """What is known; nothing is looked up for a first delivery."""
        return await self.whole_past_of(job) if may_have_past(job) else Past()

    async def whole_past_of(self, job: Job) -> Past:
        """What is known, and who has the request in hand."""
        past = await self.written_past_of(job)
        if past.terminal is not None:
            return past
        return Past(None, past.last_attempt, past.journal_at, await self._holder(job))

    async def written_past_of(self, job: Job) -> Past:
        """What is stored of a request."""
        found = await find_terminal(self._js, job.lane, job.tenant, job.request_id)
        terminal = None if found is None else found.outcome()
        entry = await self._last(ATTEMPTED, subjects.attempted(job.tenant, job.request_id))
        if entry is None:
            return Past(terminal)
        return Past(terminal, InferenceAttempted.model_validate_json(entry.data or b""), entry.seq or 0)

    async def is_last_entry(self, job: Job, body: bytes) -> bool:
        """Whether the journal's last entry of a request is this one, to the byte."""
        entry = await self._last(ATTEMPTED, subjects.attempted(job.tenant, job.request_id))
        return entry is not None and entry.data == body

    async def _last(self, stream: str, subject: str) -> RawStreamMsg | None:
        try:
            # Not a direct get: only the stream's leader knows the newest for certain.
            return await self._js.get_last_msg(stream, subject)
        except NotFoundError:
            return None

    async def _holder(self, job: Job) -> Holder:
        here = self._held_by(_name_of(job), job.position.sequence, other_process=False)
        if here is not Holder.NOBODY:
            return here
        question = f"{self._name} {job.position.sequence}".encode()
        try:
            answer = await self._client.request(f"{ROOT}.provider.held.{_name_of(job)}", question, _PEER_PATIENCE)
        except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
            return Holder.NOBODY
        return Holder(answer.data.decode())

    async def _on_question(self, message: Msg) -> None:
        asker, _, sequence = message.data.decode().partition(" ")
        if asker == self._name:
            return
        name = message.subject.removeprefix(f"{ROOT}.provider.held.")
        holder = self._held_by(name, int(sequence), other_process=True)
        if holder is not Holder.NOBODY:
            await message.respond(holder.value.encode())

    def _held_by(self, name: str, sequence: int, *, other_process: bool) -> Holder:
        held = self._here.get(name, {})
        if other_process and sequence in held:
            return Holder.THIS_MESSAGE
        if any(calling for other, calling in held.items() if other != sequence):
            return Holder.A_COPY
        return Holder.NOBODY


def may_have_past(job: Job) -> bool:
    """Whether something may be known of a request: its message came before, or its copies are no longer dropped."""
    return job.position.deliveries > 1 or time.time() - job.position.stored_at > DUPLICATE_WINDOW - _MARGIN


def _name_of(job: Job) -> str:
    return f"{job.tenant}.{job.request_id}"
