"""`penstock route train`: other examples for the classifier, measured before any process takes them over."""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from workers.routing.examples import Examples

_FOLDS = 5
Share = Annotated[float | None, typer.Option("--min", min=0, max=1, help="Apply nothing where fewer are right.")]


def train(  # noqa: PLR0913, PLR0917 - the options of a command
    file: Annotated[
        Path | None, typer.Argument(help="YAML: a class, and a list of its texts; judged pairs for --difficulty.")
    ] = None,
    instead: Annotated[bool, typer.Option("--instead", help="Without those that come with Penstock.")] = False,
    at_least: Share = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Measure, and apply nothing.")] = False,
    reset: Annotated[bool, typer.Option("--reset", help="Go back to what there is without training.")] = False,
    difficulty: Annotated[bool, typer.Option("--difficulty", help="What tells strong from weak prompts.")] = False,
    tenant: Annotated[str | None, typer.Option(help="With --difficulty: this tenant's alone.")] = None,
) -> None:
    """Train on examples, print how many are right when they are held out, and have all routing processes train on them.

    With --difficulty: on JSON lines of prompt, weak and strong, which say how good both models' answers were. Processes
    take it over within some seconds, and log router_training_taken_over with the version that is printed here.
    """
    from cli.failures import CommandError

    if reset is (file is not None):
        raise CommandError("name a file to train on, or say --reset: one of them.")
    if difficulty:
        _train_difficulty(file, tenant, dry_run=dry_run)
        return
    examples = None if file is None else _examples(file, instead=instead)
    if examples is not None and not _is_good(examples, at_least):
        typer.echo(f"applied nothing: fewer than {at_least} are right", err=True)
        raise typer.Exit(1)
    if not dry_run:
        import orjson

        raw = b"" if examples is None else orjson.dumps({name: list(texts) for name, texts in examples.items()})
        _tell("examples", raw)


def _train_difficulty(file: Path | None, tenant: str | None, *, dry_run: bool) -> None:
    from cli.route.difficulty import print_curve, read_judged
    from ingestion.embedding.wordllama import WordLlamaModel
    from workers.routing.difficulty import curve_of, train_difficulty, write_weights

    raw = b""
    if file is not None:
        judged, model = read_judged(file), WordLlamaModel()
        print_curve(curve_of(judged, model))
        raw = write_weights(train_difficulty(judged, model), model.revision)
    if not dry_run:
        from infra.catalog.trained import difficulty_key

        _tell(difficulty_key(tenant), raw)


def _tell(key: str, raw: bytes) -> None:
    typer.echo(f"applied as version {asyncio.run(_apply(key, raw))}")


def _examples(file: Path, *, instead: bool) -> "Examples":
    from workers.routing.examples import read_examples, shipped

    found = read_examples(file)
    if instead:
        return found
    base = shipped()
    return {name: (*base.get(name, ()), *found.get(name, ())) for name in dict.fromkeys((*base, *found))}


def _is_good(examples: "Examples", at_least: float | None) -> bool:
    from cli.route.matrix import print_matrix
    from ingestion.embedding.wordllama import WordLlamaModel
    from workers.routing.classifier import held_out
    from workers.routing.confusion import Confusion

    confusion = Confusion.of(held_out(examples, WordLlamaModel(), _FOLDS))
    print_matrix(confusion, tuple(examples))
    return at_least is None or confusion.accuracy >= at_least


async def _apply(key: str, raw: bytes) -> int:
    import nats.errors

    from infra.broker import connect
    from infra.catalog.bucket import BUCKET
    from infra.catalog.trained import TrainedBucket
    from infra.settings import SettingsError, load_settings
    from infra.telemetry.logs import configure_logging

    settings = load_settings()
    connection = await connect(settings, "cli", configure_logging("cli", settings.log_level))
    try:
        return await TrainedBucket(connection.js).put(key, raw, connection.client.max_payload)
    except nats.errors.Error as error:
        message = f"NATS does not answer for the bucket {BUCKET}: `penstock setup` makes it, if it is not there."
        raise SettingsError(message) from error
    finally:
        await connection.close()
