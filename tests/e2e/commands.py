"""`penstock` commands, each a process of its own, without the second that it takes to import what they are made of.

A server of this test process has imported it all and forks itself for each command; a command is told its environment,
its standard input and its terminal's width as a shell tells it, and ends with an exit code.
"""

import multiprocessing
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE = 90.0
"""Seconds that a command may take."""
_PRELOADED = (
    *("cli.main", "cli.ingest.run", "cli.ingest.remote", "cli.ingest.display"),
    *("infra.catalog.bucket", "infra.catalog.candidate", "infra.access.keys", "infra.dead_letters", "infra.settings"),
    *("infra.nats_auth.accounts", "infra.nats_auth.generate", "infra.nats_auth.handing_out"),
    *("openai", "httpcore2", "truststore", "anyio._backends._asyncio", "psycopg"),
    *("ingestion.beir", "ingestion.hashes", "rich.live", "rich.progress", "rich.table"),
)
_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload([*_PRELOADED, __name__])


def run(
    arguments: Sequence[str], environ: Mapping[str, str], given: str | None = None
) -> "subprocess.CompletedProcess[str]":
    """`penstock` with these arguments, run to its end; `given` is its standard input."""
    with tempfile.TemporaryDirectory(prefix="penstock-command-") as path:
        files = [Path(path) / name for name in ("in", "out", "err")]
        files[0].write_text(given or "")
        process = _FORKS.Process(target=_command, args=(tuple(arguments), dict(environ), Path.cwd(), files))
        process.start()
        process.join(PATIENCE)
        if process.exitcode is None:
            process.kill()
            raise subprocess.TimeoutExpired(list(arguments), PATIENCE)
        return subprocess.CompletedProcess(
            list(arguments), process.exitcode, files[1].read_text(), files[2].read_text()
        )


def _command(arguments: tuple[str, ...], environ: dict[str, str], directory: Path, files: Sequence[Path]) -> None:
    """What the forked process does, in the place of the interpreter's own start."""
    from cli.main import run as main

    os.chdir(directory)
    os.environ.clear()
    os.environ.update(environ)
    for number, (file, flags) in enumerate(zip(files, (os.O_RDONLY, *[os.O_WRONLY | os.O_CREAT] * 2), strict=True)):
        os.dup2(os.open(file, flags), number)
    sys.argv = ["penstock", *arguments]
    sys.stdin, sys.stdout, sys.stderr = (
        os.fdopen(number, mode, encoding="utf-8") for number, mode in enumerate(("r", "w", "w"))
    )
    main()
