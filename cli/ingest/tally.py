"""What an ingest has done so far."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """Counts of documents. `pending` holds the hashes of those that were sent and, as far as is known, have not ended
    yet, by their ids; so many of them as are `seen` to have ended have been counted, and not yet looked at.
    """

    total: int = 0
    unchanged: int = 0
    sent: int = 0
    indexed: int = 0
    seen: int = 0
    deleted: int = 0
    pending: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    waits_for: str = ""
    clock: Callable[[], float] = time.monotonic
    _began: float | None = None

    @property
    def done(self) -> int:
        """Of those that were found, how many need no more work."""
        return self.unchanged + self.ended + self.failed

    @property
    def ended(self) -> int:
        """Those that have been indexed, and those that can be expected to."""
        return self.indexed + self.seen

    @property
    def failed(self) -> int:
        """Those that could not be read, sent or indexed."""
        return len(self.failures)

    @property
    def seconds(self) -> float:
        """Since the first one was sent; 0 before."""
        return self.clock() - self._began if self._began is not None else 0.0

    @property
    def rate(self) -> float:
        """Documents indexed a second, since the first one was sent."""
        return self.ended / self.seconds if self.seconds > 0 else 0.0

    def begin(self) -> None:
        """Something is sent: from now on time counts."""
        if self._began is None:
            self._began = self.clock()

    def accept(self, document_id: str, sha256: str, is_there: bool) -> None:
        """The API took a document. `sha256` is by its own reckoning; `is_there`: it can be found already."""
        self.sent += 1
        if is_there:
            self.unchanged += 1
        else:
            self.pending[document_id] = sha256

    def see(self, ended: int) -> None:
        """So many of those that are pending have ended."""
        self.seen = max(0, ended)

    def end(self, document_id: str) -> None:
        """It can be found."""
        if self.pending.pop(document_id, None) is not None:
            self.indexed += 1

    def fail(self, document_id: str, reason: str) -> None:
        """It can't be found, and why."""
        self.pending.pop(document_id, None)
        self.failures[document_id] = reason

    def wait(self, reason: str) -> None:
        """What keeps it from going on; «» when nothing does."""
        self.waits_for = reason
