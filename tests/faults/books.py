"""The three books that must agree: JetStream's terminal messages, the ledger's rows, the simulator's own count."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import psycopg

from tests.faults.instance import Instance
from tests.faults.wire import ROOT, TENANT, connected
from tests.support.waiting import eventually

QUEUES = ("INFERENCE_REQUESTED", "INFERENCE_VALIDATED", "INFERENCE_UNCACHED", "INFERENCE_ROUTED", "USAGE")
DOCUMENT_QUEUES = ("DOCUMENTS_SUBMITTED", "DOCUMENTS_CHUNKED", "DOCUMENTS_EMBEDDED")
TERMINALS = f"{ROOT}.inference.*.interactive.{TENANT}.*"


_SUMS_THAT_DIFFER = """
WITH rows AS (
    SELECT {of}, date_trunc('{span}', started_at, 'UTC') AS at, count(*) FILTER (WHERE status <> 'cache_hit') AS calls,
           sum(input_tokens) AS input_tokens, sum(output_tokens) AS output_tokens, coalesce(sum(cost_usd), 0) AS cost
    FROM usage GROUP BY {of}, at
), sums AS (
    SELECT {of}, {span} AS at, sum(calls) AS calls, sum(input_tokens) AS input_tokens,
           sum(output_tokens) AS output_tokens, sum(cost_usd) AS cost FROM {table} GROUP BY {of}, at
)
SELECT rows, sums FROM rows FULL JOIN sums USING ({of}, at)
WHERE (rows.calls, rows.input_tokens, rows.output_tokens, rows.cost)
    IS DISTINCT FROM (sums.calls, sums.input_tokens, sums.output_tokens, sums.cost)
"""
_SUMS = (
    ("usage_hourly", "hour", "tenant_id, model"),
    ("usage_hourly_by_tenant", "hour", "tenant_id"),
    ("usage_daily", "day", "tenant_id, model"),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the ledger. `key` is what the provider was sent as Idempotency-Key."""

    request_id: str
    attempt: int
    status: str
    key: str


@dataclass(frozen=True, slots=True)
class Books:
    """What is written: by request id how many terminal messages, the ledger's rows, by key how many calls."""

    terminals: Counter[str]
    rows: list[Row]
    calls: dict[str, int]
    sums_that_differ: tuple[str, ...] = ()

    def of(self, request_ids: set[str]) -> "Books":
        """What is written about these requests."""
        return Books(
            Counter({request_id: count for request_id, count in self.terminals.items() if request_id in request_ids}),
            [row for row in self.rows if row.request_id in request_ids],
            {key: count for key, count in self.calls.items() if key.split(".")[1] in request_ids},
            self.sums_that_differ,
        )

    def check(self, accepted: Collection[str], *, unsent: tuple[str, ...] = ("interrupted",)) -> None:
        """Every accepted request ended once; every call was made once and has one row.

        A row without a call has a status out of `unsent`: a process may die between the journal's ack and the first
        byte to the provider.
        """
        assert {request_id: self.terminals[request_id] for request_id in accepted} == dict.fromkeys(accepted, 1)
        assert _more_than_one(self.terminals) == {}, "a request ended twice"
        assert _more_than_one(self.calls) == {}, "a key was called twice"
        assert _more_than_one(Counter(row.key for row in self.rows)) == {}, "a call has two rows"
        assert self.sums_that_differ == (), "sums by hour or day are not their rows'"
        keys = {row.key for row in self.rows}
        assert self.calls.keys() - keys == set(), "calls without a row"
        assert {row for row in self.rows if row.key not in self.calls and row.status not in unsent} == set()

    @property
    def statuses(self) -> dict[str, int]:
        """How many rows of each status."""
        return dict(Counter(row.status for row in self.rows))


def _more_than_one(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in counts.items() if count > 1}


async def settled(instance: Instance, within: float = 30) -> None:
    """Wait until no queue holds a message. Fails where one is in the dead letter."""
    async with connected(instance) as client:
        js = client.jetstream(timeout=5)

        async def empty() -> bool:
            dead = (await js.stream_info("DEADLETTER")).state.messages
            assert dead == 0, f"{dead} dead letters"
            return not any([(await js.stream_info(name)).state.messages for name in (*QUEUES, *DOCUMENT_QUEUES)])

        await eventually(empty, within=within, what="the queues are not empty")


async def read_books(instance: Instance) -> Books:
    """All of an instance's books."""
    return Books(
        await _terminals(instance),
        await _rows(instance),
        (await simulator_stats(instance))["by_idempotency_key"],
        await _sums_that_differ(instance),
    )


async def simulator_stats(instance: Instance) -> dict[str, Any]:
    """The simulator's counters."""
    async with aiohttp.ClientSession() as session, session.get(f"{instance.simulator}/stats") as response:
        found: dict[str, Any] = await response.json()
        return found


async def _terminals(instance: Instance) -> Counter[str]:
    """By an ordered consumer over both subjects, from the stream's beginning to its end."""
    found: Counter[str] = Counter()
    async with connected(instance) as client:
        js = client.jetstream(timeout=5)
        if (await js.stream_info("RESULTS")).state.messages == 0:
            return found
        results = await js.subscribe(TERMINALS, stream="RESULTS", ordered_consumer=True)
        pending = 1
        while pending:
            message = await results.next_msg(timeout=10)
            found[message.subject.rpartition(".")[2]] += 1
            pending = message.metadata.num_pending
    return found


async def _rows(instance: Instance) -> list[Row]:
    statement = "SELECT request_id, attempt, status, idempotency_key FROM usage WHERE status <> 'cache_hit'"
    async with await psycopg.AsyncConnection.connect(instance.told["database"]) as connection:
        rows = await (await connection.execute(statement)).fetchall()
    return [Row(*row) for row in rows]


async def _sums_that_differ(instance: Instance) -> tuple[str, ...]:
    """Of a tenant (and a model) and an hour or day: what the ledger has, and what is kept as their sums."""
    found: list[str] = []
    async with await psycopg.AsyncConnection.connect(instance.told["database"]) as connection:
        for table, span, of in _SUMS:
            query = _SUMS_THAT_DIFFER.format(table=table, span=span, of=of)
            rows = await (await connection.execute(query.encode())).fetchall()
            found += [f"{table}: {row}" for row in rows]
    return tuple(found)
