"""`penstock route compare`: where recorded prompts would go by one catalogue and by another, and what that costs."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.route.explain import AsJson

if TYPE_CHECKING:
    from infra.catalog import Catalog
    from workers.routing.decision import Decision
    from workers.routing.facts import Facts
    from workers.routing.table import Table

_OUTPUT = 300
_NOBODY = "(none)"


@dataclass(slots=True)
class Outcome:
    """Where the prompts go by one catalogue. `dollars` is of those whose price is known; `unpriced` counts the rest."""

    models: list[str] = field(default_factory=list)
    classes: Counter[str] = field(default_factory=Counter)
    dollars: Decimal = Decimal(0)
    unpriced: int = 0

    def as_object(self) -> dict[str, Any]:
        """As JSON has it."""
        total = len(self.models) or 1
        shares = {model: round(count / total, 4) for model, count in Counter(self.models).most_common()}
        return {
            "shares": shares,
            "classes": dict(self.classes.most_common()),
            "cost_usd": str(self.dollars),
            "unpriced": self.unpriced,
        }


def compare(  # noqa: PLR0913, PLR0917 - the options of a command
    first: Annotated[Path, typer.Argument(metavar="A", help="A catalogue's file.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    traffic: Annotated[Path, typer.Option(help="Recorded prompts: JSON lines, or a .csv with a header.")],
    model: Annotated[str, typer.Option(help="The name that the prompts ask for.")] = "auto",
    prompt_field: Annotated[str | None, typer.Option(show_default=False)] = None,
    output_tokens: Annotated[int, typer.Option(min=0, help="What an answer is taken to have.")] = _OUTPUT,
    as_json: AsJson = False,
) -> None:
    """Decide on each prompt by both catalogues, offline; print the models' shares, the cost, and how many go elsewhere.

    Costs are estimates, of the first model's cheapest deployment: the prompt's tokens by its length, and as many of
    output for each. Health, latency and keys' models are not known here.
    """
    from cli.failures import CommandError
    from cli.route.judged import catalog_of
    from cli.route.labelled import read_labelled

    prompts = [found.prompt for found in read_labelled(traffic, prompt_field)]
    if not prompts:
        raise CommandError(f"{traffic} holds no prompts.")
    one, other = (outcome_of(catalog_of(file), prompts, model, output_tokens) for file in (first, second))
    moved = sum(before != after for before, after in zip(one.models, other.models, strict=True))
    if as_json:
        import json

        found = {"prompts": len(prompts), "moved": moved, "a": one.as_object(), "b": other.as_object()}
        typer.echo(json.dumps(found | {"difference_usd": str(other.dollars - one.dollars)}, indent=2))
    else:
        _print(one, other, moved)


def outcome_of(catalog: "Catalog", prompts: Sequence[str], asked: str, output_tokens: int) -> Outcome:
    """Where some prompts go. Raises `CommandError` for a name that the router doesn't have."""
    from cli.route.judged import Judge, facts_from, table_of

    judge, table, outcome = Judge(catalog.router), table_of(catalog), Outcome()
    for prompt in prompts:
        facts = facts_from(prompt, {}, "default", asked)
        decision = judge.decision(facts, table, asked=asked)
        outcome.models.append(decision.models[0] if decision.models else _NOBODY)
        outcome.classes[f"rule:{decision.rule}" if decision.rule else decision.name] += 1
        dollars = _dollars(decision, facts, table, output_tokens)
        outcome.unpriced += dollars is None
        outcome.dollars += dollars or 0
    return outcome


def _dollars(decision: "Decision", facts: "Facts", table: "Table", output_tokens: int) -> Decimal | None:
    from contracts.inference import TokenUsage

    if not decision.models:
        return None
    usage = TokenUsage(input_tokens=facts.tokens, output_tokens=output_tokens)
    name = decision.models[0]
    known = (table.cost(deployment, name, usage) for deployment in decision.usable[name])
    return min((dollars for dollars in known if dollars is not None), default=None)


def _print(one: Outcome, other: Outcome, moved: int) -> None:
    from rich.table import Table

    from cli.route.matrix import wide_console

    total = len(one.models)
    before, after = Counter(one.models), Counter(other.models)
    table = Table("model", "A", "B", "difference")
    for name in sorted(before | after, key=lambda name: -max(before[name], after[name])):
        shares = (before[name] / total, after[name] / total, (after[name] - before[name]) / total)
        table.add_row(name, f"{shares[0]:.1%}", f"{shares[1]:.1%}", f"{shares[2]:+.1%}")
    change = f" ({(other.dollars - one.dollars) / one.dollars:+.1%})" if one.dollars else ""
    dollars = [f"${found.dollars:.4f}" for found in (one, other)]
    table.add_row("cost, estimated", *dollars, f"{other.dollars - one.dollars:+.4f}{change}", style="bold")
    console = wide_console()
    console.print(table)
    console.print(f"{moved:,} of {total:,} prompts go to another model")
    if one.unpriced or other.unpriced:
        console.print(f"no price is known for {one.unpriced:,} of them by A, {other.unpriced:,} by B: not in the cost")
