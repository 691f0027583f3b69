"""Dollars as messages have them."""

import json
from decimal import Decimal

from contracts.usage import UsageRecorded
from tests.support.usage import used


def test_dollars_in_a_message_are_plain_decimals_and_exact():
    said = used(cost_usd=Decimal("0.00000015"), saved_usd=Decimal("1E+2")).model_dump_json()
    assert [json.loads(said)[name] for name in ("cost_usd", "saved_usd")] == ["0.00000015", "100"]
    assert UsageRecorded.model_validate_json(said).cost_usd == Decimal("0.00000015")
