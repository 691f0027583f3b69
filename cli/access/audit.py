"""`penstock audit`: who changed what."""

from typing import Annotated

import typer

from cli.access.administering import AsJson, plain, reading, show

app = typer.Typer(no_args_is_help=True)
_COLUMNS = ("id", "at", "actor", "action", "kind", "subject_id", "before", "after")


@app.callback()
def audit() -> None:
    """Administrative changes: who, what, before, after."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest first.")] = 50,
    kind: Annotated[str | None, typer.Option(help="Only of organisation, tenant, key, limit or budget.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of the one with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List administrative changes."""
    from infra.access.audit import AuditLog

    found, _ = reading(lambda engine: AuditLog(engine).list(limit, kind=kind, subject_id=subject))
    show(map(plain, found), _COLUMNS, as_json=as_json)
