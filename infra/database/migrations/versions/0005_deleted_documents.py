"""When a document was deleted: a submission from before that, which comes late, must not bring it back."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "deleted_documents",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant_id", "store_id", "id")),
        sa.Column("submitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "store_id"], ["vector_stores.tenant_id", "vector_stores.id"], ondelete="CASCADE"
        ),
    )
    op.create_index("deleted_documents_by_time", "deleted_documents", ["tenant_id", "store_id", "submitted_at"])
    op.execute("ALTER TABLE deleted_documents ENABLE ROW LEVEL SECURITY")
    op.execute("ALTER TABLE deleted_documents FORCE ROW LEVEL SECURITY")
    op.execute(
        "CREATE POLICY own_tenant ON deleted_documents USING "
        "(tenant_id = (SELECT nullif(current_setting('penstock.tenant', true), '')))"
    )
    op.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON deleted_documents TO penstock_app")


def downgrade() -> None:
    op.drop_table("deleted_documents")
