"""`penstock route explain`: which model would answer a prompt, and why not another."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from workers.routing.decision import Decision

CatalogFile = Annotated[
    Path | None, typer.Option("--catalog", help="A catalogue's file; else PENSTOCK_CATALOG, else the platform's.")
]
AsJson = Annotated[bool, typer.Option("--json", help="As JSON.")]


def explain(  # noqa: PLR0913, PLR0917 - the options of a command
    prompt: Annotated[str, typer.Argument(help="What a user would write.")],
    model: Annotated[str, typer.Option(help="The name that is asked for.")] = "auto",
    catalog: CatalogFile = None,
    tenant: Annotated[str, typer.Option(help="Whose request it is, for rules.")] = "default",
    tags: Annotated[str | None, typer.Option(help="As team=search,feature=faq, for rules.")] = None,
    local: Annotated[bool, typer.Option("--local", help="The request may not leave the house.")] = False,
    as_json: AsJson = False,
) -> None:
    """Decide on a prompt by the catalogue alone: health, latency and what a key may use are the platform's to know."""
    from cli.failures import CommandError
    from cli.route.judged import Judge, catalog_of, facts_from, table_of
    from contracts.tags import read_tags

    try:
        told = read_tags(tags) if tags else {}
    except ValueError as error:
        raise CommandError(f"--tags: {error}.") from None
    known = catalog_of(catalog)
    facts = facts_from(prompt, told, tenant, model)
    decision = Judge(known.router).decision(facts, table_of(known), asked=model, local=local)
    if as_json:
        import json

        typer.echo(json.dumps({**as_object(decision), "fields": facts.fields()}, ensure_ascii=False, indent=2))
    else:
        _print(decision)


def as_object(decision: "Decision") -> dict[str, Any]:
    """A decision as JSON has it."""
    verdict = decision.verdict
    return {
        "route": decision.label,
        "class": decision.name,
        "confidence": None if verdict is None else round(verdict.confidence, 4),
        "probabilities": None if verdict is None else {name: round(p, 4) for name, p in verdict.probabilities.items()},
        "rule": decision.rule,
        "policy": decision.policy,
        "models": list(decision.models),
        "passed_over": [{"model": one.model, "reason": one.reason} for one in decision.passed],
        "local_only": decision.local,
    }


def _print(decision: "Decision") -> None:
    from rich.table import Table

    from cli.route.matrix import wide_console

    console, verdict = wide_console(), decision.verdict
    if decision.rule:
        console.print(f"rule {decision.rule}, class {decision.name}")
    elif verdict is not None:
        others = sorted(verdict.probabilities.items(), key=lambda item: -item[1])
        console.print(f"class {decision.name}: " + ", ".join(f"{name} {share:.2f}" for name, share in others))
    reasons = {one.model: one.reason for one in decision.passed}
    console.print(f"{decision.label}, policy {decision.policy}")
    table = Table("", "model", "why")
    for place, name in enumerate(decision.models, 1):
        table.add_row(str(place), name, "first" if place == 1 else reasons.get(name, ""))
    for name, reason in reasons.items():
        if name not in decision.models:
            table.add_row("", name, reason)
    console.print(table)
