"""The options of `penstock up` on their way into the supervisor's own process."""

from pathlib import Path

import pytest

from cli.options import UpOptions
from cli.supervise import options_from_text, options_to_text


@pytest.mark.parametrize(
    "options",
    [
        UpOptions(Path(".penstock")),
        UpOptions(Path("/data dir/é"), "::1", 1, 2, 3, 4, True, Path("mine.yaml"), Path("ready.json")),
    ],
)
def test_options_survive(options: UpOptions) -> None:
    assert options_from_text(options_to_text(options)) == options
