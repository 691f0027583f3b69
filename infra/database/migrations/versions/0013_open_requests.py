"""Requests that are open at the same time, where a limit of them is set."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

_OPEN_REQUEST = """
CREATE FUNCTION open_request(
    of_tenant text, request text, scopes text[], limits bigint[], until timestamptz
) RETURNS integer LANGUAGE plpgsql AS $$
-- 0 where the request is open now, or was before; else the place, from 1, of a scope that is full.
BEGIN
    IF EXISTS (SELECT FROM open_requests WHERE tenant_id = of_tenant AND request_id = request) THEN
        RETURN 0;
    END IF;
    -- One at a time in each scope, and all in the same order.
    PERFORM pg_advisory_xact_lock(key)
        FROM (SELECT DISTINCT hashtextextended(name, 25) AS key FROM unnest(scopes) AS name ORDER BY key) AS locks;
    FOR place IN 1 .. cardinality(scopes) LOOP
        IF (SELECT count(*) FROM open_requests
            WHERE scope = scopes[place] AND open AND expires_at > clock_timestamp()) >= limits[place] THEN
            RETURN place;
        END IF;
    END LOOP;
    INSERT INTO open_requests (tenant_id, request_id, scope, expires_at)
        SELECT of_tenant, request, name, until FROM unnest(scopes) AS name ON CONFLICT DO NOTHING;
    RETURN 0;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "open_requests",
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("tenant_id", "request_id", "scope")),
        sa.Column("open", sa.Boolean, nullable=False, server_default=sa.true()),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("open_requests_by_scope", "open_requests", ["scope"], postgresql_where=sa.text("open"))
    op.create_index("ix_open_requests_expires_at", "open_requests", ["expires_at"])
    op.execute(_OPEN_REQUEST)


def downgrade() -> None:
    op.execute("DROP FUNCTION open_request(text, text, text[], bigint[], timestamptz)")
    op.drop_table("open_requests")
