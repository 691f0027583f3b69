"""Puts documents on the queue for one version: each once, and again what was lost on its way."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from nats.js.api import StreamInfo

from contracts.errors import ErrorCode, PenstockError
from infra.dispatch.job import Job
from infra.index.documents import DocumentStatus
from infra.index.jobs import Reindex
from infra.index.reindexing import Pending, Reindexing
from infra.telemetry.told import document_digest
from workers.reindex.announcements import submission_of
from workers.reindex.sweep import Sweep
from workers.reindex.tools import Tools

_PAGE, _AT_ONCE = 500, 64
_ATTEMPTS = 3
_LOST = f"it was lost on its way into the index {_ATTEMPTS} times"


class Feeder:
    """Feeds the version of one re-index. What is on the queue is noted in the database, so another process goes on."""

    def __init__(self, tools: Tools, job: Job, reindexing: Reindexing) -> None:
        self._tools = tools
        self._job = job
        self._reindexing = reindexing
        self._sweep = Sweep()
        self._attempts: Counter[str] = Counter()
        self._after = ""

    async def feed(self, row: Reindex, room: int) -> None:
        """Put at most `room` documents on the queue; fewer where it is full. Raises `PenstockError`."""
        while room > 0:
            page = await self._reindexing.waiting(after=self._after, limit=min(room, _PAGE))
            if not page:
                self._after = ""
                return
            if await self._put(row, page) < len(page):
                return
            self._after = page[-1].document_id
            room -= len(page)

    async def look_for_lost(self, row: Reindex, at: datetime) -> None:
        """Where all that was on its way earlier is through, put what is still missing on the queue again.

        `at` is a moment before this call, by the database's clock. Raises `PenstockError`, and `nats.errors.Error`
        where the broker is away.
        """
        info: StreamInfo = await self._tools.js.stream_info(self._sweep.queue)
        state = info.state
        before = self._sweep.see(state.first_seq if state.messages else state.last_seq + 1, state.last_seq, at)
        if before is None:
            return
        lost = await self._reindexing.lost(before, limit=_PAGE)
        if lost:
            self._tools.log.warning(
                "documents_lost", job_id=row.id, count=len(lost), first=document_digest(lost[0].document_id)
            )
            self._attempts.update(each.document_id for each in lost)
            again = [each for each in lost if self._attempts[each.document_id] < _ATTEMPTS]
            await self._give_up([each for each in lost if each not in again])
            await self._put(row, again)

    async def _give_up(self, lost: Sequence[Pending]) -> None:
        for each in lost:
            error = (ErrorCode.INTERNAL_ERROR, _LOST)
            version = self._reindexing.version
            await self._tools.documents.mark(version, each.document_id, each.sha256, DocumentStatus.FAILED, error=error)

    async def _put(self, row: Reindex, page: Sequence[Pending]) -> int:
        """Publish, then note what is stored; how many that were until the queue was full."""
        put = 0
        for begin in range(0, len(page), _AT_ONCE):
            some = page[begin : begin + _AT_ONCE]
            results = await asyncio.gather(*(self._publish(row, each) for each in some))
            stored = [each.document_id for each, done in zip(some, results, strict=True) if done]
            if stored:
                await self._reindexing.mark_queued(stored)
            put += len(stored)
            if len(stored) < len(some):
                break
        return put

    async def _publish(self, row: Reindex, each: Pending) -> bool:
        attempt = self._attempts[each.document_id]
        submission = submission_of(row, self._reindexing.version.id, each, attempt)
        try:
            await self._tools.emitter.emit(self._job, submission)
        except PenstockError as error:
            if error.code is not ErrorCode.OVERLOADED:
                raise
            return False
        return True
