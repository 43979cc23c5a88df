"""Two servers for a measurement, started in a temporary directory and removed in the end."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nodes.postgres import catalog, install, lsn, publication, slot
from nodes.postgres.connect import Connection, connect, one, wait_until
from nodes.postgres.embedded import EmbeddedServer
from tracking.mirror import subscription
from tracking.mirror.capture_client import CaptureProcess
from tracking.mirror.handover import HandedOver, Route, hand_over

_TOP = Path(__file__).resolve().parents[2]
_OF_NO_PAIR = """
    do $$ declare each record; begin
        for each in select conrelid::regclass as list, conname from pg_constraint
            where contype = 'f' and conrelid::regclass::text in (
                'tracking_trackedtable', 'tracking_capturedposition', 'tracking_filechange',
                'tracking_migratedfile', 'tracking_filewatch')
        loop execute format('alter table %s drop constraint %I', each.list, each.conname); end loop;
    end $$
"""
_PATIENCE_SECONDS = 900


@dataclass(frozen=True)
class Bed:
    """The servers, and where the tracking list lives (a third server, as with the real portal)."""

    source: EmbeddedServer
    copy: EmbeddedServer
    portal: EmbeddedServer

    def database(self, name: str) -> tuple[Connection, Connection]:
        """A new database of that name on source and copy; a session on each."""
        for server in (self.source, self.copy):
            with connect(server.conninfo(), "bench") as admin:
                admin.execute(f"drop database if exists {name} with (force)")
                admin.execute(f"create database {name}")
        return tuple(  # type: ignore[return-value]
            connect(server.conninfo(name), "bench", search_path="public")
            for server in (self.source, self.copy)
        )


@contextmanager
def bed() -> Iterator[Bed]:
    """All three servers, running."""
    top = Path(tempfile.mkdtemp(prefix="mwa-bench-"))
    top.chmod(0o755)
    made = Bed(EmbeddedServer(top / "a", 16), EmbeddedServer(top / "b", 18), EmbeddedServer(top / "p", 18))
    servers = (made.source, made.copy, made.portal)
    try:
        for server in servers:
            server.start()
        make_lists(made.portal.conninfo(), top)
        yield made
    finally:
        for server in servers:
            server.stop("immediate")
        shutil.rmtree(top, ignore_errors=True)


def make_lists(conninfo: str, home: Path) -> None:
    """The portal's own tables, with all that its lists cost there; their rows need no pair here."""
    given = {"DATABASE_URL": conninfo, "MWA_HOME": str(home), "DJANGO_SETTINGS_MODULE": "mwaportal.settings"}
    command = [sys.executable, "manage.py", "migrate", "-v0"]
    subprocess.run(command, cwd=_TOP, env={**os.environ, **given}, check=True)
    with connect(conninfo, "bench", search_path="public") as portal:
        portal.execute(_OF_NO_PAIR)


class Mirrored:
    """A pool of ours between two databases, driven by its mechanics."""

    def __init__(self, made: Bed, name: str, source: Connection, copy: Connection, pool: int) -> None:
        self.source, self.copy = source, copy
        self.route = Route(
            made.source.conninfo(name), made.copy.conninfo(name), made.portal.conninfo(),
            pool, f"mwa_{name}", publication.PUBLICATION,
        )  # fmt: skip
        install.install(source)
        install.install(copy)
        publication.publish(source, catalog.tables(source))
        slot.create(source, self.route.slot, seconds=10)

    def capture(self) -> CaptureProcess:
        """A capture that has begun."""
        process = CaptureProcess(self.route.capture_config({}, 10**9))
        process.started()
        return process

    def hand_over(self, process: CaptureProcess) -> HandedOver:
        """From TRACKING to ACTIVE."""
        try:
            return hand_over(self.route, process, lambda code, text: None)
        finally:
            process.kill()

    def suspend(self) -> None:
        """From ACTIVE to TRACKING (the capture is the caller's to start)."""
        subscription.stop(self.copy, self.route.slot)
        slot.release(self.source, self.route.slot)


def end_of_log(source: Connection) -> int:
    """A position behind everything that was committed."""
    one(source, "select pg_logical_emit_message(true, 'bench', 'end')")
    return lsn.parse(str(one(source, "select pg_current_wal_lsn()::text")))


def wait_confirmed(source: Connection, name: str, position: int) -> None:
    """Until the slot's reader has everything before the position."""

    def there() -> bool:
        found = slot.find(source, name)
        return found is not None and found.confirmed >= position

    wait_until(there, f"{name} to reach {lsn.render(position)}", seconds=_PATIENCE_SECONDS, every=0.01)


def seconds_since(began: float) -> float:
    """Elapsed time."""
    return time.monotonic() - began


def line(bench: str, ours: float, unit: str, peer_name: str | None = None, peer: float | None = None) -> dict:
    """One figure as `make bench` prints it; a ratio below 1 means that ours is the smaller number."""
    return {
        "bench": bench, "ours": round(ours, 3), "peer_name": peer_name,
        "peer": None if peer is None else round(peer, 3),
        "ratio": None if not peer else round(ours / peer, 3), "unit": unit,
    }  # fmt: skip
