"""`penstock setup`: what has to be there before a process starts. Safe to run again at any time."""

import asyncio
from typing import Any

from infra.access.keys import ApiKeys, NewKey
from infra.broker import connect
from infra.catalog import Catalog, load_catalog
from infra.database.engine import create_engine, migrate
from infra.index.paging import Paging
from infra.settings import Settings
from infra.streams import provision
from infra.telemetry.logs import configure_logging

TENANT, ACTOR = "default", "cli:setup"


async def set_up(settings: Settings) -> dict[str, Any]:
    """Provision, migrate, make the first key. Returns `{"tenant", "api_key"}`; the key is None where there was one."""
    catalog = load_catalog(settings.catalog)
    await asyncio.gather(asyncio.to_thread(migrate, settings), _provision(settings, catalog))
    engine = create_engine(settings, pool_size=1)
    try:
        keys = ApiKeys(engine)
        existing, _ = await keys.list(Paging(1))
        key = None if existing else (await keys.create(ACTOR, NewKey(TENANT, "first key"), makes_tenant=True)).text
    finally:
        await engine.dispose()
    return {"tenant": TENANT, "api_key": key}


async def _provision(settings: Settings, catalog: Catalog) -> None:
    connection = await connect(settings, "setup", configure_logging("setup", settings.log_level))
    try:
        await provision(connection.js, settings, catalog)
    finally:
        await connection.close()
