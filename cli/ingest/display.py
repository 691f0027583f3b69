"""What a person sees of an ingest: a bar where there is a terminal, lines where there is none, and a summary."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import islice
from typing import TYPE_CHECKING

from cli.ingest.tally import Tally

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.progress import Progress, TaskID

_FRAME, _LINE = 0.2, 2.0
"""Seconds between two looks at the tally: of the bar, and of lines."""
_NEWEST, _SHOWN = 3, 20


@asynccontextmanager
async def shown(tally: Tally, console: "Console", store: str) -> AsyncIterator[None]:
    """Show the tally while things go on."""
    showing = asyncio.create_task(_bar(tally, console, store) if console.is_terminal else _lines(tally, console))
    try:
        yield
    finally:
        showing.cancel()
        with suppress(asyncio.CancelledError):
            await showing


def counts(tally: Tally) -> str:
    """One line of what has been done."""
    parts = [f"{tally.sent:,} sent", f"{tally.ended:,} indexed", f"{tally.failed:,} failed"]
    parts.append(f"{tally.unchanged:,} unchanged")
    return ", ".join(parts)


def summary(tally: Tally, store: str) -> list[str]:
    """What an ingest came to, and why documents failed."""
    took = f", in {tally.seconds:.1f} s" + (f" ({tally.rate:,.0f} a second)" if tally.indexed else "")
    deleted = f", {tally.deleted:,} deleted" if tally.deleted else ""
    ended = f"{store}: {tally.total:,} documents: {counts(tally)}{deleted}{took}."
    on_the_way = [f"{len(tally.pending):,} are being indexed: `penstock store show {store}`."] if tally.pending else []
    reasons = [f"failed: {name}: {reason}" for name, reason in islice(tally.failures.items(), _SHOWN)]
    more = len(tally.failures) - len(reasons)
    rest = [f"… and {more:,} more: `penstock store show {store}` lists them."] if more else []
    return [ended, *on_the_way, *reasons, *rest]


async def _lines(tally: Tally, console: "Console") -> None:
    """A line when something has changed."""
    last = ""
    while True:
        await asyncio.sleep(_LINE)
        wait = f"; waiting: {tally.waits_for}" if tally.waits_for else ""
        line = f"{counts(tally)} of {tally.total:,}{wait}"
        if line != last:
            console.print(f"{line}; {tally.rate:,.0f} a second", highlight=False, markup=False, soft_wrap=True)
        last = line


async def _bar(tally: Tally, console: "Console", store: str) -> None:
    from rich.live import Live

    progress, task = _progress(console, store)
    with Live(console=console, refresh_per_second=1 / _FRAME, transient=True) as live:
        while True:
            live.update(_frame(tally, progress, task))
            await asyncio.sleep(_FRAME)


def _progress(console: "Console", store: str) -> "tuple[Progress, TaskID]":
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}"))
    progress = Progress(*columns, TimeElapsedColumn(), console=console)
    return progress, progress.add_task(store, total=None, rate="")


def _frame(tally: Tally, progress: "Progress", task: "TaskID") -> "RenderableType":
    """The bar, the counts, what it waits for, and the newest failures."""
    from rich.console import Group
    from rich.text import Text

    progress.update(task, completed=tally.done, total=tally.total or None, rate=f"{tally.rate:,.0f}/s")
    wait = f"  waiting: {tally.waits_for}" if tally.waits_for else ""
    newest = list(tally.failures.items())[-_NEWEST:]
    failures = [Text(f"failed: {name}: {reason}", "red", no_wrap=True, overflow="ellipsis") for name, reason in newest]
    return Group(progress, Text(f"{counts(tally)}{wait}", "dim"), *failures)
