"""`penstock config`: check a model catalogue, have all processes take it over, see which one is in force."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.broker import connected

if TYPE_CHECKING:
    from infra.catalog import Catalog
    from infra.catalog.bucket import ConfigBucket
    from infra.catalog.candidate import Candidate

app = typer.Typer(no_args_is_help=True)
T = TypeVar("T")
File = Annotated[Path, typer.Argument(help="A model catalogue (YAML).", show_default=False)]
_PATIENCE, _LOOK_AGAIN = 5.0, 0.1


@app.command()
def check(file: File) -> None:
    """Say whether a catalogue is one, and if not, which lines are wrong; and which deployments have no known price."""
    from infra.prices import PriceBook, unpriced

    _, catalog = _read(file)
    if names := unpriced(catalog, PriceBook(), datetime.now(UTC)):
        typer.echo(
            f"no price is known for {', '.join(names)}: what such calls cost is unknown, and a budget refuses them",
            err=True,
        )
    typer.echo(f"{file} is a model catalogue: {len(catalog.providers)} providers, {len(catalog.models)} models.")


@app.command()
def reference(
    file: Annotated[Path | None, typer.Argument(help="Where to; on the terminal where left out.")] = None,
) -> None:
    """Write the reference of all settings, as docs/configuration.md has it."""
    from cli.configuration import reference as text

    if file is None:
        typer.echo(text(), nl=False)
    else:
        file.write_text(text(), encoding="utf-8")


@app.command()
def apply(file: File) -> None:
    """Have all processes take a catalogue over, without a restart, and wait until a provider worker has."""
    from infra.catalog.changes import changes

    raw, catalog = _read(file)

    async def put(bucket: "ConfigBucket", max_payload: int) -> bool:
        before = await bucket.in_force()
        for line in changes(_catalog_of(before), catalog) or ["nothing is changed"]:
            typer.echo(line)
        await bucket.apply(raw, max_payload)
        await _write_down(_catalog_of(before), catalog)
        return await _is_taken_over(bucket, raw)

    if not _with_bucket(put):
        typer.echo(
            f"applied, but no provider worker has taken it over within {_PATIENCE:g} s: what was in force still is. "
            "Where one refused it, its log says why (catalog_refused).",
            err=True,
        )
        raise typer.Exit(1)
    typer.echo("in force")


@app.command()
def show() -> None:
    """Print the catalogue that is in force, with a first line that says since when and where it came from."""

    async def found(bucket: "ConfigBucket", _: int) -> "tuple[Candidate | None, Candidate | None]":
        return await bucket.in_force(), await bucket.latest()

    in_force, applied = _with_bucket(found)
    if in_force is None:
        typer.echo("no provider worker has taken a catalogue over yet", err=True)
        raise typer.Exit(1)
    typer.echo(f"# in force since {_time(in_force)}, from {in_force.origin}")
    typer.echo(in_force.raw.decode("utf-8"), nl=not in_force.raw.endswith(b"\n"))
    if applied is not None and applied.at > in_force.at and applied.raw != in_force.raw:
        typer.echo(f"another one was applied at {_time(applied)}, and no provider worker has taken it over", err=True)


def catalog_in_force() -> "Catalog":
    """What the platform's processes go by. Raises `SettingsError` where none can be asked, or none has any."""
    from infra.catalog import parse_catalog
    from infra.settings import SettingsError

    async def found(bucket: "ConfigBucket", _: int) -> "Candidate | None":
        return await bucket.in_force()

    in_force = _with_bucket(found)
    if in_force is None:
        raise SettingsError("no provider worker has taken a catalogue over yet: name one by --catalog.")
    return parse_catalog(in_force.raw, in_force.origin).catalog


def _read(file: Path) -> "tuple[bytes, Catalog]":
    """Raises `SettingsError`; where several lines are wrong, they are listed before that."""
    from infra.catalog import CatalogError, parse_catalog, read_catalog

    raw = read_catalog(file)
    try:
        return raw, parse_catalog(raw, str(file)).catalog
    except CatalogError as error:
        for problem in error.problems if len(error.problems) > 1 else ():
            typer.echo(f"line {problem.line} ({problem.place}): {problem.reason}", err=True)
        raise


def _catalog_of(candidate: "Candidate | None") -> "Catalog | None":
    """None where there is none, or none that this version can read."""
    from infra.catalog import parse_catalog
    from infra.settings import SettingsError

    try:
        return parse_catalog(candidate.raw, candidate.origin).catalog if candidate else None
    except SettingsError:
        return None


async def _write_down(before: "Catalog | None", after: "Catalog") -> None:
    """Into the audit log; it is applied already, so what keeps it from there is told and fails nothing."""
    from cli.access.administering import actor
    from contracts.errors import PenstockError
    from infra.catalog.writing_down import write_down
    from infra.database.engine import create_engine
    from infra.settings import SettingsError, load_settings

    try:
        engine = create_engine(load_settings(), pool_size=1)
        try:
            await write_down(engine, actor(), before, after)
        finally:
            await engine.dispose()
    except (SettingsError, PenstockError) as error:
        typer.echo(f"the audit log has no entry of it: {error}", err=True)


async def _is_taken_over(bucket: "ConfigBucket", raw: bytes) -> bool:
    deadline = asyncio.get_running_loop().time() + _PATIENCE
    while asyncio.get_running_loop().time() < deadline:
        in_force = await bucket.in_force()
        if in_force is not None and in_force.raw == raw:
            return True
        await asyncio.sleep(_LOOK_AGAIN)
    return False


def _time(candidate: "Candidate") -> str:
    return datetime.fromtimestamp(candidate.at, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _with_bucket(work: "Callable[[ConfigBucket, int], Awaitable[T]]") -> T:
    import nats.errors

    from infra.catalog.bucket import BUCKET, ConfigBucket
    from infra.settings import SettingsError, load_settings

    async def run() -> T:
        async with connected(load_settings()) as connection:
            try:
                return await work(ConfigBucket(connection.js), connection.client.max_payload)
            except nats.errors.Error as error:
                missing = (
                    f"NATS does not answer for the bucket {BUCKET}: `penstock setup` makes it, if it is not there."
                )
                raise SettingsError(missing) from error

    return asyncio.run(run())
