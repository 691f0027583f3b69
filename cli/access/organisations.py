"""`penstock org`: who pays for tenants."""

from typing import Annotated

import typer

from cli.access.administering import AsJson, actor, changing, every, plain, reading, show, show_one
from cli.access.many_keys import revoke_all, rotate_all
from cli.access.nats import Seed, admit_producers

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="An organisation's id.", show_default=False)]
Name = Annotated[str, typer.Option(help="What people call it.")]
_COLUMNS = ("id", "name", "created_at", "disabled_at")


@app.command()
def create(organisation: Id, name: Name = "", as_json: AsJson = False) -> None:
    """Make one."""
    from infra.access.organisations import Organisations

    made = changing(lambda engine: Organisations(engine).create(actor(), organisation, name))
    show_one(plain(made), as_json=as_json)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List them, the oldest first."""
    from infra.access.organisations import Organisations

    found = reading(lambda engine: every(Organisations(engine).list))
    show(map(plain, found), _COLUMNS, as_json=as_json)


@app.command("show")
def show_(organisation: Id, as_json: AsJson = False) -> None:
    """Show one."""
    from infra.access.organisations import Organisations

    show_one(plain(reading(lambda engine: Organisations(engine).find(organisation))), as_json=as_json)


@app.command()
def rename(organisation: Id, name: Annotated[str, typer.Argument(help="Its new name.")]) -> None:
    """Call it something else."""
    from infra.access.organisations import Organisations

    changing(lambda engine: Organisations(engine).rename(actor(), organisation, name))


@app.command()
def rotate(
    organisation: Id,
    overlap: Annotated[str, typer.Option(help="How long the old keys are still let in, as in 24h or 0s.")] = "24h",
    as_json: AsJson = False,
) -> None:
    """Rotate all keys of its tenants, and print the new ones."""
    rotate_all(overlap, as_json=as_json, organisation=organisation)


@app.command()
def revoke(organisation: Id) -> None:
    """Revoke all keys of its tenants, for good."""
    typer.echo(f"{revoke_all(organisation=organisation)} keys are revoked")


@app.command()
def disable(organisation: Id, operator: Seed = None) -> None:
    """Let none of its tenants in any more; what is on its way ends as it would."""
    from infra.access.organisations import Organisations

    changing(lambda engine: Organisations(engine).disable(actor(), organisation))
    admit_producers(operator, organisation=organisation)


@app.command()
def enable(organisation: Id, operator: Seed = None) -> None:
    """Let its tenants in again, with the keys and credentials that they have."""
    from infra.access.organisations import Organisations

    changing(lambda engine: Organisations(engine).enable(actor(), organisation))
    admit_producers(operator, organisation=organisation)
