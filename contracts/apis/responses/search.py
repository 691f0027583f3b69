"""The search that was made before a Response: an item of its output, which is done before anything is said."""

from collections.abc import Iterator, Sequence

from contracts.apis.fields import Json
from contracts.apis.responses import events
from contracts.apis.responses.events import Place
from contracts.apis.responses.ids import item_id
from contracts.apis.responses.live import LiveItem
from contracts.inference import Ground

KIND = "file_search_call"
RESULTS_INCLUDED = "file_search_call.results"
"""What `include` holds where the caller wants to see what was found."""


def search_item(response_id: str, queries: Sequence[str], grounds: Sequence[Ground], request: Json) -> Json | None:
    """The item; None where nothing was searched for. `request` is the caller's own."""
    if not queries:
        return None
    results = [_result(ground) for ground in grounds] if RESULTS_INCLUDED in (request.get("include") or ()) else None
    return {
        "id": item_id(KIND, response_id, 0),
        "type": KIND,
        "status": "completed",
        "queries": list(queries),
        "results": results,
    }


class LiveSearch(LiveItem):
    """It has ended before the stream begins: all its events come at once."""

    def __init__(self, place: Place, item: Json) -> None:
        super().__init__(place)
        self._item = item

    def run(self) -> Iterator[Json]:
        """What follows its opening."""
        yield from events.searched(self.place)
        yield from events.closed(self.place, self._item)

    def whole(self) -> Json:
        return self._item

    def closing(self, item: Json) -> Iterator[Json]:
        yield from ()


def _result(ground: Ground) -> Json:
    return {
        "attributes": ground.attributes,
        "file_id": ground.document_id,
        "filename": ground.filename,
        "score": ground.score,
        "text": ground.text,
    }
