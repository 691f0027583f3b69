"""Alembic's entry point, called by `infra.database.engine.migrate`."""

from alembic import context
from sqlalchemy import create_engine, text

from infra.database.tables import Base

_LOCK = 7_306_511
"""Any number will do, as long as every Penstock takes the same."""


def run() -> None:
    """Run the pending revisions in one transaction, one process at a time."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(connection=connection, target_metadata=Base.metadata)
        with context.begin_transaction():
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
            context.run_migrations()
    engine.dispose()


run()
