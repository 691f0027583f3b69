"""A process that watches a catalogue's file and a bucket, without a broker."""

import os
import time
from pathlib import Path

import nats.errors

from infra.catalog import Catalog, CatalogSource, EntryError
from infra.catalog.candidate import Candidate
from infra.catalog.file import CatalogFile
from infra.catalog.watch import CatalogWatch
from tests.support.logs import RecordedLog

LONG_AGO, A_WHILE_AGO, JUST_NOW = (time.time() - seconds for seconds in (3000, 2000, 1000))


def text(model: str) -> bytes:
    """A catalogue with one model."""
    return (
        "providers:\n"
        '  - {name: one, kind: openai, base_url: "http://127.0.0.1:1/v1"}\n'
        "models:\n"
        f"  - {{name: {model}, deployments: [{{name: one/any, provider: one, model: real}}]}}\n"
    ).encode()


BAD = text("x").replace(b"kind: openai", b"kind: telepathy")


class Bucket:
    """The bucket, in memory. `away`: the broker can't be reached."""

    def __init__(self) -> None:
        self.applied: Candidate | None = None
        self.kept: Candidate | None = None
        self.away = False

    def apply(self, raw: bytes, at: float) -> None:
        """Put one there."""
        self.applied = Candidate(raw, at, "applied")

    async def look(self) -> bool:
        """As the bucket's own."""
        if self.away:
            raise nats.errors.TimeoutError
        return True

    async def in_force(self) -> Candidate | None:
        """As the bucket's own."""
        await self.look()
        return self.kept

    async def keep(self, good: Candidate) -> None:
        """As the bucket's own."""
        await self.look()
        self.kept = good


class WatchRig:
    """One process that watches one file and one bucket."""

    def __init__(self, path: Path, log: RecordedLog) -> None:
        self.path, self.log, self.bucket = path, log, Bucket()
        self.checked: list[str] = []
        self.refuses: str | None = None
        self.watch: CatalogWatch
        self.source: CatalogSource

    def write(self, raw: bytes, at: float) -> None:
        """Save the file, as if at that time."""
        self.path.write_bytes(raw)
        os.utime(self.path, (at, at))

    async def check(self, catalog: Catalog) -> None:
        """Refuse the one whose model is `refuses`."""
        self.checked.append(catalog.models[0].name)
        if catalog.models[0].name == self.refuses:
            raise EntryError("its key is not set", ("providers", 0))

    async def open(self) -> None:
        """Start. Raises `SettingsError`."""
        checks = (self.check,)
        bucket = self.bucket
        self.watch = CatalogWatch(CatalogFile(self.path), bucket, self.log.logger, checks=checks, vouches=True)  # type: ignore[arg-type]
        self.source = await self.watch.open()

    async def looks(self, times: int = 2) -> str:
        """Look so often; the one model of the catalogue that is in force then."""
        for _ in range(times):
            await self.watch.look(self.source)
        return self.model

    @property
    def model(self) -> str:
        """The one model of the catalogue that is in force."""
        return self.source.current.models[0].name
