"""`penstock reindex`: build a store's next index version, watch it, stop it, let it go on."""

import json
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.client import DEFAULT_URL, AsJson, BaseUrl, Json, Store
from cli.failures import FAILED, INTERRUPTED, CommandError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from cli.client import Api

_LOOK_AGAIN, _LINE = 0.5, 2.0
"""Seconds between two looks at a job, and between two lines where there is no terminal."""
_ENDED = frozenset({"completed", "refused", "cancelled", "failed"})
Job = Annotated[str | None, typer.Option(help="The job's id; the newest of the store where none is named.")]
Detach = Annotated[bool, typer.Option("--detach", help="Print the job's id and don't wait for its end.")]


_ID_WIDTH = 27
"""Characters of a job's id: half of one helps nobody."""


class _StartByDefault(TyperGroup):
    """`penstock reindex docs …` is `penstock reindex start docs …`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - Typer names no type for it
        if args and args[0] not in self.commands and args[0] not in ctx.help_option_names:
            args = ["start", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(cls=_StartByDefault, no_args_is_help=True)


@app.command()
def start(  # noqa: PLR0913, PLR0917 - the options of a command
    store: Store,
    embedding_model: Annotated[str | None, typer.Option(help="wordllama, or a model of the catalogue.")] = None,
    chunk_tokens: Annotated[int | None, typer.Option(min=1, max=4096, help="How long a chunk may be.")] = None,
    chunk_overlap: Annotated[int | None, typer.Option(min=0, max=2048, help="By how much two may overlap.")] = None,
    max_quality_loss: Annotated[
        float | None, typer.Option(min=0, max=1, help="How much lower nDCG@10 may be than the live version's.")
    ] = None,
    evaluation_set: Annotated[str | None, typer.Option(help="What it is measured on; all sets of the store.")] = None,
    detach: Detach = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Build the next version, check it, and switch to it. What is not named stays as it is.

    `penstock reindex docs …` is the same. Exit code: 0 it is live, 1 it was refused or has failed, 2 could not be run.
    """
    from cli.client import asking, store_path

    asked = {
        "embedding_model": embedding_model,
        "chunk_tokens": chunk_tokens,
        "chunk_overlap": chunk_overlap,
        "max_quality_loss": max_quality_loss,
        "evaluation_set": evaluation_set,
    }
    with asking(base_url) as api:
        job = api.post(store_path(store, "reindex"), asked)
        if detach:
            typer.echo(job["id"])
            return
        _follow(api, store, job)


@app.command()
def show(
    store: Store,
    job: Job = None,
    follow: Annotated[bool, typer.Option("--follow", help="Until it has ended.")] = False,
    as_json: AsJson = False,
    base_url: BaseUrl = DEFAULT_URL,
) -> None:
    """Show how far a job is, the newest or another, and how it ended."""
    from cli.client import asking

    with asking(base_url) as api:
        found = _find(api, store, job)
        if follow:
            _follow(api, store, found)
        elif as_json:
            typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            typer.echo(sentence(found))


@app.command("list")
def list_(store: Store, as_json: AsJson = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """List the jobs of a store, the newest first."""
    from rich.table import Column, Table

    from cli.client import asking, store_path
    from cli.tables import console

    with asking(base_url) as api:
        jobs = api.get(store_path(store, "reindex"))["data"]
    if as_json:
        typer.echo(json.dumps(jobs, ensure_ascii=False, indent=2))
        return
    table = Table(
        Column("job", no_wrap=True, min_width=_ID_WIDTH),
        Column("state", no_wrap=True, min_width=9),
        "version",
        "done",
        "failed",
        "pending",
        "reason",
    )
    for job in jobs:
        counts = (f"{job[name]:,}" for name in ("done", "failed", "pending"))
        table.add_row(job["id"], job["state"], str(job["version"] or ""), *counts, job["reason"] or "")
    console().print(table)


@app.command()
def pause(store: Store, job: Job = None, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Stop a job where it is; live goes on serving."""
    _tell(store, job, "pause", base_url)


@app.command()
def resume(store: Store, job: Job = None, detach: Detach = False, base_url: BaseUrl = DEFAULT_URL) -> None:
    """Let a paused job go on."""
    _tell(store, job, "resume", base_url, follow=not detach)


@app.command()
def cancel(store: Store, job: Job = None, base_url: BaseUrl = DEFAULT_URL) -> None:
    """End a job; what it has built is dropped."""
    _tell(store, job, "cancel", base_url)


def sentence(job: Json) -> str:
    """How far a job is, in words."""
    rate = f", {job['rate']:,.0f} a second" if job["rate"] else ""
    eta = f", {job['eta_seconds']:,.0f} s to go" if job["eta_seconds"] is not None else ""
    version = f" (version {job['version']})" if job["version"] else ""
    counted = f"{job['done']:,} done, {job['failed']:,} failed, {job['pending']:,} pending"
    reason = f": {job['reason']}" if job["reason"] else ""
    return f"{job['id']}{version} is {job['state']}: {counted}{rate}{eta}{reason}"


def _find(api: "Api", store: str, job: str | None) -> Json:
    from cli.client import store_path

    if job is not None:
        return api.get(store_path(store, "reindex", job))
    jobs: list[Json] = api.get(store_path(store, "reindex"))["data"]
    if not jobs:
        raise CommandError(f"{store} was never re-indexed.")
    return jobs[0]


def _tell(store: str, job: str | None, what: str, base_url: str, *, follow: bool = False) -> None:
    from cli.client import asking, store_path

    with asking(base_url) as api:
        told = api.post(store_path(store, "reindex", _find(api, store, job)["id"], what))
        if follow:
            _follow(api, store, told)
        else:
            typer.echo(sentence(told))


def _follow(api: "Api", store: str, job: Json) -> None:
    """Show a job until it has ended or is paused. Raises `typer.Exit` where its version is not live then."""
    try:
        ended = _watch(api, store, job)
    except KeyboardInterrupt:
        typer.echo(f"it goes on: `penstock reindex show {store}`, or `penstock reindex cancel {store}`.", err=True)
        raise typer.Exit(INTERRUPTED) from None
    typer.echo(sentence(ended))
    if ended["state"] != "completed":
        raise typer.Exit(FAILED)


def _watch(api: "Api", store: str, job: Json) -> Json:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
    from rich.progress import Progress as Bar

    from cli.client import store_path

    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[more]}"))
    next_line = time.monotonic() + _LINE
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(store, total=None, more="")
        while job["state"] not in _ENDED and job["state"] != "paused":
            time.sleep(_LOOK_AGAIN)
            job = api.get(store_path(store, "reindex", job["id"]))
            _update(progress, task, job)
            if not console.is_terminal and time.monotonic() >= next_line:
                typer.echo(sentence(job))
                next_line = time.monotonic() + _LINE
    return job


def _update(progress: "Progress", task: "TaskID", job: Json) -> None:
    eta = f", {job['eta_seconds']:,.0f} s to go" if job["eta_seconds"] is not None else ""
    more = f"{job['state']}, {job['failed']:,} failed, {job['rate']:,.0f}/s{eta}"
    progress.update(task, completed=job["done"] + job["failed"], total=job["total"] or None, more=more)
