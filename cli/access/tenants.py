"""`penstock tenant`: teams, whose requests and whose money it is."""

from typing import Annotated, Any

import typer

from cli.access.administering import AsJson, actor, changing, every, plain, reading, show, show_one
from cli.access.many_keys import revoke_all, rotate_all
from cli.access.nats import Seed, admit_producers

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="A tenant's id.", show_default=False)]
Models = Annotated[
    list[str] | None, typer.Option("--model", help="A model that it may use, or a beginning with a * behind.")
]
_COLUMNS = ("id", "organisation", "name", "models", "created_at", "disabled_at")


@app.command()
def create(
    tenant: Id,
    organisation: Annotated[str, typer.Option("--org", help="Who pays for it.")] = "default",
    name: Annotated[str, typer.Option(help="What people call it.")] = "",
    model: Models = None,
    as_json: AsJson = False,
) -> None:
    """Make one."""
    from infra.access.tenants import Tenants

    models = tuple(model) if model else None
    made = changing(lambda engine: Tenants(engine).create(actor(), tenant, organisation, name, models))
    show_one(plain(made), as_json=as_json)


@app.command("list")
def list_(
    organisation: Annotated[str | None, typer.Option("--org", help="Only this organisation's.")] = None,
    as_json: AsJson = False,
) -> None:
    """List them, the oldest first."""
    from infra.access.tenants import Tenants

    found = reading(lambda engine: every(lambda paging: Tenants(engine).list(paging, organisation)))
    show(map(plain, found), _COLUMNS, as_json=as_json)


@app.command("show")
def show_(tenant: Id, as_json: AsJson = False) -> None:
    """Show one."""
    from infra.access.tenants import Tenants

    show_one(plain(reading(lambda engine: Tenants(engine).find(tenant))), as_json=as_json)


@app.command()
def update(
    tenant: Id,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    model: Models = None,
    any_model: Annotated[bool, typer.Option("--any-model", help="All models.")] = False,
    as_json: AsJson = False,
) -> None:
    """Change its name, or the models that it may use."""
    from infra.access.tenants import Tenants

    given: dict[str, Any] = {"name": name, "models": model or None}
    changes = {field: value for field, value in given.items() if value is not None}
    changes |= {"models": None} if any_model else {}
    show_one(plain(changing(lambda engine: Tenants(engine).update(actor(), tenant, changes))), as_json=as_json)


@app.command()
def rotate(
    tenant: Id,
    overlap: Annotated[str, typer.Option(help="How long the old keys are still let in, as in 24h or 0s.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Rotate all of its keys, and print the new ones."""
    rotate_all(overlap, as_json=as_json, tenant=tenant)


@app.command()
def revoke(tenant: Id) -> None:
    """Revoke all of its keys, for good."""
    typer.echo(f"{revoke_all(tenant=tenant)} keys are revoked")


@app.command()
def disable(tenant: Id, operator: Seed = None) -> None:
    """Let none of its keys and producers in any more; what is on its way ends as it would."""
    from infra.access.tenants import Tenants

    changing(lambda engine: Tenants(engine).disable(actor(), tenant))
    admit_producers(operator, tenant=tenant)


@app.command()
def enable(tenant: Id, operator: Seed = None) -> None:
    """Let them in again, with the keys and credentials that they have."""
    from infra.access.tenants import Tenants

    changing(lambda engine: Tenants(engine).enable(actor(), tenant))
    admit_producers(operator, tenant=tenant)
