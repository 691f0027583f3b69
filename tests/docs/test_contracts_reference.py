"""docs/contracts.md is generated, and says what the code says."""

import itertools
import re

import pytest

from cli.contracts import REFERENCE, ROOT, all_documents, files
from contracts.errors import ErrorCode
from contracts.registry import CONTRACTS

TEXT = (ROOT / REFERENCE).read_text(encoding="utf-8")


def section(title: str) -> str:
    found = re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## |\Z)", TEXT, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {title}"
    return found[1]


def test_the_reference_is_fresh():
    assert files(all_documents())[REFERENCE] == TEXT, "run «make schemas»"


@pytest.mark.parametrize("contract", CONTRACTS, ids=lambda contract: contract.event)
def test_an_event_is_described_with_subject_stream_meaning_fields_and_an_example(contract):
    found = section(contract.event)
    assert f"- Subject: `{contract.subject}`" in found
    assert f"- Stream: `{contract.stream}`" in found
    assert contract.summary in found
    assert "| field | type | required | meaning |" in found
    assert all(f"| `{field}` |" in found for field in contract.body.model_fields)
    assert "#headers" in found or "| header | type | required | meaning |" in found
    assert "```json\n{" in found


@pytest.mark.parametrize("name", ["inference.delta", "inference.cancel", "deadletter"])
def test_what_is_no_event_is_described_too(name):
    assert "- Subject: `penstock.v1." in section(name)


def test_the_fields_of_a_nested_object_have_paths():
    assert "| `error.code` | string | yes |" in section("inference.failed")
    assert "| `usage.input_tokens` | integer ≥ 0 |" in section("inference.completed")


def test_every_error_code_has_its_status():
    assert all(f"| `{code}` |" in section("Error codes") for code in ErrorCode)


def test_every_link_leads_somewhere():
    links = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert links
    for link in links:
        if link.startswith("#"):
            assert f"\n## {link[1:].capitalize()}\n" in TEXT
        else:
            assert (ROOT / REFERENCE).parent.joinpath(link).resolve().is_file(), link


def test_every_table_has_as_many_cells_in_each_row():
    rows = [line for line in TEXT.splitlines() if line.startswith("|")]
    for above, below in itertools.pairwise(rows):
        if f"{above}\n{below}\n" in TEXT:
            assert len(re.findall(r"(?<!\\)\|", above)) == len(re.findall(r"(?<!\\)\|", below))
