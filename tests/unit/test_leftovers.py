"""Which removed providers still have messages: nobody else would read them."""

from collections.abc import Sequence
from datetime import UTC, datetime

from nats.js.api import ConsumerConfig, ConsumerInfo

from workers.leftovers import leftover_providers


def consumer(name: str, *, waiting: int = 0, in_hand: int = 0) -> ConsumerInfo:
    counts = {"num_pending": waiting, "num_ack_pending": in_hand}
    return ConsumerInfo(name, "s", ConsumerConfig(), datetime.now(UTC), **counts)


class Server:
    """Tells of its consumers as JetStream does, 256 at once."""

    def __init__(self, consumers: Sequence[ConsumerInfo]) -> None:
        self.consumers = consumers

    async def consumers_info(self, _: str, offset: int) -> Sequence[ConsumerInfo]:
        return self.consumers[offset : offset + 256]


async def leftovers(*consumers: ConsumerInfo) -> tuple[str, ...]:
    known = {"known", "known-too"}
    return await leftover_providers(Server(consumers), "ROUTED", "provider", known)  # type: ignore[arg-type]


async def test_those_with_messages_that_wait_or_are_in_hand_are_left_over():
    found = await leftovers(
        consumer("provider-waiting-interactive", waiting=1),
        consumer("provider-in-hand-batch", in_hand=1),
        consumer("provider-empty-interactive"),
    )
    assert found == ("waiting", "in-hand")


async def test_one_that_is_left_over_in_both_lanes_is_one():
    both = (consumer(f"provider-gone-{lane}", waiting=1) for lane in ("interactive", "batch"))
    assert await leftovers(*both) == ("gone",)


async def test_those_that_the_catalogue_has_and_what_is_no_providers_are_not():
    found = await leftovers(
        consumer("provider-known-interactive", waiting=1),
        consumer("provider-known-too-batch", in_hand=1),
        consumer("somebody-elses", waiting=1),
        consumer("provider", waiting=1),
    )
    assert found == ()


async def test_all_are_looked_at_however_many_there_are():
    many = [consumer(f"provider-p{number}-interactive") for number in range(600)]
    assert await leftovers(*many, consumer("provider-last-interactive", waiting=1)) == ("last",)


async def test_a_server_without_any_has_none_left_over():
    assert await leftovers() == ()
