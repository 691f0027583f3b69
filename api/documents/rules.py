"""What may stand in the bodies of these requests. A field that we don't know is refused: nobody else would read it."""

import base64
import binascii
import math
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from contracts.apis.rules.rules import ModelName
from contracts.documents import LONGEST_KEY, LONGEST_VALUE, MOST_ATTRIBUTES

MOST_DOCUMENTS = 1000
"""In one request."""
_MOST_PER_BATCH = 2000
"""https://platform.openai.com/docs/api-reference/vector-stores-file-batches/createBatch"""


class Closed(BaseModel):
    """A part of a request of which we know all fields."""

    model_config = ConfigDict(extra="forbid", strict=True)


def _is_storable(text: str) -> str:
    if "\0" in text:
        raise ValueError("text can't hold the character U+0000")
    return text


def _is_finite(value: Any) -> Any:  # noqa: ANN401 - a value of JSON
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number is finite")
    return value


Text = Annotated[str, AfterValidator(_is_storable)]
Key = Annotated[Text, Field(max_length=LONGEST_KEY)]
Value = Annotated[Text, Field(max_length=LONGEST_VALUE)]
Metadata = Annotated[dict[Key, Value], Field(max_length=MOST_ATTRIBUTES)]
Scalar = Annotated[Value | bool | int | float, AfterValidator(_is_finite)]
Attributes = Annotated[dict[Key, Scalar], Field(max_length=MOST_ATTRIBUTES)]
DocumentId = Annotated[Text, Field(min_length=1, max_length=512)]
FileId = Annotated[Text, Field(min_length=1, max_length=256)]


def _is_base64(text: str) -> str:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("must be base64") from None
    return text


class ExpiresAfter(Closed):
    """A store expires when it has not been used for so many days."""

    anchor: Literal["last_active_at"]
    days: Annotated[int, Field(ge=1, le=365)]


class StaticSizes(Closed):
    """In tokens, within the bounds that OpenAI sets."""

    max_chunk_size_tokens: Annotated[int, Field(ge=100, le=4096)]
    chunk_overlap_tokens: Annotated[int, Field(ge=0)]


class ChunkingStrategy(Closed):
    """`auto`, or `static` with sizes."""

    type: Literal["auto", "static"]
    static: StaticSizes | None = None


class CreateStore(Closed):
    """POST /v1/vector_stores"""

    name: Annotated[Text, Field(max_length=256)] | None = None
    description: Annotated[Text, Field(max_length=1024)] | None = None
    metadata: Metadata | None = None
    chunking_strategy: ChunkingStrategy | None = None
    expires_after: ExpiresAfter | None = None
    file_ids: Annotated[list[FileId], Field(max_length=_MOST_PER_BATCH)] | None = None
    embedding_model: ModelName | None = None
    confidential: bool = False
    keep_versions: Annotated[int, Field(ge=0, le=100)] | None = None


class UpdateStore(Closed):
    """POST /v1/vector_stores/{id}. What is absent stays; how documents are cut and embedded, a re-index changes."""

    name: Annotated[Text, Field(max_length=256)] | None = None
    description: Annotated[Text, Field(max_length=1024)] | None = None
    metadata: Metadata | None = None
    expires_after: ExpiresAfter | None = None
    confidential: bool | None = None
    keep_versions: Annotated[int, Field(ge=0, le=100)] | None = None


class CreateStoreFile(Closed):
    """POST /v1/vector_stores/{id}/files, and one of the `files` of a batch."""

    file_id: FileId
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class UpdateStoreFile(Closed):
    """POST /v1/vector_stores/{id}/files/{file_id}"""

    attributes: Attributes | None


class CreateBatch(Closed):
    """POST /v1/vector_stores/{id}/file_batches: `file_ids` that share what else there is, or `files` with their own."""

    file_ids: Annotated[list[FileId], Field(min_length=1, max_length=_MOST_PER_BATCH)] | None = None
    files: Annotated[list[CreateStoreFile], Field(min_length=1, max_length=_MOST_PER_BATCH)] | None = None
    attributes: Attributes | None = None
    chunking_strategy: ChunkingStrategy | None = None


class NewContent(Closed):
    """One of the `documents` of POST /v1/vector_stores/{id}/documents. Its content is one of `text`, `content` (base64)
    and `file_id`.
    """

    id: DocumentId
    filename: Annotated[Text, Field(max_length=1024)] = ""
    media_type: Annotated[Text, Field(max_length=256)] | None = None
    text: str | None = None
    content: Annotated[str, AfterValidator(_is_base64)] | None = None
    file_id: FileId | None = None
    attributes: Attributes | None = None

    @model_validator(mode="after")
    def _has_one_content(self) -> Self:
        if sum(part is not None for part in (self.text, self.content, self.file_id)) != 1:
            raise ValueError("has one of text, content and file_id")
        return self


class SubmitDocuments(Closed):
    """POST /v1/vector_stores/{id}/documents"""

    documents: Annotated[list[NewContent], Field(min_length=1, max_length=MOST_DOCUMENTS)]
    lane: Literal["interactive", "batch"] = "batch"


class DeleteDocuments(Closed):
    """POST /v1/vector_stores/{id}/documents/delete"""

    ids: Annotated[list[DocumentId], Field(max_length=MOST_DOCUMENTS)]


class RetryDocuments(Closed):
    """POST /v1/vector_stores/{id}/documents/retry: those named that are not indexed, or all that have failed."""

    ids: Annotated[list[DocumentId], Field(max_length=MOST_DOCUMENTS)] | None = None
