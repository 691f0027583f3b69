"""Money can be set aside ahead of the calls that it is for."""

import sqlalchemy as sa
from alembic import op

from infra.database.migrations import functions_0018, functions_0020

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    # So that a refusal finds out in no time that there are none.
    op.execute(
        "CREATE INDEX budget_reservations_ahead ON budget_reservations (organisation_id)"
        " WHERE request_id LIKE 'ahead.%'"
    )
    for function in (functions_0020.SET_ASIDE, functions_0020.BOOK, functions_0020.RESERVE):
        _define(function)


def downgrade() -> None:
    _define(functions_0018.RESERVE)
    for name in ("book_calls", "budget_set_aside"):
        op.execute(f"DROP FUNCTION {name}")
    op.execute("DROP INDEX budget_reservations_ahead")


def _define(function: str) -> None:
    op.execute(sa.text(function.replace(":", "\\:")))
