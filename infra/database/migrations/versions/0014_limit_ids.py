"""Limits have an id, by which they are shown and deleted."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

_ID = "'limit_' || md5(kind || ' ' || subject_id || ' ' || model)"


def upgrade() -> None:
    op.add_column("limits", sa.Column("id", sa.Text, sa.Computed(_ID, persisted=True), nullable=False))
    op.create_unique_constraint("limits_id_key", "limits", ["id"])


def downgrade() -> None:
    op.drop_column("limits", "id")
