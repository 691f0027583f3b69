"""The contracts of the document flow: submitted, chunked, embedded, and how it ended: indexed or failed."""

from typing import Annotated, Self

from pydantic import AwareDatetime, Base64Bytes, Field, model_validator

from contracts.inference import Contract, ErrorBody, RequestId

DocumentId = Annotated[str, Field(min_length=1, max_length=512)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
MOST_ATTRIBUTES, LONGEST_KEY, LONGEST_VALUE = 16, 64, 512
"""What OpenAI's vector stores allow: https://platform.openai.com/docs/api-reference/vector-stores-files."""

AttributeKey = Annotated[str, Field(max_length=LONGEST_KEY)]
AttributeValue = Annotated[str, Field(max_length=LONGEST_VALUE)] | bool | float
Attributes = Annotated[dict[AttributeKey, AttributeValue], Field(max_length=MOST_ATTRIBUTES)]


class DocumentSubmitted(Contract):
    """A document is to be in a store, or not to be in it any more. The newest submission of a document counts.

    Its content is one of `text`, `content` and `file_id`. A submission for one index version only brings none: what the
    store holds of the document is to be indexed in that version too, as a re-index asks for.
    """

    submission_id: Annotated[RequestId, Field(description="The producer's own id; the outcome is published under it.")]
    store: Annotated[str, Field(min_length=1, max_length=256, description="A store's id, or its name.")]
    document_id: Annotated[DocumentId, Field(description="What it is submitted under again when it has changed.")]
    filename: Annotated[str, Field(max_length=1024, description="Shown by searches; tells the type of file.")] = ""
    media_type: Annotated[str | None, Field(max_length=256)] = None
    text: str | None = None
    content: Annotated[Base64Bytes | None, Field(description="A file's bytes in base64.")] = None
    file_id: Annotated[str | None, Field(max_length=256, description="A file that was uploaded before.")] = None
    attributes: Annotated[Attributes, Field(default_factory=dict)]
    submitted_at: Annotated[AwareDatetime | None, Field(description="When it was stored, where it is absent.")] = None
    deleted: Annotated[bool, Field(description="Take the document out of the store.")] = False
    only_version: Annotated[
        int | None, Field(ge=1, description="Only into this index version, as the store has it.")
    ] = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        given = sum(part is not None for part in (self.text, self.content, self.file_id))
        wanted = 0 if self.deleted or self.only_version is not None else 1
        if given != wanted:
            raise ValueError("a submission has one of text, content and file_id; none where it deletes or re-indexes")
        return self


class ChunkBody(Contract):
    """A piece of a document's text, from character `start` to `end`."""

    text: str
    sha256: Annotated[Sha256, Field(description="Of the text alone: a chunk that only moved is the same one.")]
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    heading: Annotated[str | None, Field(description="The path of headings that it begins under: «A > B».")] = None
    page: Annotated[int | None, Field(ge=1)] = None


class DocumentChunked(Contract):
    """A document was parsed and cut for one index version. `chunks` may be empty where the text is."""

    submission_id: RequestId
    store_id: str
    document_id: DocumentId
    version: Annotated[int, Field(ge=1)]
    model: Annotated[str, Field(description="The embedding model of the version.")]
    revision: Annotated[str, Field(description="Vectors of two revisions can't be compared.")]
    dimension: Annotated[int, Field(ge=1)]
    sha256: Annotated[Sha256, Field(description="Of the content that the chunks were cut from.")]
    chunks: tuple[ChunkBody, ...]


class DocumentEmbedded(DocumentChunked):
    """Every chunk has its vector."""

    vectors: Annotated[
        Base64Bytes, Field(description="Row after row, chunks x dimension, little-endian 16-bit floats, in base64.")
    ]
    embedded: Annotated[int, Field(ge=0, description="Texts that the model was asked for.")]
    reused: Annotated[int, Field(ge=0, description="Chunks whose vectors were there already.")]


class DocumentIndexed(Contract):
    """What was submitted can be found (or, `deleted`, not any more). One message an index version."""

    submission_id: RequestId
    store_id: str
    document_id: DocumentId
    version: Annotated[int | None, Field(description="The index version; none where the document was deleted.")] = None
    sha256: Sha256 | None = None
    chunks: Annotated[int, Field(ge=0)] = 0
    embedded: Annotated[int, Field(ge=0)] = 0
    reused: Annotated[int, Field(ge=0)] = 0
    unchanged: Annotated[bool, Field(description="The version held this content already.")] = False
    superseded: Annotated[
        bool, Field(description="A newer submission, or another index version, came in between: that one counts.")
    ] = False
    deleted: bool = False


class DocumentFailed(Contract):
    """What was submitted can't be indexed; it can be submitted again."""

    submission_id: RequestId
    store_id: str
    document_id: DocumentId
    version: Annotated[int | None, Field(description="The index version; none where no version can have it.")] = None
    error: ErrorBody
