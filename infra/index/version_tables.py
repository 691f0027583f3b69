"""The two tables that each index version has of its own, and their names in SQL.

`chunks_<version>`: a row a chunk. `postings_<version>`: a row a term and segment, see `infra.index.postings`. Only the
number varies in a name, and it is an integer by the time it gets here.
"""

from typing import LiteralString

from psycopg.sql import SQL, Composed, Identifier, Literal

from infra.index.transaction import ROLE

LARGEST_DIMENSION = 4000
"""What pgvector's HNSW takes of a halfvec: https://github.com/pgvector/pgvector#hnsw."""

# RLS keeps GIN on JSONB out of every plan (its operators are not leakproof), so attributes are not here but in
# `documents`: a filter asks there, once a document, and a changed attribute changes no row that has a vector.
# MAIN keeps vectors in the row, where an exact scan reads them without a detour, as long as they fit a page.
_CREATE = SQL(
    """
    CREATE TABLE {chunks} (
      id integer PRIMARY KEY,
      tenant_id text NOT NULL CHECK (tenant_id = {tenant}),
      document_id text NOT NULL,
      ordinal integer NOT NULL,
      text text NOT NULL,
      text_sha bytea NOT NULL,
      start_offset integer NOT NULL,
      end_offset integer NOT NULL,
      heading text,
      page integer,
      length integer NOT NULL,
      embedding halfvec({dimension}) STORAGE MAIN NOT NULL,
      UNIQUE (document_id, ordinal)
    );
    CREATE TABLE {postings} (
      segment bigint NOT NULL,
      tenant_id text NOT NULL CHECK (tenant_id = {tenant}),
      term text COLLATE "C" NOT NULL,
      entries bytea STORAGE EXTERNAL NOT NULL,
      PRIMARY KEY (term, segment)
    );
    """
)
_PROTECT = SQL(
    """
    ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
    ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
    CREATE POLICY own_tenant ON {table} USING (
      tenant_id = (SELECT nullif(current_setting('penstock.tenant', true), '')));
    GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO {role};
    """
)


def chunks_table(version: int) -> Identifier:
    """Its name, quoted."""
    return Identifier(f"chunks_{version:d}")


def postings_table(version: int) -> Identifier:
    """Its name, quoted."""
    return Identifier(f"postings_{version:d}")


def graph_name(version: int) -> str:
    """Of the HNSW index on the chunks, which is there once it has been built."""
    return f"chunks_{version:d}_graph"


def about(query: LiteralString, version: int) -> Composed:
    """A query in which `{chunks}`, `{postings}` and `{graph}` stand for the names of a version."""
    return SQL(query).format(
        chunks=chunks_table(version), postings=postings_table(version), graph=Identifier(graph_name(version))
    )


def create_tables(version: int, tenant: str, dimension: int) -> Composed:
    """Both tables of a version, closed to every other tenant. Several statements, without parameters."""
    chunks, postings = chunks_table(version), postings_table(version)
    create = _CREATE.format(chunks=chunks, postings=postings, tenant=Literal(tenant), dimension=Literal(dimension))
    protect = [_PROTECT.format(table=table, role=Identifier(ROLE)) for table in (chunks, postings)]
    return SQL("").join([create, *protect])


def drop_tables(version: int) -> Composed:
    """Both tables, if they are there."""
    return about("DROP TABLE IF EXISTS {chunks}, {postings}", version)
