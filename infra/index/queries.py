"""The SQL of a search. Pure, but for remembering the statements that have been put together."""

from dataclasses import fields
from functools import lru_cache

from psycopg.sql import SQL, Composable, Composed, Identifier, Literal, Placeholder

from infra.index.filters import Condition
from infra.index.version import IndexVersion
from infra.index.version_tables import chunks_table, postings_table

_ENTER = SQL(
    "SELECT set_config('role', 'penstock_app', true), set_config('penstock.tenant', {}, true), "
    # A parallel scan gains little on the data of one version, and takes its workers from other searches.
    "set_config('max_parallel_workers_per_gather', '0', true)"
)
ENTER = _ENTER.format(Placeholder())
_VERSION = SQL(", ").join(Identifier("v", field.name) for field in fields(IndexVersion))
# Reading the version sets what a search along its graph needs: one trip less.
_PREPARED = SQL(
    "SELECT {}, set_config('hnsw.iterative_scan', 'relaxed_order', true), "
    "set_config('hnsw.ef_search', coalesce(v.graph_effort, 100)::text, true) "
).format(_VERSION)
LIVE = (
    _PREPARED + SQL("FROM vector_stores s JOIN index_versions v ON v.id = s.live_version WHERE s.id = %s")
).as_bytes()
BY_NUMBER = (_PREPARED + SQL("FROM index_versions v WHERE v.id = %s")).as_bytes()
EFFORT = SQL("SELECT set_config('hnsw.ef_search', %s, true)")

_DOCUMENT = SQL("FROM documents d WHERE d.tenant_id = c.tenant_id AND d.store_id = %s AND d.id = c.document_id")
_ORDERED = "SELECT c.id, {distance} AS distance FROM {chunks} c {where} ORDER BY distance LIMIT {limit}"
_DISTANCE = SQL("(c.embedding <=> %s::halfvec)")


def begin(tenant: str) -> Composed:
    """Two statements in one trip: a transaction that sees one moment and writes nothing, and whose it is. They can't be
    prepared.
    """
    return SQL("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ") + _ENTER.format(Literal(tenant))


@lru_cache(maxsize=4096)
def nearest(version: int, limit: int, *, exact: bool) -> bytes:
    """Ids and cosine distances, the nearest first. Parameters: the vector."""
    return _nearest(version, limit, SQL(""), exact=exact).as_bytes()


def nearest_passing(version: int, limit: int, condition: Condition) -> Composed:
    """The same along the graph, for a filter that many pass. Parameters: the vector, the condition's, the store."""
    return _nearest(version, limit, SQL("WHERE {}").format(_passes(condition)), exact=False)


def all_passing(version: int, condition: Condition, *, distances: bool) -> Composed:
    """All ids that pass, packed as int4; with their distances, packed as float4. Parameters: with distances the vector,
    then the condition's, the store.

    The filter is asked once a document, and its chunks are found by their index: an array is not planned as a join.
    """
    query = SQL(
        "SELECT string_agg(int4send(c.id), ''){distances} FROM {chunks} c WHERE c.document_id = ANY (ARRAY("
        "SELECT d.id FROM documents d WHERE {condition} AND d.store_id = %s))"
    )
    packed = SQL(", string_agg(float4send({}::float4), '')").format(_DISTANCE) if distances else SQL("")
    return query.format(chunks=chunks_table(version), distances=packed, condition=condition.sql)


def sample(version: int, condition: Condition) -> Composed:
    """How many of a sample pass, and how large it is. Parameters: the condition's, the store, the percentage."""
    query = SQL(
        "SELECT count(*) FILTER (WHERE {passes}), count(*) FROM {chunks} c TABLESAMPLE SYSTEM (%s) REPEATABLE (0)"
    )
    return query.format(passes=_passes(condition), chunks=chunks_table(version))


@lru_cache(maxsize=4096)
def some_vectors(version: int) -> bytes:
    """Vectors of a sample. Parameters: the percentage, the count."""
    return _some(version, SQL("halfvec_send(embedding)"))


@lru_cache(maxsize=4096)
def some_ids(version: int) -> bytes:
    """Ids of the same sample. Parameters: the percentage, the count."""
    return _some(version, SQL("id"))


@lru_cache(maxsize=4096)
def owners(version: int) -> bytes:
    """Chunks and their documents. Parameters: the ids."""
    query = SQL("SELECT id, document_id FROM {} WHERE id = ANY(%s::integer[])")
    return query.format(chunks_table(version)).as_bytes()


@lru_cache(maxsize=4096)
def postings(version: int) -> bytes:
    """The rows of terms, without the entries of those that are held. Parameters: the latter as
    segment:term, the terms.

    A join with those that are held would be planned for each search anew, and that takes longer than to run it.
    """
    query = SQL(
        "SELECT term, segment, CASE WHEN segment || ':' || term <> ALL(%s::text[]) THEN entries END FROM {} "
        "WHERE term = ANY(%s)"
    )
    return query.format(postings_table(version)).as_bytes()


def those_passing(version: int, condition: Condition | None) -> Composed:
    """Those of some ids that are there and pass, packed as int4. Parameters: the ids; for a condition its own and the
    store.
    """
    passes = SQL("AND {}").format(_passes(condition)) if condition else SQL("")
    query = SQL("SELECT string_agg(int4send(c.id), '') FROM {chunks} c WHERE c.id = ANY(%s::integer[]) {passes}")
    return query.format(chunks=chunks_table(version), passes=passes)


@lru_cache(maxsize=4096)
def chunks(version: int) -> bytes:
    """What is shown of chunks. Parameters: the store, the ids.

    With OFFSET the planner can't turn it around and read all documents, as it does before it has statistics of them.
    """
    query = SQL(
        "SELECT c.id, c.document_id, d.filename, d.attributes, c.ordinal, c.text, c.start_offset, c.end_offset, "
        "c.heading, c.page FROM {} c CROSS JOIN LATERAL (SELECT d.filename, d.attributes {} OFFSET 0) d "
        "WHERE c.id = ANY(%s::integer[])"
    )
    return query.format(chunks_table(version), _DOCUMENT).as_bytes()


def _some(version: int, column: SQL) -> bytes:
    query = SQL("SELECT {} FROM {} TABLESAMPLE SYSTEM (%s) REPEATABLE (0) ORDER BY hashint4(id) LIMIT %s")
    return query.format(column, chunks_table(version)).as_bytes()


def _nearest(version: int, limit: int, where: Composable, *, exact: bool) -> Composed:
    # The graph's order is that of the bare operator: added to, it is out of the planner's sight.
    distance = SQL("{} + 0").format(_DISTANCE) if exact else _DISTANCE
    # A literal limit: with a parameter the planner would guess one.
    return SQL(_ORDERED).format(distance=distance, chunks=chunks_table(version), where=where, limit=Literal(limit))


def _passes(condition: Condition) -> Composed:
    """A subquery, for the planner makes no join of it: it is asked chunk by chunk, as the graph yields them."""
    return SQL("(SELECT {} {})").format(condition.sql, _DOCUMENT)
