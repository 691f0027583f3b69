"""`penstock setup`: what has to be there before a process starts. Safe to run again at any time."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

from infra.access.keys import ApiKeys, NewKey
from infra.access.tenants import Tenants
from infra.broker import connect
from infra.catalog import Catalog, load_catalog
from infra.database.engine import create_engine, migrate
from infra.embedded.datadir import write_private
from infra.index.paging import Paging
from infra.nats_auth.accounts import accounts
from infra.nats_auth.files import NatsAuthFiles
from infra.nats_auth.generate import read_operator
from infra.settings import Settings
from infra.streams import provision
from infra.telemetry.logs import configure_logging

TENANT, ACTOR = "default", "cli:setup"


async def set_up(settings: Settings) -> dict[str, Any]:
    """Provision, migrate, make the first key. Returns `{"tenant", "api_key", "nats_creds"}`.

    The key is None where there was one, and the path of the tenant's NATS credentials where no operator is named.
    """
    catalog = load_catalog(settings.catalog)
    await asyncio.gather(asyncio.to_thread(migrate, settings), _provision(settings, catalog))
    engine = create_engine(settings, pool_size=1)
    try:
        keys = ApiKeys(engine)
        existing, _ = await keys.list(Paging(1))
        key = None if existing else (await keys.create(ACTOR, NewKey(TENANT, "first key"), makes_tenant=True)).text
        disabled = await Tenants(engine).disabled()
    finally:
        await engine.dispose()
    seed, closed = settings.nats_operator, {tenant for tenant, is_disabled in disabled.items() if is_disabled}
    creds = await _admit_tenants(settings, seed, closed) if seed is not None else None
    return {"tenant": TENANT, "api_key": key, "nats_creds": creds}


def put_away(made: dict[str, Any], file: Path) -> dict[str, Any]:
    """Write the first key, where one was made, to a file that only its owner may read: what a container prints is kept
    in logs. Returns what can be printed. Raises `OSError`.
    """
    key = made["api_key"]
    if key is not None:
        write_private(file, f"{key}\n")
    return {**made, "api_key": None, "key_file": str(file) if key is not None else None}


async def _admit_tenants(settings: Settings, seed: Path, closed: Collection[str]) -> str:
    """Every tenant that has a NATS account gets the doors of this version; those that are disabled are let in by none
    of them. The first tenant's credentials lie beside
    the operator's seed: where.
    """
    path = NatsAuthFiles(seed.parent).tenant_creds(TENANT)
    async with accounts(settings.nats_url.unicode_string(), read_operator(seed)) as known:
        await known.refresh((TENANT,), closed)
        if not path.exists():
            write_private(path, (await known.issue(TENANT)).text())
    return str(path)


async def _provision(settings: Settings, catalog: Catalog) -> None:
    connection = await connect(settings, "setup", configure_logging("setup", settings.log_level))
    try:
        await provision(connection.js, settings, catalog)
    finally:
        await connection.close()
