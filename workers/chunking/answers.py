"""How a submission ends that needs no chunking, and what its span says."""

from infra.dispatch.job import Job
from infra.dispatch.outcome import Outcome, Publication
from infra.index.places import Wanted
from infra.index.version import IndexVersion
from infra.telemetry import names
from infra.telemetry.told import document_digest
from workers.chunking.submission import About
from workers.documents import ended


def describe(job: Job, about: About) -> None:
    """The trace says which document it is about, and nothing that is in it."""
    job.span.attributes[names.STORE] = about.store_id
    job.span.attributes[names.DOCUMENT] = document_digest(about.document_id)


def without_work(job: Job, about: About, *, deleted: bool) -> Outcome:
    """The document was deleted, or something newer was submitted in between."""
    label = "deleted" if deleted else "superseded"
    return Outcome(label, (ended(job, about, deleted=deleted, superseded=not deleted),))


def unchanged(job: Job, about: About, wanted: Wanted, version: IndexVersion) -> Publication:
    """The version holds that content already."""
    return ended(job, about, version=version.id, sha256=wanted.sha256.hex(), unchanged=True)
