"""`penstock cache`: let answers go that would be given again."""

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from cli.access.administering import AsJson, actor, show_one

if TYPE_CHECKING:
    from infra.cache import Purge

app = typer.Typer(no_args_is_help=True)


@app.callback()
def _group() -> None:
    """A command of its own name, though it is the only one."""


@app.command()
def purge(
    tenant: Annotated[str, typer.Argument(help="Whose entries go.", show_default=False)],
    key: Annotated[str | None, typer.Option(help="Only those made with this API key: its public id.")] = None,
    index: Annotated[str | None, typer.Option(help="Only those that rest on this vector store: its id.")] = None,
    entry: Annotated[str | None, typer.Option(help="Only the one with this cache key.")] = None,
    as_json: AsJson = False,
) -> None:
    """Let entries go: all of a tenant's, or some. What is being answered for one of them is not kept either."""
    from infra.cache import Purge

    purged = asyncio.run(_purge(Purge(tenant, key, index, entry)))
    show_one({"tenant": tenant, "entries": purged}, as_json=as_json)


async def _purge(which: "Purge") -> int:
    from infra.broker import connect
    from infra.cache import CacheEntries
    from infra.database.engine import create_engine
    from infra.settings import load_settings
    from infra.telemetry.logs import configure_logging

    settings = load_settings()
    connection = await connect(settings, "cli", configure_logging("cli", settings.log_level))
    engine = create_engine(settings, pool_size=1)
    try:
        return await CacheEntries(engine, connection.client, connection.js).purge(actor(), which)
    finally:
        await engine.dispose()
        await connection.close()
