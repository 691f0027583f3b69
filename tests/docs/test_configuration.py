"""docs/configuration.md is generated, and says what the settings model says."""

import pytest

from cli.configuration import REFERENCE, reference
from cli.contracts import ROOT
from infra.settings import Settings

TEXT = (ROOT / REFERENCE).read_text(encoding="utf-8")


def test_the_reference_is_fresh():
    assert reference() == TEXT, "run «make schemas»"


@pytest.mark.parametrize("name", Settings.model_fields)
def test_each_setting_has_its_row_with_a_meaning(name: str):
    (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `PENSTOCK_{name.upper()}` |")]
    _, _, kind, default, meaning, _ = _cells(row)
    assert kind
    assert default
    assert meaning == (Settings.model_fields[name].description or "")
    assert meaning


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.split("|")]


def test_a_type_has_its_bounds_and_its_default():
    assert "| `PENSTOCK_API_PORT` | whole number ≥ 0 ≤ 65535 | `8080` |" in TEXT
    assert "| `PENSTOCK_CACHE_BYTES` | whole number ≥ 1048576 (1 MiB) | `268435456 (256 MiB)` |" in TEXT
    assert "| `PENSTOCK_LOG_LEVEL` | `debug`, `info`, `warning`, `error` | `info` |" in TEXT
    assert "| `PENSTOCK_CAPTURE_CONTENT` | true or false | `false` |" in TEXT
