"""The data sets that lie beside the project: they are not part of it, and tests do without where they are not there."""

from pathlib import Path

import pytest

_FOLDER = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def shared_data(name: str) -> Path:
    """The folder of one data set. Skips the test, with the reason, where it is absent."""
    folder = _FOLDER / name
    if not folder.is_dir():
        pytest.skip(f"the data set {name} is not beside the project, in ../shared/data")
    return folder
