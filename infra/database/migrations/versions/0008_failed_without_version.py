"""Why a document of a store that has no index version yet can't be indexed: no version's row could say it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

_SAID = ("error_code", "error_message")


def upgrade() -> None:
    for name in _SAID:
        op.add_column("documents", sa.Column(name, sa.Text))


def downgrade() -> None:
    for name in _SAID:
        op.drop_column("documents", name)
