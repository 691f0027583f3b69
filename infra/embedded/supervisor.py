"""Keeps the child processes of one machine alive, and stops them in order."""

import asyncio
from asyncio.subprocess import Process
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from infra.embedded.errors import ChildStartError, CrashLoopError
from infra.embedded.process import ChildLog, ChildSpec, describe_exit, kill_group, spawn

_PAUSES = (0.0, 0.5, 1.0, 2.0)
"""Seconds before each new start of a child within the window; one death more is a crash loop."""
_WINDOW = 60.0
# Servers are ready within a few of these; asking a busy API as often would slow its start.
_FIRST_POLL, _LAST_POLL = 0.02, 0.1


class RestartPolicy:
    """When a dead child is started again: at once, then after longer pauses, at the fifth death in 60 s no more."""

    def __init__(self) -> None:
        self._deaths: deque[float] = deque()

    def pause(self, now: float) -> float | None:
        """Count a death at `now` (seconds on any clock); the pause before the next start, or None for no more."""
        self._deaths.append(now)
        while now - self._deaths[0] > _WINDOW:
            self._deaths.popleft()
        return _PAUSES[len(self._deaths) - 1] if len(self._deaths) <= len(_PAUSES) else None


class _Child:
    def __init__(self, spec: ChildSpec, logs: Path) -> None:
        self.spec = spec
        self.log = ChildLog(logs / f"{spec.name}.log")
        self.process: Process | None = None
        self.watch: asyncio.Task[None] | None = None
        self.restarts = RestartPolicy()

    @property
    def pid(self) -> int | None:
        return self.process.pid if self.process is not None and self.process.returncode is None else None

    async def spawn(self) -> Process:
        self.log.mark()
        self.process = await spawn(self.spec, self.log.path)
        return self.process

    def end(self, process: Process, when: str = "") -> str:
        return describe_exit(process.returncode or 0, self.log.last_line(), when)

    async def until_ready(self) -> None:
        if self.spec.ready is None:
            return
        try:
            async with asyncio.timeout(self.spec.ready_timeout_seconds):
                pause = _FIRST_POLL
                while not await self.spec.ready():
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.3, _LAST_POLL)
        except TimeoutError:
            said = self.log.last_line()
            raise ChildStartError(
                f"{self.spec.title} was not ready within {self.spec.ready_timeout_seconds:g} s"
                f"{f': {said}' if said else ''} (log: {self.log.path})."
            ) from None

    async def ended(self) -> None:
        if self.process is not None:
            await self.process.wait()

    async def unwatch(self) -> None:
        if self.watch is not None:
            self.watch.cancel()
            await asyncio.wait({self.watch})


class Supervisor:
    """Starts groups of children, restarts those that die, and stops the groups last to first.

    `logs` is the directory of their log files; `announce` takes one sentence for the terminal at a time; `changed` is
    called whenever a child has a new process id.
    """

    def __init__(self, logs: Path, announce: Callable[[str], None], changed: Callable[[], None] = lambda: None) -> None:
        self._logs = logs
        self._announce = announce
        self._changed = changed
        self._groups: list[list[_Child]] = []
        self._crash: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each child that lives, by name."""
        return {child.spec.name: child.pid for child in self._children() if child.pid is not None}

    async def start(self, *groups: Sequence[ChildSpec]) -> None:
        """Start all children of all groups at once and wait until they are ready; the groups are for `stop`'s order.

        Raises `ChildStartError` where one can't be started, dies before all are ready, or is not ready in time; what
        was started is left for `stop`.
        """
        added = [[_Child(spec, self._logs) for spec in group] for group in groups]
        self._groups.extend(added)
        children = [child for group in added for child in group]
        for child in children:
            await self._first_spawn(child)
        await self._until_ready(children)
        for child in children:
            child.watch = asyncio.create_task(self._watch(child))
            child.watch.add_done_callback(self._on_watch_done)

    async def wait(self) -> None:
        """Wait until a child has died too often. Raises `CrashLoopError`."""
        await asyncio.shield(self._crash)

    async def stop(self) -> None:
        """Stop the groups last to first, the children of one together; who stays longer than its grace gets SIGKILL."""
        for group in reversed(self._groups):
            await asyncio.gather(*(self._stop(child) for child in group))
        if not self._crash.cancel() and not self._crash.cancelled():
            self._crash.exception()  # marks it as seen, where nobody waits for it any more

    def kill(self) -> None:
        """SIGKILL to all, at once; `stop` then has nothing left to wait for."""
        for child in self._children():
            if child.watch is not None:
                child.watch.cancel()
            if child.process is not None and child.process.returncode is None:
                kill_group(child.process)

    def _children(self) -> Iterable[_Child]:
        return (child for group in self._groups for child in group)

    async def _first_spawn(self, child: _Child) -> None:
        child.log.rotate()
        try:
            await child.spawn()
        except OSError as error:
            raise ChildStartError(f"{child.spec.title} can't be started: {error.strerror}.") from None

    async def _until_ready(self, children: Sequence[_Child]) -> None:
        exits = {asyncio.create_task(child.ended()): child for child in children}
        probes = {asyncio.create_task(child.until_ready()) for child in children}
        try:
            while probes:
                done, _ = await asyncio.wait({*exits, *probes}, return_when=asyncio.FIRST_COMPLETED)
                for ended in done & exits.keys():
                    raise _died_early(exits[ended])
                for probe in done & probes:
                    probe.result()
                probes -= done
        finally:
            for task in (*exits, *probes):
                task.cancel()
            await asyncio.gather(*exits, *probes, return_exceptions=True)

    async def _watch(self, child: _Child) -> None:
        while child.process is not None:
            await child.process.wait()
            if not await self._restart(child, child.process):
                return

    async def _restart(self, child: _Child, ended: Process) -> bool:
        """Start a dead child again; False where it has died too often."""
        what = child.end(ended)
        while (pause := child.restarts.pause(asyncio.get_running_loop().time())) is not None:
            await asyncio.sleep(pause)
            try:
                process = await child.spawn()
            except OSError as error:
                what = f"can't be started again: {error.strerror}"
                continue
            self._announce(f"{child.spec.title} (process {ended.pid}) {what}; started again as process {process.pid}")
            self._changed()
            return True
        self._give_up(child, what)
        return False

    def _on_watch_done(self, watch: asyncio.Task[None]) -> None:
        """A child that nobody watches any more must not look alive."""
        if not watch.cancelled() and (error := watch.exception()) is not None and not self._crash.done():
            self._crash.set_exception(error)

    def _give_up(self, child: _Child, what: str) -> None:
        if not self._crash.done():
            deaths = len(_PAUSES) + 1
            self._crash.set_exception(
                CrashLoopError(
                    f"{child.spec.title} died {deaths} times in {_WINDOW:.0f} s and is not started again; "
                    f"the last time it {what} (log: {child.log.path})."
                )
            )

    async def _stop(self, child: _Child) -> None:
        await child.unwatch()
        process, grace = child.process, child.spec.stop_grace_seconds
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            process.send_signal(child.spec.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), grace)
        except TimeoutError:
            self._announce(f"{child.spec.title} (process {process.pid}) did not stop within {grace:g} s and was killed")
            kill_group(process)
            await process.wait()


def _died_early(child: _Child) -> ChildStartError:
    end = child.end(child.process, " before it was ready") if child.process is not None else "was not started"
    return ChildStartError(f"{child.spec.title} {end} (log: {child.log.path}).")
