"""`penstock audit`: who changed what."""

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.access.administering import AsJson, plain, reading, show

app = typer.Typer(no_args_is_help=True)
_COLUMNS = ("id", "at", "actor", "action", "kind", "subject_id", "changes")


@app.callback()
def audit() -> None:
    """Administrative changes: who, what, before, after."""


@app.command("list")
def list_(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="So many, the newest first.")] = 50,
    kind: Annotated[
        str | None,
        typer.Option(help="Only of organisation, tenant, key, limit, budget, nats_creds, cache or catalogue."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="Only of the one with this id.")] = None,
    as_json: AsJson = False,
) -> None:
    """List administrative changes."""
    from infra.access.audit import AuditLog

    found, _ = reading(lambda engine: AuditLog(engine).list(limit, kind=kind, subject_id=subject))
    entries = [plain(each) for each in found]
    shown = entries if as_json else [{**each, "changes": changes(each["before"], each["after"])} for each in entries]
    show(shown, _COLUMNS, as_json=as_json)


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """What differs, in a line: `name: «a» → «b»`; of what was made or is gone, all that it has."""
    was, now = before or {}, after or {}
    parts = []
    for name in {**was, **now}:
        if was.get(name) == now.get(name):
            continue
        said = [_said(each.get(name)) for each in (was, now)]
        parts.append(
            f"{name}: {said[0]} → {said[1]}" if before and after else f"{name}: {said[1] if after else said[0]}"
        )
    return "; ".join(parts)


def _said(value: object) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value)) or "none"
    return "none" if value is None else str(value)
