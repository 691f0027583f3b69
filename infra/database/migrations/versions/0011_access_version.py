"""A number that every change of access counts up, so that one question tells whether there was any."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_WATCHED = ("organisations", "tenants", "api_keys", "limits", "budgets")
# A row and no sequence: a sequence counts before the change is committed, and could be read before it can be seen.
_COUNT = """
CREATE FUNCTION access_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO access_version (id, version) VALUES (1, 1)
    ON CONFLICT (id) DO UPDATE SET version = access_version.version + 1;
    RETURN NULL;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "access_version",
        sa.Column("id", sa.BigInteger, sa.CheckConstraint("id = 1"), primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
    )
    op.execute(_COUNT)
    for table in _WATCHED:
        op.execute(
            f"CREATE TRIGGER access_changed AFTER INSERT OR UPDATE OR DELETE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION access_changed()"
        )


def downgrade() -> None:
    for table in _WATCHED:
        op.execute(f"DROP TRIGGER access_changed ON {table}")
    op.execute("DROP FUNCTION access_changed()")
    op.drop_table("access_version")
