"""What the tests of a save have in common."""

import re
import subprocess
import threading
from collections.abc import Callable, Collection
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from nodes.postgres import programs
from nodes.postgres.connect import connect
from tests.conftest import Database
from tracking.save.events import Copied, Event
from tracking.save.run import Saved, SaveOptions, save

EVERYTHING = Path(__file__).with_name("save.sql").read_text()
_OURS = re.compile(r"\b(mwa|mwa_\w+)\b")

E = TypeVar("E")


class Listener:
    """Keeps what a save says."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def __call__(self, event: Event) -> None:
        self.events.append(event)

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    def finished(self) -> set[int]:
        return {event.table.oid for event in self.of(Copied)}


class Meddler(Listener):
    """Does something the first time a certain event is reported."""

    def __init__(self, kind: type[Event], then: Callable[[], object]) -> None:
        super().__init__()
        self.kind = kind
        self.then: Callable[[], object] | None = then

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, self.kind) and self.then:
            then, self.then = self.then, None
            then()


def create(database: Database, script: str) -> None:
    """Run the script on both nodes: tables without indexes, as the copy has them before the data."""
    database.source.execute(script)
    database.copy.execute(script)


def run(
    database: Database,
    listener: Listener | None = None,
    *,
    finished: Collection[int] = (),
    stop: threading.Event | None = None,
    **options: Any,
) -> Saved:
    """Save the database with short waits."""
    chosen = SaveOptions(**{"savactwait_seconds": 5, **options})
    return save(
        database.source_conninfo, database.copy_conninfo, chosen, finished, listener or Listener(), stop
    )


def rows(connection: Any, table: str) -> list[str]:
    """The rows of a table itself as text, in order."""
    return sorted(row[0] for row in connection.execute(f"select t::text from only {table} t").fetchall())


@contextmanager
def locked(database: Database, table: str):  # type: ignore[no-untyped-def]
    """Somebody holds the table on the source."""
    with connect(database.source_conninfo, "migration of the shop", search_path="public") as other:
        other.execute("begin")
        other.execute(f"lock table {table} in access exclusive mode")
        yield other
        other.execute("rollback")


def definitions(conninfo: str) -> list[str]:
    """All statements of pg_dump but ours, in pg_dump's order."""
    command = [programs.program("pg_dump"), "--schema-only", "--exclude-schema=mwa", conninfo]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    statements = re.sub(r"^(--.*|\\(un)?restrict .*)\n", "", text, flags=re.MULTILINE).split(";\n")
    return [statement.strip() for statement in statements if not _OURS.search(statement)]
