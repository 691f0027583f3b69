"""What is run, and where its results are kept."""

from dataclasses import dataclass, field

from benchmarks.result import LoadResult


@dataclass(frozen=True)
class Scenario:
    """`seconds` is how long a run through the gateway lasts; a direct one, far quicker, lasts a quarter of it."""

    key: str
    title: str
    concurrency: int
    stream: bool
    seconds: float


ONE = Scenario("one", "1 in flight", 1, stream=False, seconds=3.0)
MANY = Scenario("many", "32 in flight", 32, stream=False, seconds=5.0)
STREAM = Scenario("stream", "1 stream in flight", 1, stream=True, seconds=3.0)
STREAMS = Scenario("streams", "16 streams in flight", 16, stream=True, seconds=3.0)
SCENARIOS = (ONE, MANY, STREAM, STREAMS)


@dataclass
class Pair:
    """One scenario's results, one a round."""

    direct: list[LoadResult] = field(default_factory=list)
    gateway: list[LoadResult] = field(default_factory=list)


@dataclass
class Runs:
    """All results.

    `cpu` (the gateway's processes) and `helpers` (the benchmark's own): milliseconds of CPU a request at 32 in flight,
    by process, one a round. `requests` and `upstream_calls`: those of every run through the gateway.
    """

    pairs: dict[str, Pair] = field(default_factory=lambda: {scenario.key: Pair() for scenario in SCENARIOS})
    cpu: list[dict[str, float]] = field(default_factory=list)
    helpers: list[dict[str, float]] = field(default_factory=list)
    requests: int = 0
    upstream_calls: int = 0
