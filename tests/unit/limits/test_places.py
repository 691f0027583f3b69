"""Places taken ahead: none is given that is not counted, and nothing of them is left behind."""

import random
from collections.abc import Sequence

import pytest

from infra.limits.counted import Asked, Entry, Kind, packed, packed_places, unpacked, unpacked_places
from infra.limits.look import Look, by_counter, waits_of
from infra.limits.places import LOT, Places, Wanted, beside, is_plenty
from infra.limits.reading import subject_of
from infra.limits.window import BUCKET, bucket_of

NOW = 1_700_000_002.0
KEY, TENANT = "places.key", "places.tenant"
LIMIT, MOST_TOKENS = 100_000, 10_000_000


def asked(tokens: int = 10, limit: int = LIMIT) -> tuple[Asked, ...]:
    """A key's requests, and a tenant's requests and tokens."""
    return (
        Asked(KEY, Kind.REQUESTS, 1, limit),
        Asked(TENANT, Kind.REQUESTS, 1, limit),
        Asked(TENANT, Kind.TOKENS, tokens, MOST_TOKENS),
    )


class Counters:
    """What a process has added to each counter, in one bucket. Others have taken `used` requests of each."""

    def __init__(self, used: int = 0) -> None:
        self.values = {subject_of(name, bucket_of(NOW)): used for name in (KEY, TENANT)}

    def take(self, wanted: Wanted) -> list[Look]:
        return [self._count(name, of, wanted) for name, of in by_counter(wanted.asked).items()]

    def back(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self.values[entry.subject] -= entry.amount

    def held(self) -> list[tuple[int, int, int]]:
        """Requests, tokens and places of the key's counter and of the tenant's."""
        return [
            (unpacked(Kind.REQUESTS, value), unpacked(Kind.TOKENS, value), unpacked_places(value))
            for value in self.values.values()
        ]

    def _count(self, name: str, of: tuple[Asked, ...], wanted: Wanted) -> Look:
        subject = subject_of(name, bucket_of(NOW))
        before, amount = self.values[subject], sum(packed(one.kind, one.amount) for one in of)
        self.values[subject] += amount + packed_places(wanted.places - wanted.told)
        counts = {bucket_of(NOW): before}
        return Look(of, counts, waits_of(of, counts, NOW), NOW, Entry(subject, amount, None))


def taken(counters: Counters, *, size: int = 10, of: tuple[Asked, ...] | None = None) -> Places:
    places = Places(of or asked(), bucket_of(NOW), size)
    wanted = places.wanted(NOW)
    assert wanted is not None
    assert places.took(wanted, counters.take(wanted))
    return places


def test_nothing_is_there_before_it_is_counted() -> None:
    places = Places(asked(), bucket_of(NOW), 10)
    assert not places.has(10, NOW)
    assert places.wanted(NOW) is not None
    assert not places.has(10, NOW)


def test_a_lot_is_taken_with_tokens_for_each_and_counted_as_places() -> None:
    counters = Counters()
    places = taken(counters)
    assert counters.held() == [(LOT, 0, LOT), (LOT, LOT * 10, LOT)]
    assert places.has(10, NOW)
    # What one needs more than its share is there, as long as it is within what all have.
    assert places.has(LOT * 10, NOW)
    assert not places.has(LOT * 10 + 1, NOW)


def test_what_was_given_is_a_requests_on_each_counter_and_is_taken_back_like_one() -> None:
    counters = Counters()
    places = taken(counters)
    given = places.give("r1", 25, NOW)
    assert [unpacked(Kind.REQUESTS, entry.amount) for entry in given.entries] == [1, 1]
    assert [unpacked(Kind.TOKENS, entry.amount) for entry in given.entries] == [0, 25]
    # Each has an id of its own, so that it is taken back once.
    assert len({entry.message_id for entry in given.entries} - {None}) == 2
    counters.back(given.entries)
    counters.back(places.rest())
    assert counters.held() == [(0, 0, 0), (0, 0, 0)]


def test_no_place_is_given_outside_of_its_bucket_and_none_taken_close_to_its_end() -> None:
    border = NOW // BUCKET * BUCKET + BUCKET
    places = taken(Counters())
    assert places.has(10, border - 0.001)
    assert not places.has(10, border)
    assert Places(asked(), bucket_of(NOW), 10).wanted(border - 0.2) is None


def test_more_are_taken_when_half_are_given_or_the_tokens_do_not_do_for_one() -> None:
    places = taken(Counters())
    assert places.wanted(NOW) is None
    for number in range(LOT // 2):
        places.give(f"r{number}", 10, NOW)
    wanted = places.wanted(NOW)
    assert wanted is not None
    assert (wanted.places, wanted.told) == (LOT // 2, LOT // 2)
    greedy = taken(Counters())
    greedy.give("large", LOT * 10, NOW)
    wanted = greedy.wanted(NOW)
    assert wanted is not None
    assert [one.amount for one in wanted.asked] == [1, 1, LOT * 10]


def test_what_is_given_while_more_are_on_their_way_is_told_the_next_time() -> None:
    counters = Counters()
    places = taken(counters)
    for number in range(LOT // 2):
        places.give(f"r{number}", 10, NOW)
    wanted = places.wanted(NOW)
    assert wanted is not None
    looks = counters.take(wanted)
    places.give("meanwhile", 10, NOW)
    assert places.took(wanted, looks)
    assert (places.free, places.given) == (LOT - 1, 1)
    counters.back(places.rest())
    assert counters.held() == [(5, 0, 0), (5, 50, 0)]


@pytest.mark.parametrize("used", [LIMIT - LOT - LIMIT // 10 + 1, LIMIT])
def test_where_little_is_left_beside_them_they_are_to_be_handed_back(used: int) -> None:
    counters = Counters(used)
    places = Places(asked(), bucket_of(NOW), 10)
    wanted = places.wanted(NOW)
    assert wanted is not None
    assert not places.took(wanted, counters.take(wanted))
    counters.back(places.rest())
    assert counters.held() == [(used, 0, 0), (used, 0, 0)]


@pytest.mark.parametrize("seed", range(20))
def test_what_was_counted_less_what_is_handed_back_is_what_was_given(seed: int) -> None:
    chance, counters, given = random.Random(seed), Counters(), []
    places, coming = Places(asked(), bucket_of(NOW), 10), None
    for number in range(300):
        tokens = chance.randint(1, 40)
        if chance.random() < 0.1:
            places.size = max(places.size, tokens)
        if coming is not None and chance.random() < 0.5:
            assert places.took(*coming)
            coming = None
        elif coming is None and (wanted := places.wanted(NOW)) is not None:
            coming = wanted, counters.take(wanted)
        if places.has(tokens, NOW):
            places.give(f"r{number}", tokens, NOW)
            given.append(tokens)
        assert places.free >= 0
        assert places.tokens >= 0
        # As far as counters know, there are never fewer places than are nobody's.
        assert all(held >= places.free for _, _, held in counters.held())
    if coming is not None:
        places.took(*coming)
    assert len(given) > 50
    counters.back(places.rest())
    assert counters.held() == [(len(given), 0, 0), (len(given), sum(given), 0)]


def test_the_room_that_is_told_goes_down_by_what_each_takes_whichever_way_it_is_counted() -> None:
    counters, told = Counters(), []
    places = taken(counters)

    def give(number: int) -> None:
        told.append([standing.remaining for standing in places.give(f"r{number}", 10, NOW).standings])

    def count_past() -> None:
        """As `infra.limits.windows` counts it."""
        own = places.count_past(10)
        one = Wanted(asked(), places=0, told=0)
        found = [standing for look in counters.take(one) for standing in look.standings()]
        told.append([standing.remaining for standing in beside(asked(), found, own)])

    for number in range(LOT // 2):
        give(number)
    count_past()
    wanted = places.wanted(NOW)
    assert wanted is not None
    give(11)
    looks = counters.take(wanted)
    count_past()
    places.took(wanted, looks)
    give(12)
    count_past()
    give(13)
    assert told == [[LIMIT - n, LIMIT - n, MOST_TOKENS - 10 * n] for n in range(1, len(told) + 1)]


@pytest.mark.parametrize(
    ("room", "plenty"),
    [((64, 64, 640), True), ((63, 64, 640), False), ((64, 64, 639), False)],
)
def test_plenty_is_room_for_many_lots_in_every_window(room: tuple[int, ...], plenty: bool) -> None:
    of = (Asked(KEY, Kind.REQUESTS, 1, 100), Asked(TENANT, Kind.REQUESTS, 1, 100), Asked(TENANT, Kind.TOKENS, 10, 999))
    assert is_plenty(of, room, 10) is plenty
    # And a tenth of what passes in a minute.
    assert not is_plenty((Asked(KEY, Kind.REQUESTS, 1, 10_000),), (999,), 10)
    assert is_plenty((Asked(KEY, Kind.REQUESTS, 1, 10_000),), (1000,), 10)
