"""Money that is set aside for one payer: what is left of it, what was taken, and for which calls it is."""

import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from infra.budgets.reservation import AHEAD, Reservation
from infra.upkeep import Upkeep

LOT = 8
"""So many calls of the largest are set aside for, and as much again when half of it is taken."""
_PLENTY, _SHARE = 8 * LOT, 10
"""There is plenty in a budget that has so many calls left, and one dollar in so many of all that it has."""
_MARGIN = timedelta(seconds=10)
"""What is booked of it is booked before it expires."""


class Advance(Upkeep):
    """One payer's. `left` dollars are nobody's yet; `size` is the amount of the largest call lately."""

    def __init__(self, first: Reservation) -> None:
        super().__init__()
        self.longest = first.expires_at - first.started_at + _MARGIN
        self.reservation = replace(
            first,
            request_id=AHEAD + uuid.uuid4().hex,
            attempt=1,
            amount=Decimal(0),
            expires_at=first.started_at + self.longest,
        )
        self.left = Decimal(0)
        self.size = first.amount
        self.calls: list[Reservation] = []
        """What was taken of it and is not booked yet."""

    def lasts(self, at: datetime) -> bool:
        """Whether it is for calls of this moment: of its day, and some time before it expires."""
        own = self.reservation
        same_day = at.astimezone(UTC).date() == own.started_at.astimezone(UTC).date()
        return same_day and at + _MARGIN < own.expires_at

    def covers(self, call: Reservation) -> bool:
        """Whether a call can be paid of it."""
        return not self.over and call.amount <= self.left and self.lasts(call.started_at)

    @property
    def needed_until(self) -> datetime:
        """When neither it nor a call that it has paid for needs to be reserved any more."""
        return max([self.reservation.expires_at, *(call.expires_at for call in self.calls)])


def is_plenty(room: Sequence[tuple[Decimal, Decimal]], size: Decimal, more: Decimal) -> bool:
    """Whether, with so much `more` set aside, all budgets have so much left that it is nobody's loss."""
    return all(left - more >= max(_PLENTY * size, amount / _SHARE) for amount, left in room)
