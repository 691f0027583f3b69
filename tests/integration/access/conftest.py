"""Repositories on an empty database."""

from collections.abc import AsyncIterator

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Authenticator
from infra.access.audit import AuditLog
from infra.access.credentials import Credentials
from infra.access.keys import ApiKeys
from infra.access.organisations import Organisations
from infra.access.tenants import Tenants
from infra.database.engine import create_engine
from infra.settings import Settings
from tests.support.database import Database


@pytest.fixture
async def engine(database: Database) -> AsyncIterator[AsyncEngine]:
    engine = create_engine(Settings(database_url=database.url), pool_size=2)  # type: ignore[arg-type]
    yield engine
    await engine.dispose()


@pytest.fixture
def organisations(engine: AsyncEngine) -> Organisations:
    return Organisations(engine)


@pytest.fixture
def audit(engine: AsyncEngine) -> AuditLog:
    return AuditLog(engine)


@pytest.fixture
def tenants(engine: AsyncEngine) -> Tenants:
    return Tenants(engine)


@pytest.fixture
def keys(engine: AsyncEngine) -> ApiKeys:
    return ApiKeys(engine)


@pytest.fixture
def authenticator(engine: AsyncEngine) -> Authenticator:
    return Authenticator(Credentials(engine).find)
