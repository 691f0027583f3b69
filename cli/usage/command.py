"""`penstock usage`: the wiring."""

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.client import DEFAULT_URL, AsJson, BaseUrl, Json

if TYPE_CHECKING:
    from cli.client import Api
    from cli.usage.asked import Pairs

_PATH, _PAGE, _NEXT_PAGE = "/usage", 10_000, "x-penstock-next-page"
Of = Annotated[list[str] | None, typer.Option(help="Only of this one; may be there more than once.")]


def usage(  # noqa: PLR0913, PLR0917 - the options of a command
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="day, hour, organisation, tenant, key, model, route or tag:NAME; may be there several times."
        ),
    ] = None,
    since: Annotated[str, typer.Option(help="7d, 24h, 2w, a date or an RFC 3339 time.")] = "7d",
    until: Annotated[
        str | None, typer.Option(help="A date, which is its beginning, or an RFC 3339 time; now by default.")
    ] = None,
    organisation: Of = None,
    tenant: Of = None,
    key: Of = None,
    model: Of = None,
    route: Of = None,
    tag: Annotated[list[str] | None, typer.Option(help="NAME=VALUE: only what its caller tagged so.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="As CSV.")] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """What was used and what it cost; a key with the scope «admin» sees every tenant's, any other its own."""
    from cli.client import asking
    from cli.usage.asked import parameters

    of = {"organisation": organisation, "tenant": tenant, "key": key, "model": model, "route": route}
    filters = {name: values for name, values in of.items() if values}
    asked = parameters(by or ["day"], since=since, until=until, filters=filters, tags=tag or (), now=datetime.now(UTC))
    with asking(base_url) as api:
        if csv:
            return _print_csv(api, asked)
        report = _whole(api, asked)
    if as_json:
        return typer.echo(json.dumps(report, ensure_ascii=False, indent=2))
    return _print_table(report)


def _whole(api: "Api", asked: "Pairs") -> Json:
    """All pages as one."""
    report = api.get(_query(asked))
    rows: list[Any] = report["data"]
    after = report["next_page"]
    while after is not None:
        page = api.get(_query([*asked, ("after", after)]))
        rows += page["data"]
        after = page["next_page"]
    return {**report, "has_more": False, "next_page": None}


def _print_csv(api: "Api", asked: "Pairs") -> None:
    after: str | None = None
    first = True
    while first or after is not None:
        more = [] if after is None else [("after", after)]
        text, headers = api.text(_query([*asked, ("format", "csv"), *more]))
        typer.echo(text if first else text.partition("\r\n")[2], nl=False)
        first, after = False, headers.get(_NEXT_PAGE)


def _print_table(report: Json) -> None:
    from cli.tables import console
    from cli.usage.shown import BAR, SHORT_BAR, WIDE, notes, table

    if not report["data"]:
        return typer.echo(f"nothing was used from {report['start']} to {report['end']}")
    names = [name for name in report["data"][0] if name == "start" or name in report["group_by"]]
    screen = console()
    width = BAR if screen.width >= WIDE else SHORT_BAR
    screen.print(table(names, report["data"], report["total"], report["bucket"], width))
    for note in notes(report["total"]):
        typer.echo(note)
    return None


def _query(pairs: "Pairs") -> str:
    from urllib.parse import urlencode

    return f"{_PATH}?{urlencode([*pairs, ('limit', str(_PAGE))])}"
