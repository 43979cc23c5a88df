"""A whole system on one machine: two embedded nodes, a shop, those who write to it, the portal, and people.

`make demo`, `make rehearse` and `make faults` drive it. The portal and the writers are processes of their
own and everything is real; what this process asks for, it asks for as a person would, through the models.
"""

import os
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection

from mwaportal import portaldb
from mwaportal.access import add_person
from mwaportal.workload import file_fill, files, shop, writers
from nodes.models import FileRoot, Node, Pair, StoragePool
from nodes.postgres.connect import Connection, connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer

from .fresh import files_of

DATABASE = "shop"
PAIR = "shop"
_INVOICES = "select path from public.invoices"
_TOP = Path(__file__).resolve().parents[2]


@dataclass
class Plant:
    """Everything below `home`, with `rows` rows in the shop and `count` writers.

    With `files` files beside the database, and an application that goes on changing them; none with 0.
    """

    home: Path
    rows: int
    count: int = 4
    rate: float = 0
    kinds: tuple[str, ...] = ()  # of transactions; all of them if not given
    port: int = 8000
    files: int = 0
    file_rate: float = 20  # operations/s
    roots: dict[int, Path] = field(default_factory=dict)  # of files, by the server's system identifier
    portal: "subprocess.Popen[bytes] | None" = None
    writing: "subprocess.Popen[bytes] | None" = None
    filing: "subprocess.Popen[bytes] | None" = None
    passwords: dict[str, str] = field(default_factory=dict)

    @property
    def source(self) -> EmbeddedServer:
        """The old host: PostgreSQL 16."""
        return EmbeddedServer(self.home / "source", 16)

    @property
    def copy(self) -> EmbeddedServer:
        """The new one: PostgreSQL 18."""
        return EmbeddedServer(self.home / "copy", 18)

    @property
    def ledger(self) -> Path:
        """The writers' own account of what was acknowledged."""
        return self.home / "ledger"

    @property
    def files_source(self) -> Path:
        """The old host's file root."""
        return files_of(self.home) / "old-host"

    @property
    def files_copy(self) -> Path:
        """The new one's."""
        return files_of(self.home) / "new-host"

    def root_of(self, node: Node) -> Path:
        """A node's file root."""
        return self.files_source if node.name == "old-host" else self.files_copy

    @property
    def file_account(self) -> Path:
        """The file application's own account of what has to exist."""
        return self.home / "file-account"

    @property
    def url(self) -> str:
        """Where the portal answers."""
        return f"http://127.0.0.1:{self.port}/"

    def build(self) -> None:
        """Servers, shop and pair; what is there already stays as it is."""
        self.check_port()
        self.home.mkdir(parents=True, exist_ok=True)
        self.source.start()
        self.copy.start()
        for server in (self.source, self.copy):
            shop.create_roles(server.conninfo())
            with connect(server.conninfo(), "demo") as admin:
                if not one(admin, "select 1 from pg_database where datname = %s", (DATABASE,)):
                    admin.execute(f"create database {DATABASE}")
        with self.session(self.source) as session:
            primary_is_source = one(session, "select to_regclass('public.ledger') is null")
            if primary_is_source:
                shop.create(session)
        shop.fill(self.source.conninfo(DATABASE), self.rows)
        self._build_files()
        portaldb.ensure_running()
        call_command("migrate", interactive=False, verbosity=0)
        self._define()

    def person(self, name: str, group: str) -> User:
        """A user with a new password, kept in `passwords` until the next start."""
        self.passwords[name] = add_person(name, group, one_time=False)
        return User.objects.get(username=name)

    def pair(self) -> Pair:
        """The pair as it is now."""
        return Pair.objects.get(name=PAIR)

    def check_port(self) -> None:
        """Raise `SystemExit` where somebody else listens already: his page would be taken for ours."""
        with socket.socket() as trying:
            trying.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trying.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise SystemExit(f"port {self.port} of 127.0.0.1 is taken ({error}); give --port") from error

    def serve(self) -> None:
        """Start the portal (again)."""
        with (self.home / "portal.log").open("ab") as log:
            self.portal = subprocess.Popen(
                [sys.executable, str(_TOP / "manage.py"), "serve", "--port", str(self.port)],
                cwd=_TOP, env={**os.environ, "MWA_HOME": str(self.home)}, stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    def write(self) -> None:
        """Start the writers and the file application, unless they are there."""
        conninfo = writers.conninfo_for(self.source.conninfo(DATABASE), self.copy.conninfo(DATABASE))
        if not _lives(self.writing):
            self.writing = writers.spawn(
                conninfo, self.ledger, writers=self.count, rate=self.rate, kinds=self.kinds
            )
        if self.files and not _lives(self.filing):
            self.filing = files.spawn(
                conninfo, self.roots, self.file_account, rate=self.file_rate, keep=2 * self.files + 1000
            )

    def stop_writing(self) -> None:
        """Let the writers and the file application finish what they are at."""
        self.writing = _end(self.writing, 30)
        self.filing = _end(self.filing, 30)

    def watch(self) -> list[str]:
        """Start again what has died; returns what it was."""
        died = []
        if _died(self.portal):
            died.append("portal")
            self.serve()
        if _died(self.writing):
            died.append("writers")
        if _died(self.filing):
            died.append("file application")
        if died and died != ["portal"]:
            self.write()
        return died

    def answers(self) -> bool:
        """Whether the portal's page is there."""
        try:
            with urllib.request.urlopen(self.url, timeout=2) as response:
                return bool(response.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def end(self) -> None:
        """Stop everything; the data stays for the next start."""
        self.stop_writing()
        self.portal = _end(self.portal, 40)
        self.copy.stop()
        self.source.stop()
        portaldb.release()

    def session(self, server: EmbeddedServer) -> Connection:
        """A session on the shop."""
        return connect(server.conninfo(DATABASE), "demo")

    def _build_files(self) -> None:
        self.roots = {
            files.identifier(self.source.conninfo()): self.files_source,
            files.identifier(self.copy.conninfo()): self.files_copy,
        }
        for root in self.roots.values():
            root.mkdir(parents=True, exist_ok=True)
        if self.files:
            file_fill.fill(self.files_source, self.file_account, self.source.conninfo(DATABASE), self.files)

    def _define(self) -> None:
        nodes = {}
        for name, server in (("old-host", self.source), ("new-host", self.copy)):
            nodes[name], _ = Node.objects.get_or_create(
                name=name, defaults={"directory": str(server.directory), "version": server.version}
            )
        pair, _ = Pair.objects.get_or_create(
            name=PAIR, defaults={"source": nodes["old-host"], "copy": nodes["new-host"]}
        )
        StoragePool.objects.get_or_create(pair=pair, number=1, defaults={"database": DATABASE})
        if self.files:
            ends = {"source": str(self.files_source), "copy": str(self.files_copy), "query": _INVOICES}
            FileRoot.objects.get_or_create(pair=pair, number=1, defaults=ends)


def wait_for(plant: Plant, what: str, condition, seconds: float) -> None:
    """Wait for something while starting again what dies meanwhile."""

    def look() -> bool:
        plant.watch()
        try:
            return condition()
        except DatabaseError:  # the portal's database is being started again
            connection.close()
            return False

    wait_until(look, what, seconds=seconds, every=0.1)


def _lives(process: "subprocess.Popen[bytes] | None") -> bool:
    return process is not None and process.poll() is None


def _died(process: "subprocess.Popen[bytes] | None") -> bool:
    return process is not None and process.poll() is not None


def _end(process: "subprocess.Popen[bytes] | None", seconds: float) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
