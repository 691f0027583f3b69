"""`penstock key`: make, list, show, change, rotate and revoke API keys."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.access.administering import AsJson, actor, changing, every, plain, reading, show, show_one

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncEngine

    from infra.access.keys import MadeKey

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="A key's public id: psk_<this>_…", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option("--scope", help="What it may do: inference, embeddings, documents, search, batch, admin."),
]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="A model that it may use, or a beginning with a * behind.")
]
StoreIds = Annotated[list[str] | None, typer.Option("--store", help="The id of a vector store that it may use.")]
Expires = Annotated[str | None, typer.Option(help="After this long it is let in no more, as in 90d.")]
Cached = Annotated[bool, typer.Option(help="Whether what it asks may be answered from the cache, and be kept there.")]
_COLUMNS = ("id", "tenant", "name", "scopes", "models", "stores", "expires_at", "revoked_at", "replaces")


@app.command()
def create(  # noqa: PLR0913, PLR0917 - the options of a command
    tenant: Annotated[str, typer.Option(help="The team whose key it is; made where it isn't there.")] = "default",
    name: Annotated[str, typer.Option(help="What it is for.")] = "key",
    scope: Scopes = None,
    model: Models = None,
    store: StoreIds = None,
    expires: Expires = None,
    cached: Cached = True,
    as_json: AsJson = False,
) -> None:
    """Make a key and print it: nobody can read it again. Without --scope it may do all but administer."""
    from infra.access.keys import ApiKeys, NewKey
    from infra.access.scopes import USUAL_SCOPES
    from infra.access.tenants import Tenants

    new = NewKey(
        tenant=tenant,
        name=name,
        scopes=tuple(scope) if scope else USUAL_SCOPES,
        models=tuple(model) if model else None,
        stores=tuple(store) if store else None,
        expires_at=_end_of(expires),
        cached=cached,
    )

    async def make(engine: "AsyncEngine") -> "MadeKey":
        known = await Tenants(engine).disabled(tenant=tenant)
        made = await ApiKeys(engine).create(actor(), new, makes_tenant=True)
        if not known:
            typer.echo(f"There was no tenant «{tenant}»: it is made, of the organisation default.", err=True)
        return made

    _print_made(changing(make), as_json=as_json)


@app.command("list")
def list_(
    tenant: Annotated[str | None, typer.Option(help="Only this team's.")] = None, as_json: AsJson = False
) -> None:
    """List the keys, without their secrets."""
    from infra.access.keys import ApiKeys

    found = reading(lambda engine: every(lambda paging: ApiKeys(engine).list(paging, tenant)))
    show(map(plain, found), _COLUMNS, as_json=as_json)


@app.command("show")
def show_(key: Id, as_json: AsJson = False) -> None:
    """Show one, without its secret."""
    from infra.access.keys import ApiKeys

    show_one(plain(reading(lambda engine: ApiKeys(engine).find(key))), as_json=as_json)


@app.command()
def update(  # noqa: PLR0913, PLR0917 - the options of a command
    key: Id,
    name: Annotated[str | None, typer.Option(help="What it is for.")] = None,
    scope: Scopes = None,
    model: Models = None,
    store: StoreIds = None,
    any_model: Annotated[bool, typer.Option("--any-model", help="All that its tenant may use.")] = False,
    any_store: Annotated[bool, typer.Option("--any-store", help="All stores of its tenant.")] = False,
    expires: Annotated[str | None, typer.Option(help="So long from now it is let in, as in 90d.")] = None,
    never_expires: Annotated[bool, typer.Option("--never-expires", help="It is let in until it is revoked.")] = False,
    cached: Annotated[bool | None, typer.Option(help="Whether the cache may answer it.", show_default=False)] = None,
    as_json: AsJson = False,
) -> None:
    """Change what it may do, or until when; what isn't said stays."""
    from infra.access.keys import ApiKeys

    given: dict[str, Any] = {"name": name, "scopes": scope or None, "models": model or None, "stores": store or None}
    given |= {"cached": cached, "expires_at": _end_of(expires)}
    changes = {field: value for field, value in given.items() if value is not None}
    free = {"models": any_model, "stores": any_store, "expires_at": never_expires}
    changes |= {field: None for field, is_free in free.items() if is_free}
    show_one(plain(changing(lambda engine: ApiKeys(engine).update(actor(), key, changes))), as_json=as_json)


@app.command()
def rotate(
    key: Id,
    overlap: Annotated[str, typer.Option(help="How long the old key is still let in, as in 24h or 0s.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Make a key with the same rights, limits and budgets, and print it; the old one ends after the overlap."""
    from infra.access.keys import ApiKeys
    from infra.access.spans import span_of

    span = span_of(overlap, "overlap")
    _print_made(changing(lambda engine: ApiKeys(engine).rotate(actor(), key, span)), as_json=as_json)


@app.command()
def revoke(key: Id) -> None:
    """Revoke a key, for good: within a second no process accepts it."""
    from infra.access.keys import ApiKeys

    changing(lambda engine: ApiKeys(engine).revoke(actor(), key))


def _end_of(expires: str | None) -> "datetime | None":
    from datetime import UTC, datetime

    from infra.access.spans import span_of

    return None if expires is None else datetime.now(UTC) + span_of(expires, "expires")


def _print_made(made: "MadeKey", *, as_json: bool) -> None:
    if as_json:
        show_one({**plain(made.key), "key": made.text}, as_json=True)
    else:
        typer.echo(made.text)
