"""`penstock limit`: how much passes of a key, a tenant or a model."""

from typing import Annotated

import typer

from cli.access.administering import AsJson, actor, changing, every, plain, reading, show, show_one

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="A limit's id.", show_default=False)]
_COLUMNS = (
    *("id", "kind", "subject_id", "model"),
    *("requests_per_minute", "tokens_per_minute", "concurrent_requests"),
)


@app.command("set")
def set_(  # noqa: PLR0913, PLR0917 - the options of a command
    kind: Annotated[str, typer.Argument(help="key, tenant or model.", show_default=False)],
    subject: Annotated[
        str, typer.Argument(help="Its id; a key's public one; a model as callers name it.", show_default=False)
    ],
    requests: Annotated[int | None, typer.Option(min=1, help="Requests a minute.")] = None,
    tokens: Annotated[int | None, typer.Option(min=1, help="Tokens a minute, input and output.")] = None,
    concurrent: Annotated[int | None, typer.Option(min=1, help="Requests that are open at the same time.")] = None,
    model: Annotated[str, typer.Option(help="Of a key or tenant: for this model alone.")] = "*",
    as_json: AsJson = False,
) -> None:
    """Set one, instead of what was set for the same before. What is not named is not limited."""
    from infra.limits.repository import Limits, Most

    most = Most(requests, tokens, concurrent)
    made = changing(lambda engine: Limits(engine).set(actor(), kind, subject, most, model))  # type: ignore[arg-type]
    show_one(plain(made), as_json=as_json)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only of key, tenant or model.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of the one with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List them, the oldest first."""
    from infra.limits.repository import Limits

    found = reading(lambda engine: every(lambda paging: Limits(engine).list(paging, kind=kind, subject_id=subject)))
    show(map(plain, found), _COLUMNS, as_json=as_json)


@app.command("show")
def show_(limit: Id, as_json: AsJson = False) -> None:
    """Show one."""
    from infra.limits.repository import Limits

    show_one(plain(reading(lambda engine: Limits(engine).find(limit))), as_json=as_json)


@app.command()
def delete(limit: Id) -> None:
    """Let it count no more."""
    from infra.limits.repository import Limits

    changing(lambda engine: Limits(engine).delete(actor(), limit))
