"""One re-index from where it is to its end. All that it knows is in the database, so any process can go on with it."""

import asyncio
import time

import nats.errors

from contracts.errors import ErrorCode, PenstockError
from contracts.reindex import ReindexCompleted, ReindexRequested, ReindexState
from infra.dispatch.job import Job
from infra.index.jobs import Reindex, Wish
from infra.index.reindexing import Counts, Reindexing
from infra.index.version import IndexVersion, VersionSpec, VersionState
from workers.reindex.announcements import end_of, progressed
from workers.reindex.check import Check
from workers.reindex.feeder import Feeder
from workers.reindex.rate import Rate
from workers.reindex.steps import STATE_OF, Step, beyond, figures_of, next_step, room
from workers.reindex.tools import Tools
from workers.reindex.wanted import chunker_of, require_fillable


class Run:
    """A re-index in hand. `to_the_end` may be called again, by any process, until it has returned an end."""

    def __init__(self, tools: Tools, job: Job, request: ReindexRequested) -> None:
        self._tools = tools
        self._job = job
        self._request = request
        self._rate = Rate()
        self._told: tuple[object, ...] = ()
        self._told_at = 0.0

    async def to_the_end(self) -> ReindexCompleted | None:
        """How it ended; its row says what was asked. None where it is paused: whoever wishes otherwise asks again.

        Raises `PenstockError`, retryable: a later try can mend that.
        """
        try:
            row = await self._registered()
            if not row.ended:
                row = await self._work(row)
            if not row.ended:
                return None
            await self._clean_up(row)
        except PenstockError as error:
            if error.retryable:
                raise
            return await self._failed(error)
        return end_of(row)

    async def _registered(self) -> Reindex:
        """Its row, which whoever published the request need not have made."""
        tenant, request = self._job.tenant, self._request
        try:
            return await self._tools.jobs.find(tenant, request.job_id)
        except PenstockError as error:
            if error.code is not ErrorCode.NOT_FOUND:
                raise
        store = await self._tools.stores.resolve(tenant, request.store)
        return await self._tools.jobs.create(tenant, store.id, request)

    async def _work(self, row: Reindex) -> Reindex:
        if row.wish == Wish.CANCEL:
            return await self._tools.jobs.end(self._job.tenant, row.id, ReindexState.CANCELLED)
        version = await self._version(row)
        reindexing = await self._reindexing(row, version)
        feeder = Feeder(self._tools, self._job, reindexing)
        while True:
            row = await self._tools.jobs.find(self._job.tenant, row.id)
            began = time.monotonic()
            if not row.builds and (live := await self._live(row.store_id)) is not None and live.id != version.id:
                reason = f"the index version {version.id} does not answer any more"
                return await self._tools.jobs.end(row.tenant_id, row.id, ReindexState.CANCELLED, reason=reason)
            counts = await reindexing.counts()
            step = next_step(row, counts)
            if step in (Step.STOP, Step.CANCEL):
                return await self._tools.jobs.end(self._job.tenant, row.id, ReindexState.CANCELLED)
            if step is Step.REST and not counts.queued and (resting := await self._rest(row, counts)) is not None:
                return resting
            # A store so large that counting takes long is looked at less often.
            pause = max(self._tools.pace.look, 10 * (time.monotonic() - began))
            await self._tell(row, STATE_OF[step], counts)
            if step is Step.CHECK and (ended := await self._check(row, version, counts)) is not None:
                return ended
            await self._feed(row, step, counts, feeder)
            await asyncio.sleep(pause)

    async def _rest(self, row: Reindex, counts: Counts) -> Reindex | None:
        """Its row, from which on it is for others to ask for it again; None where its owner wishes otherwise by now.

        Whoever wishes sees that it is paused, or else is seen here: both lock the row.
        """
        row = await self._note(row, ReindexState.PAUSED, counts, 0.0)
        return row if row.wish == Wish.PAUSE and not row.ended else None

    async def _feed(self, row: Reindex, step: Step, counts: Counts, feeder: Feeder) -> None:
        if step is Step.FEED:
            await feeder.feed(row, room(counts))
        if step in (Step.FEED, Step.WAIT) and counts.queued:
            try:
                await feeder.look_for_lost(row, counts.at)
            except (nats.errors.Error, OSError):
                # The broker is away. Nothing is lost by looking later.
                self._tools.log.warning("lost_documents_not_looked_for", job_id=row.id)

    async def _check(self, row: Reindex, version: IndexVersion, counts: Counts) -> Reindex | None:
        if not row.builds:
            figures = figures_of(counts)
            return await self._tools.jobs.end(row.tenant_id, row.id, ReindexState.COMPLETED, **figures)
        return await Check(self._tools, row, await self._reindexing(row, version)).pass_or_refuse()

    async def _reindexing(self, row: Reindex, version: IndexVersion) -> Reindexing:
        """Beside the version that is live now: it can be another one than at the beginning."""
        live = await self._live(row.store_id) if row.builds else None
        return Reindexing(self._tools.engine, version, live.id if live else None, row.created_at)

    async def _version(self, row: Reindex) -> IndexVersion:
        """The version that it builds: made now, or by an earlier try."""
        if row.version_id is not None:
            return require_fillable(await self._tools.versions.find(row.tenant_id, row.version_id), row.store_id)
        store = await self._tools.stores.resolve(row.tenant_id, row.store_id)
        live = await self._live(row.store_id)
        asked = row.request
        chunker = chunker_of(asked, store.settings, live.chunker if live else None)
        model = await self._tools.describe(row.tenant_id, asked.embedding_model or store.settings.embedding_model)
        spec = VersionSpec(model.model, model.revision, model.dimension, chunker)
        return await self._tools.jobs.begin(row.tenant_id, row.id, spec)

    async def _live(self, store_id: str) -> IndexVersion | None:
        found = await self._tools.versions.of_store(self._job.tenant, store_id, VersionState.LIVE)
        return found[0] if found else None

    async def _tell(self, row: Reindex, state: ReindexState, counts: Counts) -> None:
        """Note how far it has come, and tell it: where that has changed, and about once a second."""
        now = time.monotonic()
        if state is ReindexState.PAUSED:
            self._rate.rest()
        rate = self._rate.see(now, counts.done + counts.failed)
        news = (state, counts.done, counts.failed, counts.pending)
        if news == self._told or (now - self._told_at < self._tools.pace.tell and state == row.state):
            return
        self._told, self._told_at = news, now
        await self._note(row, state, counts, rate)

    async def _note(self, row: Reindex, state: ReindexState, counts: Counts, rate: float) -> Reindex:
        row = await self._tools.jobs.advance(row.tenant_id, row.id, state=state, rate=rate, **figures_of(counts))
        if not row.ended:
            await self._tools.emitter.emit(self._job, progressed(row))
        return row

    async def _failed(self, error: PenstockError) -> ReindexCompleted:
        """End it with the reason; where there is no such store, there is no row of it either."""
        request = self._request
        try:
            row = await self._tools.jobs.end(
                self._job.tenant, request.job_id, ReindexState.FAILED, reason=error.message
            )
        except PenstockError as gone:
            if gone.code is not ErrorCode.NOT_FOUND:
                raise
            return ReindexCompleted(
                job_id=request.job_id, store_id=request.store, state=ReindexState.FAILED, reason=error.message
            )
        await self._clean_up(row)
        return end_of(row)

    async def _clean_up(self, row: Reindex) -> None:
        """Drop what nobody goes back to: the version that did not go live, or those before the ones that are kept."""
        versions, tenant = self._tools.versions, row.tenant_id
        if not row.builds:
            return
        gone: list[int] = []
        if row.state == ReindexState.COMPLETED:
            store = await self._tools.stores.resolve(tenant, row.store_id)
            past = await versions.of_store(tenant, row.store_id, VersionState.PAST)
            gone = beyond(past, store.settings.keep_versions)
        elif row.version_id is not None:
            failed = await versions.of_store(tenant, row.store_id, VersionState.FAILED)
            gone = [version.id for version in failed if version.id == row.version_id]
        for version in gone:
            await versions.drop(tenant, version)
