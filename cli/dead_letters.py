"""`penstock dlq`: see what the stages gave up on, send it on its way again, or let it go."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated

import typer

from cli.broker import connected
from cli.tables import console

if TYPE_CHECKING:
    from infra.dead_letters import DeadLetter, DeadLetters

app = typer.Typer(no_args_is_help=True)
Ids = Annotated[list[int] | None, typer.Argument(help="Numbers, as `penstock dlq list` shows them.")]
All = Annotated[bool, typer.Option("--all", help="Every one there is.")]


@app.command("list")
def list_() -> None:
    """List the dead letters, the oldest first."""
    from rich.table import Column, Table

    names = ("id", "when", "stage", "deliveries", "request", "reason")
    table = Table(*(Column(name, overflow="fold") for name in names))

    async def fill(letters: "DeadLetters") -> None:
        async for letter in letters.all():
            when = letter.at.strftime("%Y-%m-%d %H:%M:%S") if letter.at else ""
            table.add_row(
                str(letter.id), when, letter.stage, str(letter.deliveries), letter.request_id or "", letter.reason
            )

    _with_letters(fill)
    console().print(table)


@app.command()
def show(letter_id: Annotated[int, typer.Argument(help="Its number.")]) -> None:
    """Show one whole: headers and body, the prompt included."""

    async def print_one(letters: "DeadLetters") -> None:
        letter = await letters.one(letter_id)
        for name, value in sorted(letter.headers.items()):
            typer.echo(f"{name}: {value}")
        typer.echo("\n" + letter.body.decode("utf-8", "backslashreplace"))

    _with_letters(print_one)


@app.command()
def redrive(ids: Ids = None, every: All = False) -> None:
    """Publish again. A prompt becomes a new request, under the id that is printed; all else goes where it was."""

    async def one(letters: "DeadLetters", letter: "DeadLetter") -> None:
        again = await letters.redrive(letter)
        typer.echo(f"{letter.id}: published to {again.subject}, request {again.request_id or '(none)'}")

    _for_each(ids, every, one)


@app.command()
def discard(ids: Ids = None, every: All = False) -> None:
    """Let go for good."""

    async def one(letters: "DeadLetters", letter: "DeadLetter") -> None:
        await letters.discard(letter)
        typer.echo(f"{letter.id}: discarded")

    _for_each(ids, every, one)


def _for_each(ids: list[int] | None, every: bool, work: "Callable[[DeadLetters, DeadLetter], Awaitable[None]]") -> None:
    if bool(ids) == every:
        raise typer.BadParameter("name the dead letters, or say --all")

    async def run(letters: "DeadLetters") -> None:
        chosen = [letter async for letter in letters.all()] if every else [await letters.one(one) for one in ids or []]
        for letter in chosen:
            await work(letters, letter)

    _with_letters(run)


def _with_letters(work: "Callable[[DeadLetters], Awaitable[None]]") -> None:
    from infra.broker import Publisher
    from infra.dead_letters import DeadLetters
    from infra.settings import load_settings

    async def run() -> None:
        async with connected(load_settings()) as connection:
            await work(DeadLetters(connection.js, Publisher(connection.acks, "cli")))

    asyncio.run(run())
