"""`up` in a process that carries nothing of the command line.

Typer loads pydantic to read its options: 10 MB that the supervisor would hold for as long as the platform runs. So
`penstock up` reads them and becomes this module, in the same process (same id, same terminal).
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import NoReturn

from cli.options import UpOptions
from cli.up import up

_PATHS = ("data_dir", "catalog", "ready_file")


def become_supervisor(options: UpOptions) -> NoReturn:
    """Replace the running program by `up` with these options; it does not return."""
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, (sys.executable, "-P", "-m", "cli.supervise", options_to_text(options)))  # noqa: S606


def options_to_text(options: UpOptions) -> str:
    """The options as one line of JSON."""
    return json.dumps(asdict(options), default=str)


def options_from_text(text: str) -> UpOptions:
    """The other way round."""
    fields = json.loads(text)
    paths = {name: Path(fields[name]) if fields[name] is not None else None for name in _PATHS}
    return UpOptions(**(fields | paths))


if __name__ == "__main__":
    sys.exit(asyncio.run(up(options_from_text(sys.argv[1]))))
