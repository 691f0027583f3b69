"""Wiring: `documents.submitted` in; `documents.chunked` out, one an index version, or how the submission ended."""

from contracts.registry import template_of
from infra.dispatch.stage import Stage, StageSpec
from infra.streams import BATCH_SHARE
from workers.chunking.late import LateChunking
from workers.context import Worker, WorkerContext
from workers.documents import identify_submitted


def build(context: WorkerContext) -> Worker:
    """The chunking worker."""
    chunking = LateChunking(context)
    spec = StageSpec(
        "chunking",
        template_of("documents.submitted"),
        identify_submitted,
        context.settings.document_concurrency * BATCH_SHARE,
        terminal=False,
        given_up=chunking.give_up,
        gives_way=True,
    )
    stage = Stage(spec, chunking.handle, context.subscriptions["chunking"])
    return Worker((stage,), chunking.open, chunking.close)
