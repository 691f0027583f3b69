"""The events of a Response's stream, as they are made, for somebody else who asked the same."""

from collections import Counter

from contracts.apis.fields import Json
from contracts.apis.responses.ids import item_id
from contracts.apis.responses.replay import stamped


class Restamp:
    """Gives each event of one stream the ids, the time and the settings of another request's own Response.

    `own` are that request's settings, as `own_settings` gives them.
    """

    def __init__(self, response_id: str, created_at: int, own: Json) -> None:
        self._response_id = response_id
        self._created_at = created_at
        self._own = own
        self._counts: Counter[str] = Counter()
        self._ids: dict[str, str] = {}

    def __call__(self, event: Json) -> Json:
        """Raises `KeyError` or `TypeError` for what is no event of a Response."""
        changed: Json = {}
        if "response" in event:
            changed["response"] = stamped(event["response"], self._response_id, self._created_at, self._own)
        if "item" in event:
            changed["item"] = {**event["item"], "id": self._id_of(event["item"])}
        if "item_id" in event:
            changed["item_id"] = self._ids[event["item_id"]]
        return {**event, **changed}

    def _id_of(self, item: Json) -> str:
        known = self._ids.get(item["id"])
        if known is None:
            kind = item["type"]
            known = self._ids[item["id"]] = item_id(kind, self._response_id, self._counts[kind])
            self._counts[kind] += 1
        return known
