"""Waiting for the first of several things, of which a signal may be one."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any


async def first_of(*works: Coroutine[Any, Any, object]) -> None:
    """Run all until one ends, and raise what it raised; the others are cancelled."""
    tasks = [asyncio.create_task(work) for work in works]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    for task in done:
        task.result()


@contextmanager
def interrupts(stop: asyncio.Event, kill: Callable[[], None], announce: Callable[[str], None]) -> Iterator[None]:
    """The first signal asks to stop, a second Ctrl-C kills. A closed terminal may send more than one SIGHUP."""
    loop = asyncio.get_running_loop()

    def on_signal(signum: signal.Signals) -> None:
        if not stop.is_set():
            stop.set()
            announce("Stopping; Ctrl-C again kills at once.")
        elif signum == signal.SIGINT:
            kill()

    wanted = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    signals = [signum for signum in wanted if signal.getsignal(signum) is not signal.SIG_IGN]  # nohup ignores SIGHUP
    for signum in signals:
        loop.add_signal_handler(signum, on_signal, signum)
    try:
        yield
    finally:
        for signum in signals:
            loop.remove_signal_handler(signum)
