"""Which prices hold for a call: the catalogue's of that moment, else the package's, else none."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cli.main import app
from contracts.inference import TokenUsage
from contracts.subjects import Lane
from infra.catalog import Deployment, Provider, load_catalog
from infra.prices import PriceBook, PriceSet, cost, unpriced

OPENAI = {"base_url": "https://api.openai.com/v1", "kind": "openai"}
ANTHROPIC = {"base_url": "https://api.anthropic.com", "kind": "anthropic"}
AZURE = {"base_url": "https://ours.openai.azure.com", "kind": "azure"}
GOOGLE = {"base_url": "https://generativelanguage.googleapis.com/v1beta/openai", "kind": "openai"}
LOCAL = {"base_url": "http://127.0.0.1:11434/v1", "kind": "openai", "residency": "local"}
NOW = datetime(2026, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def book() -> PriceBook:
    return PriceBook()


def asked(
    book: PriceBook,
    provider: dict[str, Any],
    model: str,
    *,
    own: Any = None,
    at: datetime = NOW,
    lane: Lane = Lane.INTERACTIVE,
    **terms: str,
) -> PriceSet | None:
    known = Provider.model_validate({"name": "p", **provider})
    deployment = Deployment.model_validate({"name": "d", "provider": "p", "model": model, "prices": own})
    return book.prices_of(known, deployment, model, at, lane, terms)


def dollars(prices: PriceSet | None, **tokens: int) -> Decimal | None:
    assert prices is not None
    return cost(TokenUsage(**tokens), prices)


def test_known_models_cost_what_their_providers_say(book: PriceBook):
    """By hand, from the package's data, which is checked against the providers' own pages."""
    tokens = {"input_tokens": 10_000, "cached_input_tokens": 4_000, "output_tokens": 1_000, "reasoning_tokens": 600}
    # gpt-5: $1.25 in, 0.125 cached, 10 out.
    assert dollars(asked(book, OPENAI, "gpt-5"), **tokens) == Decimal("0.018")
    # gpt-4o-mini: 0.15, 0.075, 0.60.
    assert dollars(asked(book, OPENAI, "gpt-4o-mini"), **tokens) == Decimal("0.0018")
    # claude-sonnet-4: 3, 0.30, 15; written into the cache 3.75, for an hour 6.
    written = {"cache_write_tokens": 3_000, "cache_write_1h_tokens": 1_000}
    assert dollars(asked(book, ANTHROPIC, "claude-sonnet-4-20250514"), **tokens, **written) == Decimal("0.0387")
    # text-embedding-3-small: 0.02.
    assert dollars(asked(book, OPENAI, "text-embedding-3-small"), input_tokens=1_000_000) == Decimal("0.02")


def test_a_long_prompt_costs_more_where_its_provider_says_so(book: PriceBook):
    """claude-sonnet-4-5: 3 and 15 up to 200,000 tokens of input, above 6 and 22.5."""
    sonnet = asked(book, ANTHROPIC, "claude-sonnet-4-5")
    assert dollars(sonnet, input_tokens=200_000, output_tokens=1_000) == Decimal("0.615")
    assert dollars(sonnet, input_tokens=200_001, output_tokens=1_000) == Decimal("1.222506")


def test_a_price_that_changed_is_the_one_of_its_day(book: PriceBook):
    """o3: 10 and 40 until 2025-06-10, then 2 and 8."""
    day = datetime(2025, 6, 10, tzinfo=UTC)
    before, after = (asked(book, OPENAI, "o3", at=at) for at in (day - timedelta(seconds=1), day))
    assert before is not None
    assert after is not None
    assert [(one.input, one.output) for one in (before, after)] == [(10, 40), (2, 8)]


def test_a_tier_of_service_has_the_prices_that_the_package_knows_for_it(book: PriceBook):
    """o3 in the flex tier: 1 and 4, since 2026-10-12."""
    later = datetime(2026, 11, 1, tzinfo=UTC)
    flex = asked(book, OPENAI, "o3", at=later, service_tier="flex")
    assert flex is not None
    assert (flex.input, flex.output) == (1, 4)
    assert asked(book, OPENAI, "o3", at=later, service_tier="another") == asked(book, OPENAI, "o3", at=later)


@pytest.mark.parametrize(
    ("provider", "model"),
    [(OPENAI, "gpt-4o-mini"), (ANTHROPIC, "claude-sonnet-4-5"), (AZURE, "gpt-4o-mini"), (GOOGLE, "gemini-2.5-flash")],
)
def test_a_provider_is_known_by_its_address(book: PriceBook, provider: dict[str, Any], model: str):
    assert asked(book, provider, model) is not None


def test_a_proxys_prices_are_those_of_the_provider_that_it_is_said_to_stand_for(book: PriceBook):
    assert asked(book, {**LOCAL, "priced_as": "openai"}, "gpt-5") == asked(book, OPENAI, "gpt-5")


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (LOCAL, "gpt-4o-mini"),
        (LOCAL, "llama3"),
        (OPENAI, "a-model-of-tomorrow"),
        (OPENAI, "whisper-1"),
        ({**OPENAI, "priced_as": "nobody"}, "gpt-5"),
    ],
)
def test_what_nobody_knows_is_unknown_and_not_free(book: PriceBook, provider: dict[str, Any], model: str):
    assert asked(book, provider, model) is None


def test_the_catalogue_goes_over_the_package(book: PriceBook):
    own = asked(book, OPENAI, "gpt-5", own={"input": "7", "output": "9"}, service_tier="flex")
    assert dollars(own, input_tokens=1_000_000, cached_input_tokens=1_000_000, output_tokens=1_000_000) == 16


def test_zero_is_a_price_where_the_catalogue_says_so(book: PriceBook):
    assert (
        dollars(asked(book, LOCAL, "llama3", own={"input": "0", "output": "0"}), input_tokens=5, output_tokens=5) == 0
    )


def test_the_price_set_that_began_last_holds(book: PriceBook):
    own = [
        {"from": "2026-03-01T12:00:00Z", "input": "3"},
        {"from": "2026-02-01", "input": "2"},
        {"from": "2027-01-01T01:00:00+01:00", "input": "4"},
    ]

    def at(*when: int) -> Decimal:
        found = asked(book, OPENAI, "gpt-5", own=own, at=datetime(*when, tzinfo=UTC))  # type: ignore[arg-type, misc]
        assert found is not None
        return found.input

    assert at(2026, 1, 31, 23, 59) == Decimal("1.25"), "the package's, before the first"
    assert at(2026, 2, 1) == 2
    assert (at(2026, 3, 1, 11, 59), at(2026, 3, 1, 12)) == (2, 3)
    assert (at(2026, 12, 31, 23, 59), at(2027, 1, 1)) == (3, 4)


def test_the_batch_lane_has_prices_of_its_own_where_they_are_set(book: PriceBook):
    own = {"input": "2", "output": "2", "batch": {"input": "1", "output": "1"}}
    batch = asked(book, LOCAL, "m", own=own, lane=Lane.BATCH)
    assert batch is not None
    assert batch.input == 1
    assert dollars(asked(book, LOCAL, "m", own=own), input_tokens=1_000_000) == 2
    same = {"input": "2", "output": "2"}
    assert dollars(asked(book, LOCAL, "m", own=same, lane=Lane.BATCH), input_tokens=1_000_000) == 2


def test_the_package_is_loaded_only_where_the_catalogue_does_not_tell_it_all():
    """It takes memory; and its own way to newer prices, over the network, is never begun."""
    probe = (
        "import sys; from datetime import UTC, datetime; from contracts.subjects import Lane\n"
        "from infra.catalog import Deployment, Provider; from infra.prices import PriceBook\n"
        "p = Provider(name='p', kind='openai', base_url='https://api.openai.com/v1')\n"
        "book = PriceBook()\n"
        "for own in ({'input': '1', 'output': '1'}, None):\n"
        "    d = Deployment(name='d', provider='p', model='gpt-5', prices=own)\n"
        "    assert book.prices_of(p, d, 'gpt-5', datetime.now(UTC), Lane.BATCH)\n"
        "    print('genai_prices' in sys.modules)\n"
        "import threading; from genai_prices import data_snapshot\n"
        "print(threading.active_count(), data_snapshot._custom_snapshot)\n"
    )
    said = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True, timeout=60)
    assert said.stdout.split() == ["False", "True", "1", "None"]


CATALOG = """
providers:
  - {name: openai, kind: openai, base_url: "https://api.openai.com/v1"}
  - {name: here, kind: openai, base_url: "http://127.0.0.1:1/v1"}
models:
  - {name: known, deployments: [{name: known, provider: openai, model: gpt-5}]}
  - {name: strange, deployments: [{name: strange, provider: openai, model: a-model-of-tomorrow}]}
  - {name: "gpt-*", deployments: [{name: many, provider: openai, model: "{model}"}]}
  - {name: "llama*", deployments: [{name: any, provider: here, model: "{model}"}]}
  - {name: own, deployments: [{name: own, provider: here, model: m, prices: {input: "1"}}]}
  - {name: soon, deployments: [{name: soon, provider: here, model: m, prices: [{from: 2027-01-01, input: "1"}]}]}
"""


def test_a_check_of_the_catalogue_names_the_deployments_without_a_price(tmp_path: Path):
    file = tmp_path / "catalog.yaml"
    file.write_text(CATALOG)
    assert unpriced(load_catalog(file), PriceBook(), NOW) == ["strange", "any", "soon"]
    checked = CliRunner().invoke(app, ["config", "check", str(file)])
    assert checked.exit_code == 0
    assert "no price is known for strange, any" in checked.stderr
    assert checked.stdout.endswith("2 providers, 6 models.\n")
