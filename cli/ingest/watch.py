"""Watching the documents of a store until none that was sent is on its way."""

import asyncio

from cli.client import Json
from cli.ingest.remote import Remote
from cli.ingest.tally import Tally

_LOOK_AGAIN, _SHARE = 0.2, 0.2
"""Seconds between two looks, or longer: no more than this share of the time goes into looking."""
_ALL_AGAIN = 10.0
"""Seconds between two looks at each document: a page of them costs the platform as much as many counts."""


class Watch:
    """Counts the documents that are on their way, again and again. When none is, and now and then before, it looks
    through them all and tells the tally which have ended and how.
    """

    def __init__(self, remote: Remote, tally: Tally) -> None:
        self._remote, self._tally = remote, tally
        self._is_sent = False
        self._after: str | None = None
        self._all_again = 0.0

    def all_is_sent(self) -> None:
        """Nothing more becomes pending: what is behind us needs no second look."""
        self._is_sent = True

    async def run(self) -> None:
        """Until everything is sent and has ended."""
        loop = asyncio.get_running_loop()
        self._all_again = loop.time() + _ALL_AGAIN
        while self._tally.pending or not self._is_sent:
            begun = loop.time()
            if self._tally.pending:
                await self._look()
            await asyncio.sleep(max(_LOOK_AGAIN, (loop.time() - begun) * (1 - _SHARE) / _SHARE))

    async def _look(self) -> None:
        sent, now = len(self._tally.pending), asyncio.get_running_loop().time
        on_the_way = await self._remote.on_the_way()
        self._tally.see(sent - on_the_way)
        if on_the_way == 0 or now() >= self._all_again:
            await self._look_at_all()
            self._tally.see(0)
            self._all_again = now() + _ALL_AGAIN

    async def _look_at_all(self) -> None:
        wanted = dict(self._tally.pending)
        leading = self._is_sent
        async for page in self._remote.pages(self._after):
            for entry in page:
                self._settle(entry, wanted.pop(entry["id"], None))
            leading = leading and not any(entry["id"] in self._tally.pending for entry in page)
            if leading and page:
                self._after = page[-1]["id"]
        for document_id in wanted:
            self._tally.fail(document_id, "it was deleted meanwhile")

    def _settle(self, entry: Json, sha256: str | None) -> None:
        """`sha256` is of the content that was sent before this look; None where nothing was."""
        if sha256 is None:
            return
        # Other content than ours was submitted since: ours is done with.
        if entry["status"] == "completed" or entry["sha256"] != sha256:
            self._tally.end(entry["id"])
        elif entry["status"] in {"failed", "cancelled"}:
            self._tally.fail(entry["id"], reason_of(entry))


def reason_of(entry: Json) -> str:
    """Why a document failed, as the API says it."""
    error = entry.get("last_error") or {}
    return str(error.get("message") or entry["status"])
