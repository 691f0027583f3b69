"""Documents that want vectors, and what has to be embedded for them. Pure."""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import orjson
from numpy.typing import NDArray

from contracts.documents import DocumentChunked
from infra.telemetry.tracing import Span

Vector = NDArray[np.float32]


@dataclass(slots=True)
class Asked:
    """A document's chunks. Once they have them, `rows` holds their vectors, (chunks, dimension) as little-endian 16-bit
    floats; `embedded` of them had to be asked for, and the others were there.
    """

    document: DocumentChunked
    span: Span
    shas: list[bytes] = field(init=False)
    rows: bytes = b""
    embedded: int = 0

    def __post_init__(self) -> None:
        self.shas = [bytes.fromhex(chunk.sha256) for chunk in self.document.chunks]

    def take(self, vectors: Mapping[bytes, Vector], new: set[bytes]) -> None:
        """Take its chunks' vectors. Of those that are `new` it counts those that no other document counted before."""
        mine = new.intersection(self.shas)
        new -= mine
        self.embedded = len(mine)
        if self.shas:
            self.rows = np.stack([vectors[sha] for sha in self.shas]).astype("<f2").tobytes()

    @property
    def reused(self) -> int:
        """Chunks whose vectors were there already."""
        return len(self.shas) - self.embedded

    def body(self, chunked: bytes) -> bytes:
        """What is published: the message that came, and the vectors."""
        vectors = b64encode(self.rows).decode()
        fields = {"vectors": vectors, "embedded": self.embedded, "reused": self.reused}
        return orjson.dumps({**orjson.loads(chunked), **fields})


def texts_of(asked: Sequence[Asked]) -> dict[bytes, str]:
    """Each text once, by its hash."""
    return {sha: chunk.text for one in asked for sha, chunk in zip(one.shas, one.document.chunks, strict=True)}
