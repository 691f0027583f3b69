"""`penstock search`: what a store finds for a question."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from cli.client import DEFAULT_URL, AsJson, BaseUrl, Json
from cli.failures import CommandError

if TYPE_CHECKING:
    from rich.text import Text

_SNIPPET = 240
"""Characters of a chunk that are shown."""


def search(  # noqa: PLR0913, PLR0917 - the options of a command
    query: Annotated[str, typer.Argument(help="A question, or words.", show_default=False)],
    store: Annotated[str, typer.Option(help="Its name, or its id.", show_default=False)],
    mode: Annotated[
        Literal["hybrid", "vector", "text", "rrf"], typer.Option(help="rrf and hybrid look with both legs.")
    ] = "hybrid",
    limit: Annotated[int, typer.Option(min=1, max=50, help="How many chunks, at most.")] = 10,
    filters: Annotated[
        str | None, typer.Option("--filter", help="Over attributes, in JSON, as OpenAI has them.")
    ] = None,
    version: Annotated[int | None, typer.Option(min=1, help="An index version, in place of the live one.")] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Search a store."""
    from cli.client import asking, store_path

    asked = {"query": query, "max_num_results": limit, "mode": mode, "filters": filter_of(filters), "version": version}
    with asking(base_url) as api:
        answer = api.post(store_path(store, "search"), asked)
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
    else:
        _print(answer["data"])


def filter_of(text: str | None) -> Json | None:
    """A filter as the API takes it. Raises `CommandError` for what is no JSON object."""
    if text is None:
        return None
    try:
        found = json.loads(text)
    except ValueError as error:
        raise CommandError(f"--filter is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise CommandError('--filter is no JSON object, like {"type": "eq", "key": "author", "value": "Ada"}')
    return found


def snippet(text: str, highlights: Sequence[Sequence[int]], most: int = _SNIPPET) -> tuple[str, list[tuple[int, int]]]:
    """The part of a text around its first highlight, on one line, and where the highlights lie in it."""
    first = highlights[0][0] if highlights else 0
    begin = max(0, min(first - most // 3, len(text) - most))
    part = text[begin : begin + most]
    before, after = ("…" if begin else ""), ("…" if begin + most < len(text) else "")
    shift = len(before) - begin
    kept = [(start + shift, end + shift) for start, end in highlights if begin <= start and end <= begin + len(part)]
    return before + "".join(" " if character.isspace() else character for character in part) + after, kept


def place(found: Mapping[str, Any]) -> str:
    """Where in its document a chunk is: page and headings, as far as there are any."""
    page = f"p. {found['page']}" if found.get("page") else ""
    return ", ".join(part for part in (page, found.get("heading") or "") if part)


def _print(hits: Sequence[Json]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not hits:
        typer.echo("nothing was found")
        return
    table = Table("score", "document", "where", "text", show_lines=True)
    for hit in hits:
        table.add_row(
            f"{hit['score']:.3f}", Text(hit["filename"] or hit["file_id"]), Text(place(hit)), _highlighted(hit)
        )
    Console().print(table)


def _highlighted(hit: Json) -> "Text":
    from rich.text import Text

    text, spans = snippet(hit["content"][0]["text"], hit.get("highlights") or ())
    shown = Text(text)
    for start, end in spans:
        shown.stylize("bold yellow", start, end)
    return shown
