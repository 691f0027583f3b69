"""`penstock store`: what stores there are, what they hold, and their index versions."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated

import typer

from cli.client import DEFAULT_URL, AsJson, BaseUrl, Json, Store

if TYPE_CHECKING:
    from collections.abc import Iterator

    from cli.client import Api

app = typer.Typer(no_args_is_help=True)
_SHOWN = 100


@app.command("list")
def list_(as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """List the stores, the newest first."""
    from cli.client import asking

    with asking(base_url) as api:
        stores = list(_all(api, "/vector_stores"))
    if as_json:
        _echo(stores)
        return
    _table(
        ("name", "id", "documents", "failed", "in progress", "size", "made"),
        [
            (
                store["name"],
                store["id"],
                f"{store['file_counts']['total']:,}",
                f"{store['file_counts']['failed']:,}",
                f"{store['file_counts']['in_progress']:,}",
                size_of(store["usage_bytes"]),
                time_of(store["created_at"]),
            )
            for store in stores
        ],
    )


@app.command()
def show(store: Store, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Show one: what it holds, how it is indexed, and which documents failed, with the reasons."""
    from cli.client import asking, store_path

    with asking(base_url) as api:
        found = api.get(store_path(store))
        documents = _all(api, store_path(store, "documents"), limit=1000)
        failed = [each for each in documents if each["status"] == "failed"]
        versions = api.get(store_path(store, "versions"))["data"]
    if as_json:
        _echo({**found, "versions": versions, "failed": failed})
        return
    for name, value in _facts(found):
        typer.echo(f"{name:<12} {value}")
    _print_versions(versions)
    for each in islice(failed, _SHOWN):
        typer.echo(f"failed: {each['id']}: {(each['last_error'] or {}).get('message', 'no reason was given')}")
    if len(failed) > _SHOWN:
        typer.echo(f"… and {len(failed) - _SHOWN:,} more: --json has them all")
    if failed:
        typer.echo(f"`penstock store retry {store}` tries them again.")


@app.command()
def versions(store: Store, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """List the versions of a store's index: past, live, next."""
    from cli.client import asking, store_path

    with asking(base_url) as api:
        found = api.get(store_path(store, "versions"))["data"]
    if as_json:
        _echo(found)
    else:
        _print_versions(found)


@app.command()
def delete(
    store: Store,
    version: Annotated[int | None, typer.Option(help="Only this index version, which is not live.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Don't ask.")] = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Delete a store with its documents and its index, or one version of the index."""
    from cli.client import asking, store_path

    what = f"the store {store}, with its documents" if version is None else f"version {version} of {store}"
    if not yes:
        typer.confirm(f"Delete {what}?", abort=True)
    rest = () if version is None else ("versions", str(version))
    with asking(base_url) as api:
        api.delete(store_path(store, *rest))
    typer.echo(f"deleted {what}")


@app.command()
def rollback(store: Store, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Go back to the version that was live before."""
    from cli.client import asking, store_path

    with asking(base_url) as api:
        live = api.post(store_path(store, "rollback"))
    typer.echo(f"version {live['id']} is live: {live['model']}, {live['chunks']:,} chunks")


@app.command()
def retry(
    store: Store,
    ids: Annotated[list[str] | None, typer.Argument(help="Documents; all that failed where none is named.")] = None,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Try documents again that failed."""
    from cli.client import asking, store_path

    with asking(base_url) as api:
        answer = api.post(store_path(store, "documents", "retry"), {"ids": ids or None})
    typer.echo(f"{answer['retried']:,} are tried again")


def size_of(count: int) -> str:
    """Bytes, as a person reads them."""
    value, units = float(count), iter(("B", "KiB", "MiB", "GiB"))
    unit = next(units)
    while value >= 1024 and (larger := next(units, None)) is not None:
        value, unit = value / 1024, larger
    return f"{value:,.0f} {unit}" if unit == "B" else f"{value:,.1f} {unit}"


def time_of(moment: float | str | None) -> str:
    """A moment as the API gives it, in UTC; empty where there is none."""
    if moment is None:
        return ""
    when = datetime.fromisoformat(moment) if isinstance(moment, str) else datetime.fromtimestamp(moment, UTC)
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def counts_of(documents: Mapping[str, int]) -> str:
    """Documents by status, in words."""
    return ", ".join(f"{count:,} {status.replace('_', ' ')}" for status, count in sorted(documents.items()) if count)


def _facts(store: Json) -> "Iterator[tuple[str, str]]":
    counts = {name: count for name, count in store["file_counts"].items() if name != "total"}
    yield "name", store["name"]
    yield "id", store["id"]
    yield "documents", f"{store['file_counts']['total']:,} ({counts_of(counts) or 'none'})"
    yield "size", size_of(store["usage_bytes"])
    yield "made", time_of(store["created_at"])
    yield "last used", time_of(store["last_active_at"])


def _print_versions(versions: list[Json]) -> None:
    head = ("version", "state", "model", "documents", "chunks", "size", "live since")
    _table(head, [_version(version) for version in versions])


def _version(version: Json) -> tuple[str, ...]:
    tokens, overlap = version["chunker"].get("tokens", "?"), version["chunker"].get("overlap", 0)
    return (
        str(version["id"]),
        version["state"],
        f"{version['model']}, {version['dimension']} wide",
        counts_of(version["documents"]),
        f"{version['chunks']:,} of {tokens} tokens" + f", {overlap} shared" * bool(overlap),
        size_of(version["bytes"]),
        time_of(version["switched_at"]),
    )


def _all(api: "Api", path: str, limit: int = 100) -> "Iterator[Json]":
    """Every entry of a list that is given in pages."""
    after, more = None, True
    while more:
        page = api.get(path, limit=limit, after=after)
        yield from page["data"]
        more, after = page["has_more"], page["last_id"]


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, padding=(0, 1))
    for name in head:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(Text, row))
    Console().print(table)


def _echo(value: Json | list[Json]) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
