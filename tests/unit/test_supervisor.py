"""The supervisor, with shell scripts as its children: it starts, watches, restarts, gives up, and stops in order."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from infra.embedded.errors import ChildStartError, CrashLoopError
from infra.embedded.process import ChildSpec
from infra.embedded.supervisor import RestartPolicy, Supervisor

FOREVER = "while :; do sleep 0.02; done"


class Room:
    """One supervisor, what it said, and a directory for its children."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[str] = []
        self.changes = 0
        self.supervisor = Supervisor(path, announce=self.said.append, changed=self._count)

    def _count(self) -> None:
        self.changes += 1

    def child(
        self,
        name: str,
        script: str,
        ready: Callable[[], Awaitable[bool]] | None = None,
        *,
        ready_timeout: float = 10.0,
        grace: float = 10.0,
    ) -> ChildSpec:
        return ChildSpec(
            name,
            ("/bin/sh", "-c", script),
            dict(os.environ),
            ready,
            ready_timeout_seconds=ready_timeout,
            stop_grace_seconds=grace,
            cwd=self.path,
        )

    def trapping(self, name: str, on_term: str, grace: float = 10.0) -> ChildSpec:
        """A child that is ready once it has set what it does on SIGTERM."""

        async def ready() -> bool:
            return (self.path / f"{name}.set").exists()

        return self.child(name, f"trap '{on_term}' TERM; touch {name}.set; {FOREVER}", ready, grace=grace)


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(tmp_path)
    yield room
    room.supervisor.kill()
    await room.supervisor.stop()


async def until(true: Callable[[], bool], within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.01)


async def never() -> bool:
    return False


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# When it starts again


def test_pauses_grow_and_the_fifth_death_in_a_minute_is_the_last() -> None:
    policy = RestartPolicy()
    assert [policy.pause(float(now)) for now in range(5)] == [0.0, 0.5, 1.0, 2.0, None]


def test_deaths_of_more_than_a_minute_ago_are_forgotten() -> None:
    policy = RestartPolicy()
    assert [policy.pause(now) for now in (0.0, 1.0, 2.0, 3.0, 61.5, 63.5)] == [0.0, 0.5, 1.0, 2.0, 1.0, 0.5]


# Starting


async def test_start_waits_until_all_are_ready(room: Room) -> None:
    answers = iter([False, False, True])

    async def ready() -> bool:
        return next(answers)

    await room.supervisor.start([room.child("a", FOREVER, ready), room.child("b", FOREVER)])
    assert next(answers, None) is None
    assert room.supervisor.pids.keys() == {"a", "b"}


async def test_a_child_that_dies_before_it_is_ready_ends_the_start_with_its_last_words(room: Room) -> None:
    (room.path / "api.log").write_text("words of an earlier life\n")
    with pytest.raises(ChildStartError) as raised:
        await room.supervisor.start([room.child("api", "echo starting; echo no such table >&2; exit 3", never)])
    log = room.path / "api.log"
    assert str(raised.value) == f"api exited with code 3 before it was ready: no such table (log: {log})."


async def test_the_words_of_an_earlier_life_are_not_quoted(room: Room) -> None:
    (room.path / "api.log").write_text("words of an earlier life\n")
    with pytest.raises(ChildStartError, match="before it was ready: it said nothing"):
        await room.supervisor.start([room.child("api", "exit 1", never)])


async def test_a_child_without_a_probe_that_dies_while_another_gets_ready_ends_the_start(room: Room) -> None:
    workers, api = [room.child("worker-all", "echo bad setting; exit 1")], [room.child("api", FOREVER, never)]
    with pytest.raises(ChildStartError, match="worker all exited with code 1 before it was ready: bad setting"):
        await room.supervisor.start(workers, api)


async def test_a_child_that_never_gets_ready_ends_the_start(room: Room) -> None:
    with pytest.raises(ChildStartError, match=r"api was not ready within 0.4 s: waiting \(log: "):
        await room.supervisor.start([room.child("api", f"echo waiting; {FOREVER}", never, ready_timeout=0.4)])


