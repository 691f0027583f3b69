"""Other catalogues take over while the process runs: from the file, or from the bucket, whichever was changed last.

A file's change is its modification time, by the clock of its machine; an applied one's is when NATS stored it. Every
process goes by the same rule, at its start and after, and none waits for another.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import nats.errors

from infra.catalog.bucket import ConfigBucket
from infra.catalog.candidate import Candidate
from infra.catalog.errors import CatalogError, EntryError
from infra.catalog.file import CatalogFile
from infra.catalog.load import digest_of, parse_catalog
from infra.catalog.shape import Catalog
from infra.catalog.source import CatalogSource, OnCatalog
from infra.settings import SettingsError
from infra.telemetry.logs import Logger

_INTERVAL = 0.3
"""Seconds between two looks. A file is taken over at the second one that finds it the same: well within 2 s."""


class CatalogWatch:
    """Keeps the catalogue of a process up to date.

    Each of `checks` is asked before one comes into force; it has no effect, and raises `EntryError` to refuse.
    `vouches`: what this process works with is remembered, for those that find a wrong one when they start.
    """

    def __init__(
        self,
        file: CatalogFile,
        bucket: ConfigBucket,
        log: Logger,
        *,
        checks: Sequence[OnCatalog] = (),
        vouches: bool = False,
    ) -> None:
        self._file = file
        self._bucket = bucket
        self._log = log
        self._checks = checks
        self._vouches = vouches
        self._considered = self._in_force = file.found
        self._kept: Candidate | None = None

    async def open(self) -> CatalogSource:
        """The catalogue to start with: the newest, or where that is wrong the one that last worked.

        Raises `SettingsError` where neither does.
        """
        await self._ask_bucket()
        self._considered = self._newest()
        catalog = await self._first()
        self._log.info("catalog_loaded", **_named(self._in_force))
        return CatalogSource(catalog)

    async def run(self, source: CatalogSource) -> None:
        """Look again and again, for as long as the process runs."""
        while True:
            try:
                await self.look(source)
            except Exception as error:  # noqa: BLE001 - a change that fails must not end the watch over the next one
                self._log.error("catalog_watch_failed", exc_info=error)
            await asyncio.sleep(_INTERVAL)

    async def look(self, source: CatalogSource) -> None:
        """Take over what was changed, if it is the newest there is, and good."""
        await self._ask_file()
        await self._ask_bucket()
        newest = self._newest()
        if newest != self._considered:
            self._considered = newest
            await self._consider(newest, source)
        if self._vouches and self._kept != self._in_force:
            with suppress(nats.errors.Error, OSError):
                await self._bucket.keep(self._in_force)
                self._kept = self._in_force

    async def _first(self) -> Catalog:
        try:
            return await self._load(self._considered)
        except SettingsError as error:
            self._tell_refused(self._considered.origin, error)
            kept = None
            with suppress(nats.errors.Error, OSError):
                kept = await self._bucket.in_force()
            if kept is None:
                raise
        return await self._load(kept)

    async def _consider(self, candidate: Candidate, source: CatalogSource) -> None:
        if candidate.raw == self._in_force.raw:
            self._in_force = candidate
            return
        try:
            catalog = await self._load(candidate)
        except SettingsError as error:
            self._tell_refused(candidate.origin, error)
        else:
            await source.swap(catalog)
            self._log.info("catalog_reloaded", **_named(candidate))

    async def _load(self, candidate: Candidate) -> Catalog:
        loaded = await asyncio.to_thread(parse_catalog, candidate.raw, candidate.origin)
        try:
            for check in self._checks:
                await check(loaded.catalog)
        except EntryError as error:
            raise loaded.refused(error) from None
        self._in_force = candidate
        return loaded.catalog

    async def _ask_file(self) -> None:
        try:
            changed = await asyncio.to_thread(self._file.look)
        except SettingsError as error:
            self._tell_refused(self._file.found.origin, error)
            return
        if changed and self._newest() is not self._file.found:
            reason = "another one was applied after this file was changed; to take it over, touch it"
            self._log.warning("catalog_ignored", file=self._file.found.origin, reason=reason)

    async def _ask_bucket(self) -> None:
        # The broker is away, or nobody has provisioned it yet: there is nothing new until it answers.
        with suppress(nats.errors.Error, OSError):
            await self._bucket.look()

    def _newest(self) -> Candidate:
        found, applied = self._file.found, self._bucket.applied
        return applied if applied is not None and applied.at > found.at else found

    def _tell_refused(self, origin: str, error: SettingsError) -> None:
        problem = error.problems[0] if isinstance(error, CatalogError) else None
        line = problem.line if problem else None
        self._log.error("catalog_refused", file=origin, line=line, reason=str(error))


def _named(candidate: Candidate) -> dict[str, str]:
    return {"file": candidate.origin, "digest": digest_of(candidate.raw)}
