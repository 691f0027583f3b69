"""`penstock tenant nats-creds` and `nats-revoke`: who may publish for a tenant."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from cli.access.administering import actor, reading
from cli.failures import CommandError

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncEngine

    from infra.nats_auth.handing_out import TenantCreds

T = TypeVar("T")
_EMBEDDED = Path(".penstock", "nats-auth", "operator.seed")
Tenant = Annotated[str, typer.Argument(help="A tenant's id.", show_default=False)]
Seed = Annotated[
    Path | None,
    typer.Option(
        "--operator", envvar="PENSTOCK_NATS_OPERATOR", help=f"The operator's seed; that of `penstock up`: {_EMBEDDED}."
    ),
]


def nats_creds(
    tenant: Tenant,
    expires: Annotated[str | None, typer.Option(help="How long they last: 12h, 90d; else until revoked.")] = None,
    output: Annotated[Path | None, typer.Option(help="A file of their own; else they are printed.")] = None,
    operator: Seed = None,
) -> None:
    """Make NATS credentials for a tenant's producers: they publish its requests and read its results, no others'."""
    from infra.embedded.datadir import write_private
    from infra.nats_auth.lifetime import expiry

    until = expiry(expires) if expires is not None else None
    text = _handing_out(operator, lambda known: known.issue(actor(), tenant, until)).text()
    if output is None:
        typer.echo(text, nl=False)
    else:
        write_private(output, text)


def nats_revoke(
    tenant: Tenant,
    user: Annotated[str | None, typer.Argument(help="U…, the user of one .creds file; all so far without it.")] = None,
    operator: Seed = None,
) -> None:
    """Void a tenant's NATS credentials: whoever is connected with them is cut off at once."""
    from infra.nats_auth.accounts import EVERYBODY

    _handing_out(operator, lambda known: known.revoke(actor(), tenant, user or EVERYBODY))


def admit_producers(seed: Path | None, **whose: str) -> None:
    """Cut the producers of a tenant or an organisation off, or let them in, as it is enabled by now.

    Says so where no operator's seed is there to do it with, and NATS has accounts.
    """
    from infra.settings import load_settings

    if _found(seed) is not None:
        _handing_out(seed, lambda known: known.admit(actor(), **whose))
    elif load_settings().nats_creds is not None:
        typer.echo(
            "The operator's seed is not here (--operator), so who is connected to NATS with its credentials stays so: "
            "run this again where the seed lies.",
            err=True,
        )


def _found(seed: Path | None) -> Path | None:
    return seed or (_EMBEDDED if _EMBEDDED.exists() else None)


def _handing_out(seed: Path | None, work: "Callable[[TenantCreds], Awaitable[T]]") -> T:
    from infra.nats_auth.accounts import accounts
    from infra.nats_auth.generate import read_operator
    from infra.nats_auth.handing_out import TenantCreds
    from infra.settings import load_settings

    path = _found(seed)
    if path is None:
        raise CommandError("no operator: --operator or PENSTOCK_NATS_OPERATOR say where its seed lies.")
    trusted, url = read_operator(path), load_settings().nats_url.unicode_string()

    async def run(engine: "AsyncEngine") -> T:
        async with accounts(url, trusted) as known:
            return await work(TenantCreds(engine, known))

    return reading(run)
