"""A key may go without the cache."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.execute("ALTER TABLE api_keys ADD COLUMN cached boolean NOT NULL DEFAULT true")


def downgrade() -> None:
    op.execute("ALTER TABLE api_keys DROP COLUMN cached")
