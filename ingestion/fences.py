"""Code fences are kept whole where they fit into a chunk.

The splitter does so itself, but for one or two in a thousand: those are mended.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ingestion.outline import Outline
from ingestion.regions import Span


@dataclass(frozen=True, slots=True)
class FenceMender:
    """Works on chunks of one region of `text`: a fence that goes beyond it is none of its business.

    `split` gives the chunks of the text between two offsets; `fits` says whether that text is within a chunk's limit.
    """

    text: str
    region: Span
    outline: Outline
    split: Callable[[int, int], Sequence[Span]]
    fits: Callable[[int, int], bool]

    def mend(self) -> Iterator[Span]:
        """The region's chunks. Each fence is looked at once, so this takes linear time."""
        pending = deque(self.split(*self.region))
        covered = 0
        while pending:
            begin, end = pending.popleft()
            fence = self._fence_around(end)
            if fence is not None and self.fits(*fence):
                end = begin + len(self.text[begin : fence[0]].rstrip())
                pending.extendleft(reversed(self._from_fence(fence, pending)))
            if end > max(begin, covered):
                yield begin, end
                covered = end

    def _fence_around(self, offset: int) -> Span | None:
        fence = self.outline.fence_around(offset)
        within = fence is not None and self.region[0] <= fence[0] and fence[1] <= self.region[1]
        return fence if within else None

    def _from_fence(self, fence: Span, pending: deque[Span]) -> list[Span]:
        """Chunks from the fence on, in place of all that cut it and of one more."""
        until = fence[1]
        while pending and until <= fence[1]:
            until = max(until, pending.popleft()[1])
        spans = list(self.split(fence[0], until))
        if spans and spans[0][1] < fence[1]:
            return [fence, *self.split(fence[1], until)]
        return spans
