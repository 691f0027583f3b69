"""Reading the messages of the document flow behind its door."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from contracts.documents import DocumentChunked
from infra.claims import Claims
from infra.dispatch.contract import read_contract
from infra.dispatch.job import Identity, Job, require_identity

Document = TypeVar("Document", bound=DocumentChunked)


@dataclass(frozen=True, slots=True)
class Reader(Generic[Document]):
    """Reads one event: `shape` is its contract, `what` its name for people."""

    claims: Claims
    shape: type[Document]
    what: str
    stage: str

    async def read(self, job: Job) -> tuple[Document, bytes]:
        """The document, and the message's whole body, wherever that is.

        Raises `ContractError` for a message that is none, or nobody's; `PenstockError` (`pipeline_unavailable`).
        """
        require_identity(Identity(job.lane, job.tenant, job.request_id), self.stage)
        body = await self.claims.body_of(job)
        return read_contract(self.shape, body, what=self.what, stage=self.stage), body
