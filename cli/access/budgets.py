"""`penstock budget`: how much an organisation, tenant or key may spend."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.access.administering import AsJson, actor, changing, every, plain, reading, show, show_one

if TYPE_CHECKING:
    from decimal import Decimal

    from infra.budgets.repository import Budget

app = typer.Typer(no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="A budget's id.", show_default=False)]
Shares = Annotated[
    list[str] | None, typer.Option("--alert-at", help="A share of it, as in 0.8, at which it is told of; or several.")
]
Webhook = Annotated[str | None, typer.Option(help="Where it is told of, beside the log and the metrics.")]
_COLUMNS = ("id", "kind", "subject_id", "period", "amount_usd", "spent_usd", "reserved_usd", "period_end")


@app.command()
def create(  # noqa: PLR0913, PLR0917 - the options of a command
    kind: Annotated[str, typer.Argument(help="organisation, tenant or key.", show_default=False)],
    subject: Annotated[str, typer.Argument(help="Its id; a key's public one.", show_default=False)],
    period: Annotated[str, typer.Argument(help="day, month (both in UTC) or total.", show_default=False)],
    amount: Annotated[str, typer.Argument(help="Dollars, as in 20 or 0.50.", show_default=False)],
    alert_at: Shares = None,
    webhook: Webhook = None,
    as_json: AsJson = False,
) -> None:
    """Make one. What its period holds already counts."""
    from infra.budgets.repository import USUAL_SHARES, Budgets

    dollars, shares = _decimal(amount, "amount"), USUAL_SHARES if alert_at is None else _shares(alert_at)
    made = changing(
        lambda engine: Budgets(engine).create(actor(), kind, subject, period, dollars, shares, webhook)  # type: ignore[arg-type]
    )
    show_one(_plain(made), as_json=as_json)


@app.command("list")
def list_(
    kind: Annotated[str | None, typer.Option(help="Only of organisation, tenant or key.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only of the one with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List them, the oldest first, and how they stand."""
    from infra.budgets.repository import Budgets

    found = reading(lambda engine: every(lambda paging: Budgets(engine).list(paging, kind=kind, subject_id=subject)))
    show(map(_plain, found), _COLUMNS, as_json=as_json)


@app.command("show")
def show_(budget: Id, as_json: AsJson = False) -> None:
    """Show one, and how it stands."""
    from infra.budgets.repository import Budgets

    show_one(_plain(reading(lambda engine: Budgets(engine).find(budget))), as_json=as_json)


@app.command()
def update(
    budget: Id,
    amount: Annotated[str | None, typer.Option(help="Dollars.")] = None,
    alert_at: Shares = None,
    webhook: Annotated[str | None, typer.Option(help="Where it is told of; empty for nowhere.")] = None,
    as_json: AsJson = False,
) -> None:
    """Change how much it is, and when and where it is told of. What is spent stays spent."""
    from infra.budgets.repository import Budgets

    changed: dict[str, Any] = {}
    if amount is not None:
        changed["amount_usd"] = _decimal(amount, "amount")
    if alert_at is not None:
        changed["alert_shares"] = _shares(alert_at)
    if webhook is not None:
        changed["webhook_url"] = webhook or None
    made = changing(lambda engine: Budgets(engine).update(actor(), budget, **changed))
    show_one(_plain(made), as_json=as_json)


@app.command()
def delete(budget: Id) -> None:
    """Let it count no more."""
    from infra.budgets.repository import Budgets

    changing(lambda engine: Budgets(engine).delete(actor(), budget))


def _plain(budget: "Budget") -> dict[str, Any]:
    from decimal import Decimal

    found = plain(budget) | {"alert_shares": [f"{share.normalize():f}" for share in budget.alert_shares]}
    return {name: f"{value.normalize():f}" if isinstance(value, Decimal) else value for name, value in found.items()}


def _shares(given: list[str]) -> "list[Decimal]":
    return [_decimal(share, "alert-at") for share in given]


def _decimal(text: str, what: str) -> "Decimal":
    from decimal import Decimal, InvalidOperation

    try:
        return Decimal(text)
    except InvalidOperation:
        raise typer.BadParameter(f"{text!r} is no number", param_hint=what) from None
