"""What `penstock up` says to the person who runs it: a line to try it with, and what is wrong in one sentence."""

import json
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.running import Penstock, Up
from tests.e2e.waiting import until
from tests.support.homes import home_directory


@pytest.fixture
def refused() -> Iterator[Up]:
    """One that is not to get as far as to start anything."""
    with home_directory() as home:
        up = Up(home)
        try:
            yield up
        finally:
            up.end()


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_curl_line_that_it_prints_works(up: Up, penstock: Penstock) -> None:
    until(lambda: "Ctrl-C stops it." in up.output.read_text(), "the whole of what it prints")
    (line,) = [line for line in up.output.read_text().splitlines() if line.startswith("  curl ")]
    done = subprocess.run(["/bin/sh", "-c", line], capture_output=True, timeout=30, check=True)
    assert json.loads(done.stdout)["choices"][0]["message"]["content"]


def test_a_wrong_setting_is_one_sentence(refused: Up) -> None:
    assert refused.fails(PENSTOCK_LOG_LEVEL="nonsense") == 1
    said = refused.output.read_text()
    assert said.startswith("penstock up: PENSTOCK_LOG_LEVEL is not usable: ")
    assert len(said.splitlines()) == 1


def test_a_broken_catalogue_is_one_sentence_with_its_file(refused: Up) -> None:
    catalog = refused.home / "mine.yaml"
    catalog.write_text("providers: []\nmodels: []\n")
    assert refused.fails(f"--catalog={catalog}") == 1
    said = refused.output.read_text()
    assert said.startswith(f"penstock up: the model catalogue {catalog} is wrong in line 1 (providers): ")
    assert len(said.splitlines()) == 1
