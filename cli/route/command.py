"""`penstock route`: what the router takes a prompt for, and how often it is right."""

from pathlib import Path
from typing import Annotated

import typer

from cli.route.compare import compare
from cli.route.explain import AsJson, explain
from cli.route.training import train

app = typer.Typer(no_args_is_help=True)
app.command()(explain)
app.command()(train)
app.command()(compare)

Field = Annotated[str | None, typer.Option(show_default=False)]
Share = Annotated[float | None, typer.Option("--min", min=0, max=1, help="Exit status 1 where the accuracy is lower.")]


@app.command("eval")
def evaluate(  # noqa: PLR0913, PLR0917 - the options of a command
    file: Annotated[Path, typer.Argument(help="JSON lines, or a .csv with a header: a prompt and its label each.")],
    prompt_field: Field = None,
    label_field: Field = None,
    label: Annotated[str | None, typer.Option(help="The label of all that have none.")] = None,
    catalog: Annotated[Path | None, typer.Option(help="By the classes and the threshold of a catalogue.")] = None,
    at_least: Share = None,
    difficulty: Annotated[bool, typer.Option("--difficulty", help="The curve of quality over strong calls.")] = False,
    as_json: AsJson = False,
) -> None:
    """Classify the prompts of a labelled file; print the confusion matrix, and precision and recall of each class.

    With --difficulty the file has judged pairs (JSON lines of prompt, weak and strong): what dividing them by
    difficulty would give, on prompts that were held out.
    """
    if difficulty:
        _show_curve(file, as_json=as_json)
        return
    from cli.failures import CommandError
    from cli.route.judged import Judge, catalog_of
    from cli.route.labelled import read_labelled
    from cli.route.matrix import as_object, print_matrix
    from workers.routing.confusion import Confusion

    found = read_labelled(file, prompt_field, label_field)
    labelled = [(prompt, own or label) for prompt, own in found]
    known = [(prompt, own) for prompt, own in labelled if own is not None]
    if len(known) < len(found) or not known:
        raise CommandError(f"{len(found) - len(known)} of {len(found)} prompts in {file} have no label: use --label.")
    judge = Judge(catalog_of(catalog).router if catalog else None)
    confusion = Confusion.of(judge.pairs(known))
    if as_json:
        import json

        typer.echo(json.dumps(as_object(confusion, judge.classifier.classes), ensure_ascii=False, indent=2))
    else:
        print_matrix(confusion, judge.classifier.classes)
    if at_least is not None and confusion.accuracy < at_least:
        raise typer.Exit(1)


def _show_curve(file: Path, *, as_json: bool) -> None:
    import json

    from cli.route.difficulty import curve_object, print_curve, read_judged
    from ingestion.embedding.wordllama import WordLlamaModel
    from workers.routing.difficulty import curve_of

    curve = curve_of(read_judged(file), WordLlamaModel())
    if as_json:
        typer.echo(json.dumps(curve_object(curve), indent=2))
    else:
        print_curve(curve)