async def test_a_program_that_is_not_there_ends_the_start(room: Room) -> None:
    with pytest.raises(ChildStartError, match=r"nats can't be started: No such file or directory\."):
        await room.supervisor.start([ChildSpec("nats", ("/no/such/program",), {})])


async def test_children_have_a_session_of_their_own(room: Room) -> None:
    await room.supervisor.start([room.child("a", FOREVER)])
    pid = room.supervisor.pids["a"]
    assert os.getsid(pid) == pid, "the terminal's Ctrl-C would reach the child too"


# Watching


async def test_a_killed_child_is_started_again_at_once_and_it_says_so(room: Room) -> None:
    await room.supervisor.start([room.child("worker-provider", FOREVER)])
    first = room.supervisor.pids["worker-provider"]
    os.kill(first, signal.SIGKILL)
    await until(lambda: bool(room.said))
    second = room.supervisor.pids["worker-provider"]
    assert second != first
    assert room.said == [f"worker provider (process {first}) was killed by SIGKILL; started again as process {second}"]
    assert room.changes == 1


async def test_a_child_that_fails_once_is_started_again_with_its_last_words(room: Room) -> None:
    # It fails only once it counts as started: one that dies before is an error of the start.
    once = "until test -e started; do sleep 0.01; done; touch second; echo lost the broker; exit 1"
    await room.supervisor.start([room.child("api", f"test -e second && {{ {FOREVER}; }}; {once}")])
    (room.path / "started").touch()
    await until(lambda: bool(room.said))
    assert "exited with code 1: lost the broker; started again as process" in room.said[0]


async def test_a_crash_loop_names_the_child_and_its_log(room: Room) -> None:
    await room.supervisor.start([room.child("good", FOREVER)], [room.child("bad", "sleep 0.1; echo broken; exit 1")])
    with pytest.raises(CrashLoopError) as raised:
        await asyncio.wait_for(room.supervisor.wait(), 20)
    assert str(raised.value) == (
        "bad died 5 times in 60 s and is not started again; "
        f"the last time it exited with code 1: broken (log: {room.path / 'bad.log'})."
    )
    assert len(room.said) == 4
    assert room.supervisor.pids.keys() == {"good"}


# Stopping


async def test_groups_are_stopped_last_to_first(room: Room) -> None:
    slow = "sleep 0.1; echo %s >> order; exit 0"
    await room.supervisor.start([room.trapping("nats", slow % "nats")])
    await room.supervisor.start(
        [room.trapping(name, slow % "worker") for name in ("worker-a", "worker-b")],
        [room.trapping("api", slow % "api")],
    )
    pids = list(room.supervisor.pids.values())
    await room.supervisor.stop()
    assert (room.path / "order").read_text().split() == ["api", "worker", "worker", "nats"]
    assert not room.supervisor.pids
    assert not any(map(is_alive, pids))
    assert not room.said


async def test_a_child_that_stays_is_killed_after_its_grace(room: Room) -> None:
    await room.supervisor.start([room.trapping("api", "", grace=0.3)])
    pid = room.supervisor.pids["api"]
    await room.supervisor.stop()
    assert room.said == [f"api (process {pid}) did not stop within 0.3 s and was killed"]
    assert not is_alive(pid)


async def test_kill_ends_a_slow_stop(room: Room) -> None:
    await room.supervisor.start([room.trapping("api", "", grace=60)], [room.trapping("worker-all", "", grace=60)])
    stopping = asyncio.create_task(room.supervisor.stop())
    await asyncio.sleep(0)
    room.supervisor.kill()
    await asyncio.wait_for(stopping, 5)
    assert not room.supervisor.pids


async def test_a_stop_during_the_pause_before_a_restart_starts_nothing(room: Room) -> None:
    await room.supervisor.start([room.child("bad", "sleep 0.05; exit 1")])
    await until(lambda: len(room.said) == 3)
    await until(lambda: not room.supervisor.pids)
    await room.supervisor.stop()
    assert len(room.said) == 3
    assert not room.supervisor.pids
