"""The journal of provider calls: an entry before each, and only by a worker that knows all that came before."""

from contracts.errors import ErrorCode, PenstockError
from contracts.inference import InferenceAttempted
from infra.broker import Stored
from infra.dispatch.emit import Emitter
from infra.dispatch.job import Job
from workers.provider.calls import STAGE
from workers.provider.records import journal_entry
from workers.provider.recovery import Past, Recovery


class OvertakenError(PenstockError):
    """Another worker entered a call for this request that this one did not know of."""

    def __init__(self) -> None:
        message = "another worker has begun a call for this request"
        super().__init__(ErrorCode.PIPELINE_UNAVAILABLE, message, stage=STAGE, retryable=True)


class Journal:
    """One request's entries. `made` is the number of the last one, those of a worker that died included.

    Work queues forget the message ids of what they no longer hold when NATS restarts, so that a copy of a message can
    come as if it were new. The journal keeps its entries: the first one is stored only upon the one that is known.
    """

    def __init__(self, job: Job, past: Past, emitter: Emitter, recovery: Recovery) -> None:
        self._job = job
        self._emitter = emitter
        self._recovery = recovery
        self._after: int | None = past.journal_at
        self.made = past.last_attempt.attempt if past.last_attempt else 0
        self._withdrawn = 0

    @property
    def calls(self) -> int:
        """How many calls were made, as far as this worker knows."""
        return self.made - self._withdrawn

    async def enter(self, call: InferenceAttempted) -> None:
        """Store an entry; the call may be made now. Raises `OvertakenError` where it may not.

        Of a request's entries only the newest is kept, so it has to name every call that is under way.
        """
        entry = journal_entry(self._job, call, after=self._after)
        stored = await self._emitter.emit(self._job, entry)
        # Known is also what a repeated publish gets whose first ack was lost: then the entry is ours.
        if stored is Stored.KNOWN and not await self._recovery.is_last_entry(self._job, entry.body):
            raise OvertakenError
        self._after, self.made = None, call.attempt
        self._recovery.is_calling(self._job)

    async def withdraw(self, call: InferenceAttempted) -> None:
        """The call was entered last, and is not made after all. Its number stays taken.

        Should this process die before, nobody knows that it was not: it is billed as one that was interrupted.
        """
        await self._emitter.emit(self._job, journal_entry(self._job, withdrawn(call), after=None))
        self._withdrawn += 1


def withdrawn(call: InferenceAttempted) -> InferenceAttempted:
    """The entry that takes a call's place which is not made."""
    return call.model_copy(update={"withdrawn": True})
