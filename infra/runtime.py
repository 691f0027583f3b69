"""How a long-lived Python process is set up for latency: the event loop, the collector, the interpreter's lock."""

import asyncio
import gc
import os
import sys
from collections.abc import Coroutine
from typing import Any

import uvloop

_SWITCH_INTERVAL = 0.0005
"""Seconds for which a thread may keep the interpreter's lock while another waits. With Python's own 5 ms the span
exporter added up to that to each hop of a request (p99 at one in flight: 45 ms)."""
_ONE_BLAS_THREAD = ("OPENBLAS_NUM_THREADS", "1")
"""A process has work for its core as it is. OpenBLAS's own threads spin while they wait for each other: on two busy
cores the training of the router's classifier took ten times the CPU with them."""
_CANCEL_AGAIN = 0.1
_GENERATION_0 = 20_000
"""Allocations between two young collections; Python's own 700 run some twenty times a request."""


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a process's main coroutine to its end."""
    sys.setswitchinterval(_SWITCH_INTERVAL)
    # Read when numpy is first imported, which is later than this.
    os.environ.setdefault(*_ONE_BLAS_THREAD)
    uvloop.run(main)


async def end_tasks(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait until they have ended, whatever they raise."""
    waiting = set(tasks)
    while waiting:
        # Python 3.11's `wait_for`, in every request of the NATS client, swallows a cancellation that comes with its
        # result (python/cpython#86296): so the next one is sent.
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=_CANCEL_AGAIN)


def settle() -> None:
    """Call once all is imported and built: what is there now stays, and the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_GENERATION_0, 20, 50)
