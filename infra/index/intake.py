"""The way into the index: submissions of a tenant, many of them in one transaction, and what each leads to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from contracts.filters import Scalar
from infra.index.files import DOCUMENT, NewFile, document_file_id, drop_content, keep_content
from infra.index.places import Key, Places, Wanted, find_places, look_up
from infra.index.registration import Submission, register, take_out
from infra.index.stores import Store, find_stores
from infra.index.transaction import tenant_transaction
from infra.index.version import IndexVersion


@dataclass(frozen=True, slots=True)
class Given:
    """A document's content as it was submitted: in the file `file_id`, or where that is None in `content`, which is to
    be kept. `sha256` is the hash of it that tells whether there is anything to do.
    """

    sha256: bytes
    filename: str
    media_type: str | None
    file_id: str | None = None
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A submission; `store` is a store's id or its name. `given` is None where it deletes the document, and where what
    the store has of it is to be in `only_version` too.
    """

    store: str
    document_id: str
    submitted_at: datetime
    given: Given | None = None
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    only_version: int | None = None


@dataclass(frozen=True, slots=True)
class TakenIn:
    """What a submission leads to. `store` is None where there is none of that id or name.

    `wanted` is None where the document was deleted, and where a newer submission counts (`superseded`). It has to come
    into `versions`, and is in those of `held` already. A store without any version is `unbuilt`.
    """

    store: Store | None
    superseded: bool = False
    wanted: Wanted | None = None
    versions: tuple[IndexVersion, ...] = ()
    held: tuple[IndexVersion, ...] = ()

    @property
    def unbuilt(self) -> bool:
        return self.wanted is not None and not self.versions and not self.held


async def take_in(engine: AsyncEngine, tenant: str, arrivals: Sequence[Arrival]) -> list[TakenIn]:
    """Register, delete or look up what arrived; what each leads to, in their order, and the same if they come again.

    One transaction, and one more for each store that documents are deleted from. Raises `PenstockError`:
    `invalid_request` for what can't be stored, `pipeline_unavailable`.
    """
    async with tenant_transaction(engine, tenant) as connection:
        stores = await find_stores(connection, {arrival.store for arrival in arrivals})
        newest = _newest(stores, arrivals)
        registered = await _register(connection, tenant, newest)
        there = await look_up(connection, _asked_for(stores, arrivals) - registered.keys())
        places = await find_places(connection, {**registered, **there})
        counting = {id(arrival) for key, arrival in newest.items() if key in registered or arrival.given is None}
        taken = [_taken(arrival, stores.get(arrival.store), id(arrival) in counting, places) for arrival in arrivals]
        await _begin_again(connection, places, arrivals, taken)
    newer = await _take_out(engine, tenant, newest)
    return [
        replace(each, superseded=True) if id(arrival) in newer else each
        for arrival, each in zip(arrivals, taken, strict=True)
    ]


def _newest(stores: Mapping[str, Store], arrivals: Sequence[Arrival]) -> dict[Key, Arrival]:
    """The one of each document that counts; of two at the same time, the last."""
    return {
        (stores[each.store].id, each.document_id): each
        for each in sorted(arrivals, key=lambda arrival: arrival.submitted_at)
        if each.store in stores and each.only_version is None
    }


def _asked_for(stores: Mapping[str, Store], arrivals: Sequence[Arrival]) -> set[Key]:
    """The documents that are to be in one version, as the store has them."""
    return {
        (stores[each.store].id, each.document_id)
        for each in arrivals
        if each.store in stores and each.only_version is not None
    }


async def _register(connection: AsyncConnection, tenant: str, newest: Mapping[Key, Arrival]) -> dict[Key, Wanted]:
    """What the stores want from now on. The content is kept only of a submission that counts, in its transaction."""
    wanted = {key: _wanted(tenant, key, each.given) for key, each in newest.items() if each.given is not None}
    if not wanted:
        return {}
    submissions = [(key[0], _submission(newest[key], each)) for key, each in wanted.items()]
    registered = await register(connection, tenant, submissions)
    counting = {key: given for key in registered if (given := newest[key].given) is not None}
    files = [
        NewFile(document_file_id(tenant, *key), given.filename, DOCUMENT, given.media_type, given.content)
        for key, given in counting.items()
        if given.file_id is None and given.content is not None
    ]
    if files:
        await keep_content(connection, tenant, files)
    derived = {document_file_id(tenant, *key): given.file_id for key, given in counting.items()}
    left = [file_id for file_id, given in derived.items() if given not in (None, file_id)]
    if left:
        await drop_content(connection, left)
    return {key: each for key, each in wanted.items() if key in registered}


def _wanted(tenant: str, key: Key, given: Given) -> Wanted:
    file_id = given.file_id or document_file_id(tenant, *key)
    return Wanted(given.sha256, given.filename, given.media_type, file_id)


def _submission(arrival: Arrival, wanted: Wanted) -> Submission:
    return Submission(
        arrival.document_id, wanted.filename, arrival.attributes, wanted.sha256, arrival.submitted_at, wanted.file_id
    )


async def _take_out(engine: AsyncEngine, tenant: str, newest: Mapping[Key, Arrival]) -> set[int]:
    """Delete what is to be deleted. The arrivals, by their `id`, whose documents stay: something newer is wanted."""
    times: dict[str, dict[str, datetime]] = {}
    for (store, document_id), arrival in newest.items():
        if arrival.given is None:
            times.setdefault(store, {})[document_id] = arrival.submitted_at
    newer: set[int] = set()
    for store, of_store in times.items():
        async with tenant_transaction(engine, tenant) as connection:
            deleted = await take_out(connection, tenant, store, of_store)
        newer |= {id(newest[store, document_id]) for document_id in deleted.newer}
    return newer


def _taken(arrival: Arrival, store: Store | None, counts: bool, places: Places) -> TakenIn:
    """`counts`: no newer submission is known of its document."""
    if store is None:
        return TakenIn(None)
    key, only = (store.id, arrival.document_id), arrival.only_version
    versions = [each for each in places.versions.get(store.id, ()) if only in (None, each.id)]
    if only is None and (arrival.given is None or not counts):
        return TakenIn(store, superseded=not counts)
    if only is not None and (key not in places.wanted or not versions):
        return TakenIn(store, superseded=True)
    held = tuple(version for version in versions if places.holds(version, key))
    missing = tuple(version for version in versions if version not in held)
    return TakenIn(store, wanted=places.wanted[key], versions=missing, held=held)


async def _begin_again(
    connection: AsyncConnection, places: Places, arrivals: Sequence[Arrival], taken: Sequence[TakenIn]
) -> None:
    """What ended badly before is in progress again, or done where it was other content that did."""
    await places.begin_again(
        connection,
        [
            (version, (each.store.id, arrival.document_id))
            for arrival, each in zip(arrivals, taken, strict=True)
            for version in (*each.versions, *each.held)
            if each.store is not None
        ],
    )
