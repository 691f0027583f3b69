"""The documents of one store, over the API; every call is patient."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cli.client import Json, json_object, store_path
from cli.ingest.patience import patiently

if TYPE_CHECKING:
    from openai import AsyncOpenAI

PAGE = 1000
"""Documents that are listed, or deleted, in one call."""


class Remote:
    """Raises what the SDK raises. `tell` hears what a call waits for, and «» when it is over."""

    def __init__(self, client: "AsyncOpenAI", base_url: str, store: str, tell: Callable[[str], None]) -> None:
        self._client, self._base_url, self._store, self._tell = client, base_url, store, tell

    async def is_there(self) -> bool:
        """Whether there is such a store. Where nothing listens at all, nobody waits for it."""
        import openai

        try:
            await patiently(lambda: self._client.get(store_path(self._store), cast_to=object), self._tell, tries=1)
        except openai.NotFoundError:
            return False
        return True

    async def make(self, settings: Mapping[str, Any]) -> None:
        """Make the store."""
        body = {"name": self._store, **settings}
        await self._call(lambda: self._client.post("/vector_stores", cast_to=object, body=body))

    async def on_the_way(self) -> int:
        """How many of its documents are being indexed, whoever sent them."""
        found = await self._call(lambda: self._client.get(store_path(self._store), cast_to=object))
        return int(found["file_counts"]["in_progress"])

    async def pages(self, after: str | None = None) -> AsyncIterator[list[Json]]:
        """Its documents, those behind `after`, in pages of `PAGE`."""
        more = True
        while more:
            page = await self._page(after)
            yield page["data"]
            more, after = page["has_more"], page["last_id"]

    async def post(self, documents: Sequence[Mapping[str, Any]], lane: str) -> list[Json]:
        """Submit documents; what became of each."""
        path, body = store_path(self._store, "documents"), {"documents": documents, "lane": lane}
        answer = await self._call(lambda: self._client.post(path, cast_to=object, body=body))
        accepted: list[Json] = answer["data"]
        return accepted

    async def upload(self, filename: str, content: bytes, media_type: str | None) -> str:
        """Store a file; its id."""
        file = (filename, content, media_type)
        made = await patiently(lambda: self._client.files.create(file=file, purpose="user_data"), self._tell)
        return made.id

    async def delete(self, ids: Sequence[str]) -> int:
        """Take documents out of the store; how many were there."""
        path = store_path(self._store, "documents", "delete")
        answer = await self._call(lambda: self._client.post(path, cast_to=object, body={"ids": ids}))
        return int(answer["deleted"])

    async def _page(self, after: str | None) -> Json:
        query: dict[str, object] = {"limit": PAGE} | ({"after": after} if after is not None else {})
        path = store_path(self._store, "documents")
        return await self._call(lambda: self._client.get(path, cast_to=object, options={"params": query}))

    async def _call(self, request: Callable[[], Awaitable[object]]) -> Json:
        return json_object(await patiently(request, self._tell), self._base_url)
