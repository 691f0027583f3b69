"""Takes a version that is complete through the gate, and lets it answer."""

import asyncio
import time
from typing import Any

from contracts.reindex import ReindexState
from contracts.retrieval import EvaluationAnswered
from infra.index.jobs import Reindex, Wish
from infra.index.reindexing import Reindexing
from infra.index.upkeep import finish_bulk
from infra.index.version import IndexVersion
from workers.reindex.gate import quality_of, too_few, verdict
from workers.reindex.measuring import measure, question
from workers.reindex.steps import figures_of
from workers.reindex.tools import Tools

_SWITCHES = 50
"""Tries, until we look again at what is missing: a document that is written meanwhile is on its way to both versions,
and a moment later in both."""
_LONGEST_PATIENCE = 3600.0


class Check:
    """The gate for one version."""

    def __init__(self, tools: Tools, row: Reindex, reindexing: Reindexing) -> None:
        self._tools = tools
        self._row = row
        self._reindexing = reindexing

    async def pass_or_refuse(self) -> Reindex | None:
        """The re-index as it ended; None where it can't be said now: the owner wishes otherwise, or more was written.

        Raises `PenstockError`.
        """
        row, reindexing = self._row, self._reindexing
        version = await finish_bulk(self._tools.engine, reindexing.version)
        if (reason := too_few(await reindexing.lacking())) is not None:
            return await self._refuse(reason)
        answer = await self._measured(version)
        if answer is None:
            return None
        quality = quality_of(answer)
        await self._tools.versions.set_quality(row.tenant_id, version.id, quality)
        loss = row.request.max_quality_loss
        reason = verdict(answer, version.id, reindexing.live, chunks=version.chunks, loss=loss)
        return await (self._switch(quality) if reason is None else self._refuse(reason, quality=quality))

    async def _measured(self, version: IndexVersion) -> EvaluationAnswered | None:
        """Ask until somebody answers, or the owner wishes otherwise."""
        tools, row = self._tools, self._row
        asked, told, patience = question(row, version, self._reindexing.live), False, tools.pace.measure
        began = time.monotonic()
        while (answer := await measure(tools.client, row.tenant_id, asked, patience)) is None:
            if time.monotonic() - began >= patience:
                # An answer was lost, or large sets take longer than this.
                patience = min(patience * 2, _LONGEST_PATIENCE)
            if not told:
                told = True
                tools.log.warning("gate_waits", job_id=row.id, remedy="run a retrieval worker")
            await asyncio.sleep(tools.pace.tell)
            row = await tools.jobs.find(row.tenant_id, row.id)
            if row.ended or row.wish != Wish.RUN:
                return None
            began = time.monotonic()
        return answer

    async def _switch(self, quality: dict[str, Any]) -> Reindex | None:
        tools, row = self._tools, self._row
        for _ in range(_SWITCHES):
            counts = await self._reindexing.counts()
            ended = await tools.jobs.switch(row.tenant_id, row.id, quality=quality, **figures_of(counts))
            if ended is not None:
                return ended
            await asyncio.sleep(tools.pace.switch)
        return None

    async def _refuse(self, reason: str, **changed: Any) -> Reindex:  # noqa: ANN401 - columns of the row
        row = self._row
        return await self._tools.jobs.end(row.tenant_id, row.id, ReindexState.REFUSED, reason=reason, **changed)
