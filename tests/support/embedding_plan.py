"""What an update of a document has to do: what the platform's counts of embedded texts are held to."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ingestion.chunking import Chunk


@dataclass(frozen=True, slots=True)
class Plan:
    """`embed` holds one chunk for each text that has no vector yet, `keep` every chunk whose text has one already.

    A chunk that is in neither has the text of one in `embed`. `delete` holds the hashes of texts that are no more.
    """

    embed: tuple[Chunk, ...]
    keep: tuple[Chunk, ...]
    delete: frozenset[str]


def plan(old: Collection[str], new: Sequence[Chunk]) -> Plan:
    """From the hashes of the chunks that there are to the chunks that there shall be; no text is embedded twice."""
    known = frozenset(old)
    first = {one.sha256: one for one in reversed(new)}
    embed = tuple(one for one in new if one.sha256 not in known and first[one.sha256] is one)
    return Plan(embed, tuple(one for one in new if one.sha256 in known), known - first.keys())
