"""What Claude's text rests on, as the annotations of a chat message."""

from collections.abc import Iterable

from contracts.apis.answered import object_of, text_in
from contracts.apis.fields import Json

_URL_IN = {"web_search_result_location": "url", "search_result_location": "source"}
"""The citations that name a URL. Those of documents name a page or a character: chat has no annotation for them."""


def annotations_of(citations: Iterable[object], start: int, end: int) -> list[Json]:
    """One `url_citation` a citation of a block, whose text is `start` to `end` (characters) of the whole content."""
    found = []
    for item in citations:
        citation = object_of(item)
        url = text_in(citation, _URL_IN.get(citation["type"], ""))
        if url.startswith(("http://", "https://")):
            title = text_in(citation, "title") or url
            found.append(
                {
                    "type": "url_citation",
                    "url_citation": {"start_index": start, "end_index": end, "title": title, "url": url},
                }
            )
    return found
