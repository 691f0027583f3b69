"""How these commands reach the database, and tell the processes that run of what they changed."""

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from cli.broker import connected
from cli.failures import CommandError
from cli.tables import console

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from infra.index.paging import Paging
    from infra.settings import Settings

T = TypeVar("T")
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]
Work = Callable[["AsyncEngine"], Awaitable[T]]
_PATIENCE, _PAGE = 2.0, 100


def actor() -> str:
    """Who the audit log says it was."""
    return f"cli:{getpass.getuser()}"


def reading(work: "Work[T]") -> T:
    """Do something with the database of PENSTOCK_DATABASE_URL."""
    from infra.settings import load_settings

    return asyncio.run(_with_engine(load_settings(), work))


def changing(work: "Work[T]") -> T:
    """The same, and then tell every process: what they remember is forgotten at once, and not within a second."""
    from infra.settings import load_settings

    async def run() -> T:
        settings = load_settings()
        done = await _with_engine(settings, work)
        if not await _announce(settings):
            typer.echo("NATS was not told of it: running processes find out within a second.", err=True)
        return done

    return asyncio.run(run())


async def every(pages: "Callable[[Paging], Awaitable[tuple[list[T], bool]]]") -> list[T]:
    """All entries of a list that is read in pages, the oldest first. Entries have an `id`."""
    from infra.index.paging import Paging

    found: list[Any] = []
    more = True
    while more:
        page, more = await pages(Paging(_PAGE, "asc", found[-1].id if found else None))
        found += page
    return found


def show(entries: Iterable[Mapping[str, Any]], columns: tuple[str, ...], *, as_json: bool) -> None:
    """As a table of those of some columns that any entry fills, or whole as JSON."""
    from rich.table import Column, Table
    from rich.text import Text

    found = list(entries)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        return
    told = [column for column in columns if any(_cell(entry[column]) for entry in found)] or list(columns)
    # An id is copied into the next command: it stays whole and in one line, and what is too long beside it is folded.
    table = Table(*(Column(column.replace("_", " "), overflow="fold", no_wrap=column == "id") for column in told))
    for entry in found:
        table.add_row(*(Text(_cell(entry[column])) for column in told))
    console().print(table)


def show_one(entry: Mapping[str, Any], *, as_json: bool) -> None:
    """Field by field, or as JSON."""
    if as_json:
        typer.echo(json.dumps(entry, ensure_ascii=False, indent=2))
        return
    width = max(map(len, entry), default=0)
    for name, value in entry.items():
        typer.echo(f"{name.replace('_', ' '):<{width}} {_cell(value)}".rstrip())


def plain(entry: object) -> dict[str, Any]:
    """A dataclass as JSON has it; times in RFC 3339."""
    from dataclasses import asdict

    return {name: _json(value) for name, value in asdict(entry).items()}  # type: ignore[call-overload]


def _json(value: Any) -> Any:  # noqa: ANN401 - a field's value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        return sorted(value)
    return value


def _cell(value: Any) -> str:  # noqa: ANN401 - a field's value
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return "" if value is None else str(value)


async def _with_engine(settings: "Settings", work: "Work[T]") -> T:
    from infra.database.engine import create_engine

    engine = create_engine(settings, pool_size=1)
    try:
        return await work(engine)
    finally:
        await engine.dispose()


async def _announce(settings: "Settings") -> bool:
    from infra.access.changes import Changes
    from infra.settings import SettingsError
    from infra.telemetry.logs import configure_logging

    log = configure_logging("cli", "error")
    try:
        async with connected(settings, _PATIENCE) as connection:
            return await Changes(connection.js, log).announce(actor())
    except (CommandError, SettingsError):
        # What was changed is committed, and what there is to be shown of it (a new key) has to be, NATS or not.
        return False
