"""Documents on their way into a store: registered at once, published, and only then accepted."""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.dialects.dialect import STAGE
from api.documents.grouping import groups_of, in_groups
from api.gateway import Gateway
from api.served import Call
from api.submit import publish
from contracts import envelope, subjects
from contracts.documents import DocumentSubmitted
from contracts.errors import ErrorCode, PenstockError
from contracts.filters import Scalar
from contracts.subjects import Lane
from infra.dispatch.outcome import Publication
from infra.index.documents import DocumentStatus
from infra.index.files import FileInfo, Files
from infra.index.intake import Arrival, Given, TakenIn, take_in
from infra.index.store_documents import StoreDocument
from infra.index.stores import Store, Stores
from infra.index.transaction import not_found

_EVENT = "documents.submitted"
_AT_ONCE = 128
"""Messages that wait for their acks together."""


@dataclass(frozen=True, slots=True)
class NewDocument:
    """A document and its content; `file_id` is the uploaded file that this is in, where there is one."""

    id: str
    filename: str
    media_type: str | None
    content: bytes = field(repr=False)
    attributes: Mapping[str, Scalar] = field(default_factory=dict)
    file_id: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """What became of a document: its hash, and whether the store holds that content already."""

    id: str
    sha256: bytes
    status: DocumentStatus


@dataclass(frozen=True, slots=True)
class ChosenFile:
    """An uploaded file that is to be in a store, under its own id."""

    file: FileInfo
    attributes: Mapping[str, Scalar]


class Submitter:
    """Every method raises `PenstockError`: `not_found`, `overloaded`, `pipeline_unavailable`. What was not accepted can
    be submitted again: nothing is done twice.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._engine = gateway.documents
        self._files = Files(gateway.documents)
        self._stores = Stores(gateway.documents)

    async def choose(self, tenant: str, asked: Mapping[str, Mapping[str, Scalar]], param: str) -> list[ChosenFile]:
        """The files of some ids, with their attributes. Raises `PenstockError` where one is not there."""
        found = await self._files.find_all(tenant, list(asked))
        missing = next((file_id for file_id in asked if file_id not in found), None)
        if missing is not None:
            raise no_such_file(missing, param)
        return [ChosenFile(found[file_id], attributes) for file_id, attributes in asked.items()]

    async def submit_files(self, call: Call, store: Store, chosen: Sequence[ChosenFile], lane: Lane) -> None:
        """Uploaded files, read a few at a time: their hashes tell whether there is anything to do."""
        for group in groups_of(chosen, lambda each: each.file.size):
            contents = await self._files.contents(call.tenant, [each.file.id for each in group])
            documents = [
                NewDocument(each.file.id, read.filename, read.media_type, read.content, each.attributes, each.file.id)
                for each in group
                if (read := contents.get(each.file.id)) is not None
            ]
            await self.submit(call, store, documents, lane)

    async def submit_again(self, call: Call, store: Store, documents: Sequence[StoreDocument]) -> int:
        """Those whose content is there are tried again as the store has them, in the batch lane. How many."""
        arrivals = [_as_it_is(store.id, each) for each in documents if each.file_id is not None]
        return 0 if not arrivals else len(await self._take_in(call, store, arrivals, Lane.BATCH))

    async def submit(self, call: Call, store: Store, documents: Sequence[NewDocument], lane: Lane) -> list[Accepted]:
        """Register documents, and publish those that the store doesn't hold as they are; in their order."""
        arrivals = await asyncio.to_thread(arrivals_of, store.id, documents)
        return await self._take_in(call, store, arrivals, lane)

    async def _take_in(self, call: Call, store: Store, arrivals: Sequence[Arrival], lane: Lane) -> list[Accepted]:
        taken = await take_in(self._engine, call.tenant, arrivals)
        await self._stores.touch(call.tenant, store.id)
        pairs = list(zip(arrivals, taken, strict=True))
        await self._publish(call, [_submission(*pair) for pair in pairs if is_due(pair[1])], lane)
        return [accepted_of(*pair) for pair in pairs]

    async def _publish(self, call: Call, submissions: Sequence[DocumentSubmitted], lane: Lane) -> None:
        for group in in_groups(submissions, _AT_ONCE):
            sent = [publish(self._gateway, _publication(call, each, lane), call.visit) for each in group]
            for failure in await asyncio.gather(*sent, return_exceptions=True):
                if failure is not None:
                    raise failure


def no_such_file(file_id: str, param: str | None) -> PenstockError:
    """For an id of a file: nobody's, or another tenant's. `param` is its field in a body."""
    message = f"the file {file_id!r} does not exist"
    return PenstockError(ErrorCode.NOT_FOUND, message, stage=STAGE, param=param)


def arrivals_of(store_id: str, documents: Sequence[NewDocument]) -> list[Arrival]:
    """As the index takes them in. Hashes: some GB/s."""
    from ingestion.hashes import submission_sha

    now = datetime.now(UTC)
    made = []
    for each in documents:
        sha256 = bytes.fromhex(submission_sha(each.filename, each.media_type, each.content))
        content = each.content if each.file_id is None else None
        given = Given(sha256, each.filename, each.media_type, each.file_id, content)
        made.append(Arrival(store_id, each.id, now, given, each.attributes))
    return made


def _as_it_is(store_id: str, document: StoreDocument) -> Arrival:
    given = Given(document.sha256, document.filename, None, document.file_id)
    return Arrival(store_id, document.id, document.submitted_at, given, document.attributes)


def is_due(taken: TakenIn) -> bool:
    """Whether there is anything left to do for a document that was registered."""
    return taken.wanted is not None and (taken.unbuilt or bool(taken.versions))


def accepted_of(arrival: Arrival, taken: TakenIn) -> Accepted:
    """Raises `PenstockError` (`not_found`) where the store has been deleted in between."""
    if taken.store is None:
        raise not_found(f"the vector store {arrival.store!r}")
    held = any(version.id == taken.store.live_version for version in taken.held)
    status = DocumentStatus.COMPLETED if held else DocumentStatus.IN_PROGRESS
    return Accepted(arrival.document_id, arrival.given.sha256 if arrival.given else b"", status)


def _submission(arrival: Arrival, taken: TakenIn) -> DocumentSubmitted:
    return DocumentSubmitted(
        submission_id=secrets.token_hex(12),
        store=arrival.store,
        document_id=arrival.document_id,
        filename=arrival.given.filename if arrival.given else "",
        media_type=arrival.given.media_type if arrival.given else None,
        file_id=taken.wanted.file_id if taken.wanted else None,
        attributes=dict(arrival.attributes),
        submitted_at=arrival.submitted_at,
    )


def _publication(call: Call, submission: DocumentSubmitted, lane: Lane) -> Publication:
    return Publication(
        event=_EVENT,
        subject=subjects.submitted(lane, call.tenant),
        key=f"{call.tenant}.{submission.submission_id}.{_EVENT}",
        body=submission.model_dump_json(exclude_none=True).encode(),
        headers={envelope.REQUEST_ID: submission.submission_id, envelope.KEY_ID: call.principal.key_id},
    )
