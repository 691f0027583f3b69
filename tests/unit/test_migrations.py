"""The migrations are one line: a database goes from any of them to the newest, whoever wrote them at the same time."""

from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

import infra.database

FOLDER = Path(infra.database.__file__).parent / "migrations"


def test_each_migration_follows_the_one_before() -> None:
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    found = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]
    names = sorted(path.name for path in (FOLDER / "versions").glob("*.py"))
    assert [name.partition("_")[0] for name in names] == sorted(found)
    assert [int(revision) for revision in sorted(found)] == list(range(1, len(names) + 1))
