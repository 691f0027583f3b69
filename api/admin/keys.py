"""/admin/v1/keys"""

from datetime import UTC, datetime, timedelta

from api.admin.rules import CreateKey, RotateKey, UpdateKey
from api.admin.serving import actor_of
from api.admin.shapes import key_object
from api.documents.paging import paging_of
from api.documents.shapes import page
from api.gateway import Gateway
from api.served import Call, Json
from infra.access.keys import ApiKeys, MadeKey, NewKey

_MAY_BE_NULL = ("models", "stores", "expires_at")


class KeyEndpoints:
    """Each raises `PenstockError`."""

    def __init__(self, gateway: Gateway) -> None:
        self._keys = ApiKeys(gateway.documents)

    async def create(self, call: Call) -> Json:
        """POST: the only answer, but for a rotation's, that has the key itself, as `key`."""
        asked = await call.body(CreateKey)
        new = NewKey(
            tenant=asked.tenant,
            name=asked.name,
            scopes=tuple(asked.scopes),
            models=None if asked.models is None else tuple(asked.models),
            stores=None if asked.stores is None else tuple(asked.stores),
            expires_at=_moment(asked.expires_at),
            cached=asked.cached,
        )
        return _made(await self._keys.create(actor_of(call), new))

    async def list(self, call: Call) -> Json:
        """GET: `tenant`; `limit`, `order`, `after`, `before`."""
        found, more = await self._keys.list(paging_of(call.query), call.query.get("tenant"))
        return page([key_object(each) for each in found], more=more)

    async def retrieve(self, call: Call) -> Json:
        """GET …/{key}"""
        return key_object(await self._keys.find(call.in_path["key"]))

    async def update(self, call: Call) -> Json:
        """POST …/{key}: its name, what it may do, and until when."""
        asked = await call.body(UpdateKey)
        said = {**asked.model_dump(), "expires_at": _moment(asked.expires_at)}
        given = {name: value for name, value in said.items() if name in asked.model_fields_set}
        changes = {name: value for name, value in given.items() if value is not None or name in _MAY_BE_NULL}
        return key_object(await self._keys.update(actor_of(call), call.in_path["key"], changes))

    async def rotate(self, call: Call) -> Json:
        """POST …/{key}/rotate: a key in its place; the old one ends after the overlap."""
        asked = await call.body(RotateKey)
        overlap = timedelta(seconds=asked.overlap_seconds)
        return _made(await self._keys.rotate(actor_of(call), call.in_path["key"], overlap))

    async def revoke(self, call: Call) -> Json:
        """POST …/{key}/revoke"""
        return key_object(await self._keys.revoke(actor_of(call), call.in_path["key"]))


def _made(made: MadeKey) -> Json:
    return {**key_object(made.key), "key": made.text}


def _moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
