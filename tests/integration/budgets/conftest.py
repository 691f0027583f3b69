"""An organisation with budgets to be, and its ledger."""

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.budgets import Books, found_organisation
from tests.support.database import Database


@pytest.fixture
async def books(engine: AsyncEngine, database: Database) -> Books:
    await found_organisation(database)
    return Books(engine, database)
