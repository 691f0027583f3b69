"""A document is accepted when its message is stored, and not before; what was not accepted can be submitted again."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.trace import SpanKind
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import Principal
from api.documents.submitting import NewDocument, Submitter
from api.observed import Visit
from api.served import Call
from contracts.documents import DocumentSubmitted
from contracts.errors import ErrorCode, PenstockError
from contracts.subjects import Lane
from infra.index.store_documents import StoreDocuments
from infra.index.stores import Store, Stores, StoreSettings
from infra.telemetry.tracing import Tracer

TENANT = "acme"


class Broker:
    """Stores what is published, but for the messages of `refuses`; `most` is how many came at once."""

    def __init__(self) -> None:
        self.refuses: set[str] = set()
        self.stored: list[DocumentSubmitted] = []
        self.open = self.most = 0

    async def publish(self, subject: str, body: bytes, headers: dict[str, str], *, give_up_after: float) -> None:
        message = DocumentSubmitted.model_validate_json(body)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        if message.document_id in self.refuses:
            raise PenstockError(ErrorCode.PIPELINE_UNAVAILABLE, "the broker is away", stage="api", retryable=True)
        assert headers["ce-requestid"] == message.submission_id
        assert subject.startswith("penstock.v1.documents.submitted.")
        self.stored.append(message)

    @property
    def documents(self) -> list[str]:
        return [message.document_id for message in self.stored]


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def submitter(engine: AsyncEngine, broker: Broker) -> Submitter:
    gateway: Any = SimpleNamespace(documents=engine, publisher=broker, tracer=Tracer("api", None, 1.0))
    return Submitter(gateway)


@pytest.fixture
async def store(engine: AsyncEngine) -> Store:
    return await Stores(engine).create(TENANT, name="docs", metadata={}, settings=StoreSettings())


@pytest.fixture
def call() -> Call:
    visit = Visit("request", Tracer("api", None, 1.0).start("POST", SpanKind.SERVER, None, {}))
    nothing: Any = None
    return Call(nothing, visit, Principal(TENANT, "key", frozenset()), 0)


def document(name: str, text: str = "text") -> NewDocument:
    return NewDocument(name, f"{name}.txt", None, text.encode())


async def test_what_the_broker_does_not_take_is_not_accepted_and_can_come_again(
    submitter: Submitter, broker: Broker, store: Store, call: Call, engine: AsyncEngine
):
    documents = [document(name) for name in "abc"]
    broker.refuses = {"b"}
    with pytest.raises(PenstockError) as raised:
        await submitter.submit(call, store, documents, Lane.BATCH)
    assert raised.value.code == ErrorCode.PIPELINE_UNAVAILABLE
    assert broker.documents == ["a", "c"]
    broker.refuses = set()
    assert [each.id for each in await submitter.submit(call, store, documents, Lane.BATCH)] == ["a", "b", "c"]
    assert broker.documents == ["a", "c", "a", "b", "c"]
    held = await StoreDocuments(engine).find_all(TENANT, store.id, ["a", "b", "c"])
    assert {each.status for each in held.values()} == {"in_progress"}


async def test_a_message_says_where_the_content_is(submitter: Submitter, broker: Broker, store: Store, call: Call):
    await submitter.submit(call, store, [document("a")], Lane.INTERACTIVE)
    (message,) = broker.stored
    assert message.text is message.content is None
    assert (message.store, message.filename) == (store.id, "a.txt")
    assert message.file_id is not None
    assert message.submitted_at is not None


async def test_many_are_published_together_but_not_all_at_once(
    submitter: Submitter, broker: Broker, store: Store, call: Call
):
    await submitter.submit(call, store, [document(f"d{number}") for number in range(300)], Lane.BATCH)
    assert len(set(broker.documents)) == 300
    assert 1 < broker.most <= 128


async def test_of_one_document_twice_the_last_counts(submitter: Submitter, broker: Broker, store: Store, call: Call):
    first, last = await submitter.submit(call, store, [document("a", "old"), document("a", "new")], Lane.BATCH)
    assert first.sha256 != last.sha256
    assert broker.documents == ["a"]


async def test_a_store_that_is_deleted_meanwhile_takes_nothing(
    submitter: Submitter, broker: Broker, store: Store, call: Call, engine: AsyncEngine
):
    await Stores(engine).delete(TENANT, store.id)
    with pytest.raises(PenstockError, match="vector store"):
        await submitter.submit(call, store, [document("a")], Lane.BATCH)
    assert not broker.documents
