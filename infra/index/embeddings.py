"""Vectors kept by tenant, model, revision and text hash: an unchanged text is never embedded twice."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg.sql import SQL, Identifier
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine

from infra.index import staging
from infra.index.binary_copy import binaries, fixed, same
from infra.index.staging import copy_into
from infra.index.tables import IndexVersionRow
from infra.index.transaction import driver_of, tenant_transaction
from infra.index.vectors import from_halfvec, to_halfvec, unit
from infra.index.version import VersionState
from infra.index.version_tables import about

_FIND = """
    SELECT text_sha, halfvec_send(vector) FROM embeddings WHERE model = %s AND revision = %s AND text_sha = ANY(%s)
"""
_FORGET = SQL("DELETE FROM embeddings e WHERE created_at < now() - %s")


class Embeddings:
    """The vectors that a tenant's texts have been given. Every method raises `PenstockError` (`pipeline_unavailable`,
    retryable) where the database can't be reached.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def find(
        self, tenant: str, model: str, revision: str, text_shas: Sequence[bytes]
    ) -> dict[bytes, NDArray[np.float32]]:
        """The vectors (dimension,) of those texts that have one, by hash."""
        async with tenant_transaction(self._engine, tenant) as connection:
            driver = await driver_of(connection)
            cursor = await driver.execute(_FIND, (model, revision, list(set(text_shas))), binary=True)
            rows = await cursor.fetchall()
        vectors = from_halfvec([framed for _, framed in rows])
        return {sha: vector for (sha, _), vector in zip(rows, vectors, strict=True)}

    async def keep(
        self, tenant: str, model: str, revision: str, text_shas: Sequence[bytes], vectors: NDArray[np.floating[Any]]
    ) -> int:
        """Keep `vectors` (texts, dimension), scaled to length 1. How many are new: the first one of a text stays."""
        if not text_shas:
            return 0
        columns = (
            *(same(value) for value in (tenant, model, revision)),
            binaries(text_shas),
            fixed(to_halfvec(unit(vectors))),
        )
        async with tenant_transaction(self._engine, tenant) as connection:
            driver = await driver_of(connection)
            return await copy_into(driver, Identifier("embeddings"), staging.EMBEDDINGS, columns)

    async def forget_unused(self, tenant: str, older_than: timedelta) -> int:
        """Delete the vectors of texts that no version holds any more. How many.

        A vector tells much of its text, so it should not outlive it for long. `older_than` spares what has been
        embedded and is about to be written.
        """
        versions = select(IndexVersionRow.id).where(IndexVersionRow.state != VersionState.DROPPED)
        async with tenant_transaction(self._engine, tenant) as connection:
            used = " AND NOT EXISTS (SELECT FROM {chunks} c WHERE c.text_sha = e.text_sha)"
            unused = [about(used, version) for version in await connection.scalars(versions)]
            cursor = await (await driver_of(connection)).execute(SQL("").join([_FORGET, *unused]), (older_than,))
            return cursor.rowcount
