"""What the tests of the mirror share: a route between two databases, and proof that both are equal."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from psycopg import sql

from nodes.postgres import catalog, install, lsn, publication, slot
from nodes.postgres.connect import Connection, connect, for_database, wait_until
from tests.databases import create_database
from tracking.mirror import keylist, subscription
from tracking.mirror.capture_client import CaptureProcess
from tracking.mirror.handover import HandedOver, Route, hand_over
from tracking.mirror.phases import Event

LIST = Path(__file__).parents[1] / "tracking" / "mirror" / "list.sql"


class Mirror:
    """One pool's route, with what a test does to it."""

    def __init__(self, database, portal: str) -> None:
        self.database = database
        self.route = Route(
            database.source_conninfo, database.copy_conninfo, portal, 1, f"mwa_{database.name}", "mwa"
        )
        self.portal = connect(portal, "test", search_path="public")
        self.said: list[tuple[str, str]] = []
        self.reported: list[Event] = []

    def begin(self, schema: str) -> None:
        """The same tables on both nodes, everything published, the slot made."""
        self.database.source.execute(schema)
        self.database.copy.execute(schema)
        install.install(self.database.source)
        install.install(self.database.copy)
        publication.publish(self.database.source, catalog.tables(self.database.source))
        slot.create(self.database.source, self.route.slot, seconds=10)

    @contextmanager
    def tracking(self, limits: dict[str, int] | None = None, default: int = 1000) -> Iterator[CaptureProcess]:
        """A capture process that has begun."""
        with CaptureProcess(self.route.capture_config(limits or {}, default)) as capture:
            capture.started()
            yield capture

    def hand_over(self, **tracking) -> HandedOver:
        """Capture what is in the slot and go ACTIVE."""
        with self.tracking(**tracking) as capture:
            return hand_over(self.route, capture, lambda *told: self.said.append(told), self.reported.append)

    def suspend(self) -> None:
        """The stream is off, the slot free."""
        subscription.stop(self.database.copy, self.route.slot)
        slot.release(self.database.source, self.route.slot)

    def reconnect(self) -> None:
        """Sessions anew, after a fence has ended them."""
        for session in (self.database.source, self.database.copy):
            session.close()
        self.database = replace(
            self.database,
            source=connect(self.database.source_conninfo, "test", search_path="public"),
            copy=connect(self.database.copy_conninfo, "test", search_path="public"),
        )

    def all_listed(self, capture: CaptureProcess) -> None:
        """Wait until everything committed so far is on the list."""
        end = stream_end(self.database.source)
        wait_until(lambda: capture.latest.get("position", 0) >= end, "the list", seconds=20)

    def owed(self) -> list[keylist.Owed]:
        """What is listed."""
        return keylist.owed(self.portal, 1, 1_000_000)

    def caught_up(self) -> bool:
        """Whether everything committed on the source is on the copy."""
        end = stream_end(self.database.source)
        found = slot.find(self.database.source, self.route.slot)
        return found is not None and found.confirmed >= end


def stream_end(connection: Connection) -> int:
    """A position behind everything that was committed."""
    connection.execute("select pg_logical_emit_message(true, 'test', 'end')")
    row = connection.execute("select pg_current_wal_insert_lsn()::text").fetchone()
    connection.execute("select pg_logical_emit_message(true, 'test', 'after')")
    return lsn.parse(row[0])


def content(connection: Connection) -> dict[str, list[str]]:
    """Every row of every table, as sorted text."""
    found = {}
    for table in catalog.tables(connection):
        columns = sql.SQL(", ").join(map(sql.Identifier, table.columns))
        rows = connection.execute(
            sql.SQL("select row({})::text from only {}").format(columns, table.identifier)
        )
        found[str(table)] = sorted(row[0] for row in rows)
    return found


def make_portal(servers, name: str) -> str:
    """A database that holds only the tracking list's tables."""
    create_database(servers.copy, name)
    conninfo = for_database(servers.copy.conninfo(), name)
    with connect(conninfo, "test", search_path="public") as connection:
        connection.execute(LIST.read_text())
    return conninfo
