"""`penstock key`: make, list and revoke API keys."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")


@app.command()
def create(
    tenant: Annotated[str, typer.Option(help="The team whose key it is; made where it isn't there.")] = "default",
    name: Annotated[str, typer.Option(help="What it is for.")] = "key",
    scope: Annotated[
        list[str] | None, typer.Option(help="What it may do: inference, documents, search; all where none is named.")
    ] = None,
) -> None:
    """Make a key and print it: nobody can read it again."""
    from contracts.subjects import require_token
    from infra.access.keys import USUAL_SCOPES, create_key

    require_token(tenant, "tenant", stage="cli")
    typer.echo(_with_engine(lambda engine: create_key(engine, tenant, name, scope or list(USUAL_SCOPES))))


@app.command("list")
def list_() -> None:
    """List the keys, without their secrets."""
    from rich.console import Console
    from rich.table import Table

    from infra.access.keys import list_keys

    table = Table("id", "tenant", "scopes", "expires", "revoked")
    for key in _with_engine(list_keys):
        dates = (str(moment or "") for moment in (key.expires_at, key.revoked_at))
        table.add_row(key.id, key.tenant, " ".join(sorted(key.scopes)), *dates)
    Console().print(table)


@app.command()
def revoke(key_id: Annotated[str, typer.Argument(help="The public id: psk_<this>_…")]) -> None:
    """Revoke a key; within a second no process accepts it."""
    from infra.access.keys import revoke_key

    if not _with_engine(lambda engine: revoke_key(engine, key_id)):
        typer.echo(f"there is no key {key_id} to revoke", err=True)
        raise typer.Exit(1)


def _with_engine(work: "Callable[[AsyncEngine], Awaitable[T]]") -> T:
    from infra.database.engine import create_engine
    from infra.settings import load_settings

    async def run() -> T:
        engine = create_engine(load_settings(), pool_size=1)
        try:
            return await work(engine)
        finally:
            await engine.dispose()

    return asyncio.run(run())
