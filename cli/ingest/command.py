"""`penstock ingest`: its options, its exit code."""

import asyncio
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.client import DEFAULT_URL, BaseUrl
from cli.failures import FAILED, INTERRUPTED, CommandError

if TYPE_CHECKING:
    from rich.console import Console

    from cli.ingest.run import Wanted
    from cli.ingest.sources import Roots
    from cli.ingest.tally import Tally

DEFAULT_TOKENS = 512

Paths = Annotated[
    list[str], typer.Argument(help="Files, folders, quoted globs; - is standard input.", show_default=False)
]
Attribute = Annotated[list[str] | None, typer.Option(help="KEY=VALUE for each document; VALUE may be JSON: 3, true.")]


def ingest(  # noqa: PLR0913, PLR0917 - the options of a command
    paths: Paths,
    store: Annotated[str, typer.Option(help="Its name, or its id; made where it isn't there.", show_default=False)],
    name: Annotated[str, typer.Option(help="The document's id and name, of standard input.")] = "",
    beir: Annotated[
        bool, typer.Option("--beir", help="The paths are BEIR's: each line of corpus.jsonl is one.")
    ] = False,
    prefix: Annotated[str, typer.Option(help="In front of each id: several folders in one store.")] = "",
    attribute: Attribute = None,
    prune: Annotated[bool, typer.Option("--prune", help="Delete documents whose files are no more.")] = False,
    lane: Annotated[Literal["batch", "interactive"], typer.Option(help="interactive goes before bulk work.")] = "batch",
    model: Annotated[str | None, typer.Option(help="The embedding model of a store that is made now.")] = None,
    chunk_tokens: Annotated[int | None, typer.Option(min=1, max=4096, help="… and the length of its chunks.")] = None,
    chunk_overlap: Annotated[int | None, typer.Option(min=0, max=2048, help="… and by how much they overlap.")] = None,
    wait: Annotated[bool, typer.Option(help="Wait until all can be found, or has failed.")] = True,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Put documents into a store: new and changed ones are sent, the rest is left alone.

    A document's id is its path, relative to the folder that is named. Exit code: 0 all can be found, 1 some failed,
    2 it could not be run. What was stopped goes on where it was when it is run again.
    """
    from cli.ingest.run import Wanted

    wanted = Wanted(
        _roots(paths, name, prefix, beir=beir),
        attributes=attributes_of(attribute or ()),
        settings=settings_of(model, chunk_tokens, chunk_overlap),
        lane=lane,
        prune=prune,
        wait=wait,
    )
    raise typer.Exit(_run(store, wanted, base_url))


def attributes_of(given: Sequence[str]) -> dict[str, str | float | bool]:
    """From `key=value`. A value that is a number, a truth value or a string in JSON is that; any other is text.

    Raises `CommandError` for one without `=`.
    """
    attributes: dict[str, str | float | bool] = {}
    for each in given:
        key, equals, text = each.partition("=")
        if not key or not equals:
            raise CommandError(f"--attribute {each} is no KEY=VALUE.")
        try:
            value = json.loads(text, parse_constant=str)
        except ValueError:
            value = text
        attributes[key] = value if isinstance(value, str | int | float | bool) else text
    return attributes


def settings_of(model: str | None, tokens: int | None, overlap: int | None) -> dict[str, Any]:
    """What a store is made with, as the API takes it; what is not named has its default."""
    settings: dict[str, Any] = {} if model is None else {"embedding_model": model}
    if tokens is not None or overlap is not None:
        static = {"max_chunk_size_tokens": tokens or DEFAULT_TOKENS, "chunk_overlap_tokens": overlap or 0}
        settings["chunking_strategy"] = {"type": "static", "static": static}
    return settings


def _roots(paths: Sequence[str], name: str, prefix: str, *, beir: bool) -> "Roots":
    from cli.ingest.sources import Given, find, find_beir, require_different_ids

    roots: list[Any] = []
    for path in paths:
        if path == "-":
            if not name:
                raise CommandError("standard input has no name: give the document one with --name.")
            roots.append(Given(prefix + name, sys.stdin.buffer.read()))
        else:
            roots.append(find_beir(path, prefix) if beir else find(path, prefix))
    require_different_ids(roots)
    return roots


def _run(store: str, wanted: "Wanted", base_url: str) -> int:
    from rich.console import Console

    from cli.client import explained
    from cli.ingest.display import summary
    from cli.ingest.tally import Tally

    tally, console = Tally(total=sum(map(len, wanted.roots))), Console()
    try:
        with explained(base_url):
            asyncio.run(_ingest(store, wanted, base_url, tally, console))
    except KeyboardInterrupt:
        _print(console, summary(tally, store))
        typer.echo("stopped: what was sent is indexed all the same, and the same command goes on from here.", err=True)
        return INTERRUPTED
    _print(console, summary(tally, store))
    return FAILED if tally.failures else 0


async def _ingest(store: str, wanted: "Wanted", base_url: str, tally: "Tally", console: "Console") -> None:
    from cli.client import async_client
    from cli.ingest.display import shown
    from cli.ingest.remote import Remote
    from cli.ingest.run import Ingest

    async with async_client(base_url) as client, shown(tally, console, store):
        await Ingest(Remote(client, base_url, store, tally.wait), wanted, tally).run()


def _print(console: "Console", lines: Sequence[str]) -> None:
    for line in lines:
        console.print(line, highlight=False, markup=False, soft_wrap=True)
