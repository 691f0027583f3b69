"""`penstock eval`: how good a store's searches are, by leg and index version."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from cli.client import DEFAULT_URL, AsJson, BaseUrl, Json, Store
from cli.failures import CommandError


def evaluate(  # noqa: PLR0913, PLR0917 - the options of a command
    store: Store,
    attach: Annotated[Path | None, typer.Option(help="A folder in BEIR's layout, which becomes a set of it.")] = None,
    name: Annotated[str | None, typer.Option(help="The set; all sets of the store where none is named.")] = None,
    split: Annotated[str, typer.Option(help="Which of the folder's judgements: qrels/<split>.tsv.")] = "test",
    version: Annotated[list[int] | None, typer.Option(help="All that can be searched, where none is named.")] = None,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Measure nDCG@10, recall@10 and MRR@10 of vector, text and hybrid search on the store's evaluation sets."""
    from cli.client import asking, store_path

    attached = _read(attach, split) if attach is not None else None
    if attach is not None and name is None:
        name = attach.resolve().name
    with asking(base_url) as api:
        if attached is not None and name is not None:
            api.put(store_path(store, "evaluation_sets", name), attached)
        answer = api.post(store_path(store, "evaluate"), {"evaluation_set": name, "versions": version or None})
    if as_json:
        typer.echo(json.dumps(answer, ensure_ascii=False, indent=2))
        return
    if not answer["measured"]:
        raise CommandError(f"there is nothing to measure {store} with: attach an evaluation set with --attach FOLDER.")
    _print(answer["measured"])


def _read(folder: Path, split: str) -> Json:
    """Raises `PenstockError`, which names the file and the line that is wrong."""
    from ingestion.beir import read_evaluation_set

    found = read_evaluation_set(folder, split)
    judgements = {query: dict(documents) for query, documents in found.judgements.items()}
    return {"queries": dict(found.queries), "judgements": judgements}


def _print(measured: Sequence[Json]) -> None:
    from rich.table import Table

    from cli.tables import console

    table = Table("set", "version", "search", "nDCG@10", "recall@10", "MRR@10", "queries")
    for each in measured:
        figures = (f"{each[name]:.4f}" for name in ("ndcg", "recall", "mrr"))
        version = f"{each['version']} ({each['state']})"
        table.add_row(each["evaluation_set"], version, each["mode"], *figures, f"{each['queries']:,}")
    console().print(table)
