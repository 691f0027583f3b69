"""The tenants of the run, with keys, credentials, limits and budgets."""

from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from sqlalchemy.ext.asyncio import AsyncEngine

from benchmarks.ledger_faults.plan import (
    BUDGETED,
    FEW,
    KEYS,
    LIMITED,
    OPEN_OF_FEW,
    ORGANISATIONS,
    TIGHT,
    TIGHT_USD,
)
from infra.access.keys import ApiKeys, NewKey
from infra.access.organisations import Organisations
from infra.access.scopes import USUAL_SCOPES
from infra.access.tenants import Tenants
from infra.budgets.repository import Budgets
from infra.embedded.datadir import write_private
from infra.limits.repository import Limits, Most
from infra.nats_auth.accounts import accounts
from infra.nats_auth.generate import read_operator
from infra.nats_auth.handing_out import TenantCreds

_BY = "cli:benchmark"
_PLENTY = Decimal(10**6)


@dataclass(frozen=True, slots=True)
class Doors:
    """By tenant: its keys, and the file of its NATS credentials. `admin` is a key that reads everybody's usage."""

    keys: dict[str, list[str]]
    creds: dict[str, Path]
    admin: str


async def set_up(engine: AsyncEngine, nats_url: str, operator_seed: Path, directory: Path, count: int) -> Doors:
    """`count` is how many requests there will be; the small budget goes by it."""
    keys: dict[str, list[str]] = {}
    ids: dict[str, list[str]] = {}
    for organisation in sorted(set(ORGANISATIONS.values())):
        await Organisations(engine).create(_BY, organisation)
        await Budgets(engine).create(_BY, "organisation", organisation, "day", _PLENTY)
    for tenant, organisation in ORGANISATIONS.items():
        await Tenants(engine).create(_BY, tenant, organisation=organisation)
        made = [await ApiKeys(engine).create(_BY, NewKey(tenant, "benchmark", USUAL_SCOPES)) for _ in range(KEYS)]
        keys[tenant], ids[tenant] = [one.text for one in made], [one.key.id for one in made]
    await _restrict(engine, ids, count)
    admin = await ApiKeys(engine).create(_BY, NewKey("default", "reports", ("admin",)))
    return Doors(keys, await _creds(engine, nats_url, operator_seed, directory), admin.text)


async def _restrict(engine: AsyncEngine, ids: dict[str, list[str]], count: int) -> None:
    budgets, limits = Budgets(engine), Limits(engine)
    await budgets.create(_BY, "tenant", BUDGETED, "month", _PLENTY)
    await budgets.create(_BY, "key", ids[BUDGETED][0], "total", _PLENTY)
    await budgets.create(_BY, "tenant", TIGHT, "total", TIGHT_USD * count)
    await limits.set(_BY, "tenant", LIMITED, Most(10**6, 10**9, 10**4))
    await limits.set(_BY, "key", ids[LIMITED][0], Most(10**6, 10**9))
    await limits.set(_BY, "tenant", FEW, Most(concurrent_requests=OPEN_OF_FEW))


async def _creds(engine: AsyncEngine, nats_url: str, operator_seed: Path, directory: Path) -> dict[str, Path]:
    found = {}
    async with accounts(nats_url, read_operator(operator_seed)) as known:
        for tenant in ORGANISATIONS:
            found[tenant] = directory / f"{tenant}.creds"
            write_private(found[tenant], (await TenantCreds(engine, known).issue(_BY, tenant)).text())
    return found
