"""One child process: what is said of its end, its log, and commands that run to their end."""

import asyncio
import os
import signal
from pathlib import Path

import pytest

from infra.embedded.errors import ChildStartError
from infra.embedded.process import ChildLog, describe_exit, last_line, run


def test_an_end_by_a_signal_names_the_signal() -> None:
    assert describe_exit(-signal.SIGKILL, "last words") == "was killed by SIGKILL"


def test_an_end_with_a_code_carries_the_last_words() -> None:
    assert describe_exit(3, "no such file") == "exited with code 3: no such file"
    assert describe_exit(3, None) == "exited with code 3: it said nothing"


def test_a_servers_reason_counts_more_than_its_last_line() -> None:
    log = b"[1] FATAL:  no TCP sockets\n[1] LOG:  database system is shut down\n"
    assert last_line(log) == "[1] FATAL:  no TCP sockets"


def test_last_words_are_safe_for_a_terminal() -> None:
    assert last_line(b"first\n\x1b[31mred\x07\xff\n\n") == "[31mred\ufffd"


def test_a_log_is_set_aside_when_it_is_long(tmp_path: Path) -> None:
    path = tmp_path / "api.log"
    path.write_bytes(b"x" * (16 * 1024 * 1024 + 1))
    ChildLog(path).rotate()
    assert not path.exists()
    assert (tmp_path / "api.log.1").stat().st_size > 16 * 1024 * 1024


# Commands that run to their end


async def test_a_commands_output_is_kept_apart_by_stream() -> None:
    done = await run("/bin/sh", "-c", "cat; echo oops >&2; exit 2", env={}, stdin=b"in")
    assert (done.returncode, done.stdout, done.stderr) == (2, b"in", b"oops\n")


async def test_a_cancelled_command_is_killed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "started")
    task = asyncio.create_task(run("/bin/sh", "-c", "echo $$ > started; sleep 60", env=os.environ, cwd=tmp_path))
    pid = int(await asyncio.to_thread((tmp_path / "started").read_text))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_a_command_that_takes_too_long_is_killed() -> None:
    with pytest.raises(ChildStartError, match=r"sleep did not end within 0\.1 s"):
        await run("/bin/sleep", "60", env={}, timeout=0.1)


async def test_a_command_that_is_not_there_is_said() -> None:
    with pytest.raises(ChildStartError, match="program can't be started: No such file or directory"):
        await run("/no/such/program", env={})
