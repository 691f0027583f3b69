"""A reservation executes less: what a request waits for under a budget."""

import sqlalchemy as sa
from alembic import op

from infra.database.migrations import functions_0009, functions_0018

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    _define(functions_0018.RESERVE)


def downgrade() -> None:
    _define(functions_0009.RESERVE.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))


def _define(function: str) -> None:
    op.execute(sa.text(function.replace(":", "\\:")))
