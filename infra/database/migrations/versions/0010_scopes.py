"""Embeddings and batch work have scopes of their own: a key that was made before may do what it could."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("UPDATE api_keys SET scopes = scopes || '{embeddings}' WHERE 'inference' = ANY(scopes)")
    op.execute("UPDATE api_keys SET scopes = scopes || '{batch}' WHERE scopes && '{inference,documents}'")


def downgrade() -> None:
    op.execute("UPDATE api_keys SET scopes = array_remove(array_remove(scopes, 'embeddings'), 'batch')")
