"""The hand-over at one exact position Z: from TRACKING back to ACTIVE (RDF's two phases).

Everything committed before Z is on the list and is brought under Z's own snapshot; everything after
comes through the stream. Each step may be done again: the list is torn off only in the end, and the
copy's part is one commit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from psycopg import sql
from psycopg.conninfo import make_conninfo

from nodes.postgres import lsn, slot
from nodes.postgres.connect import Connection, connect, one
from nodes.postgres.slot import HandoverPoint
from nodes.postgres.transactions import Transaction

from . import definitions, keylist, phases, subscription
from .capture import CaptureConfig
from .capture_client import CaptureProcess
from .keylist import Owed
from .phases import Began, Report, RoundEnded, WaitingFor
from .rounds import Known, Workers

Say = Callable[[str, str], None]  # (message number, text)

ROUND_KEYS = 100_000  # what is owed when the last round begins; before, rounds without a hand-over
_MAX_ROUNDS = 6


@dataclass(frozen=True)
class Route:
    """How one pool's rows travel now: from which database to which, through which slot."""

    primary_conninfo: str
    secondary_conninfo: str
    portal_conninfo: str
    pool: int
    slot: str  # also the subscription's name
    publication: str
    jobs: int = 2
    wait_seconds: float = 60.0  # for transactions that have to end before Z

    def capture_config(self, limits: dict[str, int], default_limit: int) -> CaptureConfig:
        """What the capture process of this route needs to know."""
        return CaptureConfig(
            self.primary_conninfo, self.portal_conninfo, self.slot, self.publication,
            self.pool, limits, default_limit,
        )  # fmt: skip


@dataclass(frozen=True)
class HandedOver:
    """What a hand-over did."""

    position: int
    rows: int
    rounds: int


def hand_over(route: Route, capture: CaptureProcess, say: Say, report: Report = phases.silent) -> HandedOver:
    """Resynchronize and turn the stream on at Z. The capture process ends in it.

    `say` is for people, `report` for whoever keeps what the phases were. Raises `StillRunning`,
    `RefreshFailed`, `CaptureFailed`, `Unreachable` or a psycopg error; the list is then still complete and
    the slot still holds everything after it.
    """
    with (
        connect(route.primary_conninfo, "hand-over") as primary,
        connect(route.portal_conninfo, "hand-over") as portal,
        Workers(
            route.primary_conninfo, route.secondary_conninfo, route.portal_conninfo, route.jobs
        ) as workers,
    ):
        report(Began(phases.ROUNDS))
        rows, rounds = shrink(route, capture, primary, portal, workers, ROUND_KEYS, report)
        capture.hold()
        report(Began(phases.LISTING))
        say("766", "Phase 1, part 1: listing the transactions that are running")
        with HandoverPoint(
            route.primary_conninfo,
            primary,
            seconds=route.wait_seconds,
            waiting=_Waiting(say, report),
        ) as point:
            position = lsn.render(point.position)
            report(Began(phases.REACHED, point.position))
            say("768", f"Phase 1, part 3: no listed transaction is left; Z is {position}")
            reached = capture.until(point.position, seconds=route.wait_seconds)
            report(Began(phases.ROWS, point.position))
            with as_of(primary, point.snapshot):
                bring_definitions(route, primary, portal, workers, reached["sheet"])
            owed = keylist.owed(portal, route.pool, reached["sheet"])
            rows += workers.refresh(owed, point.snapshot)
        say("844", f"{rows} rows brought to the copy; it stands at {position}")
        report(Began(phases.BOTH, point.position))
        turn_on(route, primary, point.position)
        keylist.tear_off(portal, route.pool, reached["sheet"])
        say("782", f"Phase 2: both nodes stand at {position}; the pool is synchronized")
    return HandedOver(point.position, rows, rounds + 1)


def shrink(
    route: Route,
    capture: CaptureProcess,
    primary: Connection,
    portal: Connection,
    workers: Workers,
    enough: int,
    report: Report = phases.silent,
) -> tuple[int, int]:
    """Rounds without a hand-over, until at most `enough` rows are owed or rounds stop helping.

    Neither the log nor an old snapshot has to be kept for the length of a round. Returns rows brought
    and rounds made.
    """
    rows, rounds, before = 0, 0, None
    while rounds < _MAX_ROUNDS:
        sheet = capture.begin_sheet() - 1
        owed = keylist.owed(portal, route.pool, sheet)
        keys = sum(table.keys for table in owed)
        small = keys <= enough and not any(table.whole_reason for table in owed)
        if small or (before is not None and keys > before * 0.7):
            break
        rows += bring_sheet(route, primary, portal, workers, owed, sheet)
        rounds, before = rounds + 1, keys
        report(RoundEnded(rows, rounds))
    return rows, rounds


def bring_sheet(
    route: Route,
    primary: Connection,
    portal: Connection,
    workers: Workers,
    owed: list[Owed],
    sheet: int,
    known: Known | None = None,
) -> int:
    """One round: bring what stands on the sheets up to an ended one, and tear them off; returns the rows."""
    # The sheet was ended before this snapshot is taken, so all that stands on it is in it.
    with as_of(primary):
        snapshot = str(one(primary, "select pg_export_snapshot()"))
        if bring_definitions(route, primary, portal, workers, sheet):
            owed, known = keylist.owed(portal, route.pool, sheet), None
        rows = workers.refresh(owed, snapshot, known)
    keylist.tear_off(portal, route.pool, sheet)
    return rows


@contextmanager
def as_of(primary: Connection, snapshot: str = "") -> Iterator[None]:
    """A transaction that sees one moment: that of a snapshot, or of now."""
    with primary.transaction():
        primary.execute("set transaction isolation level repeatable read, read only")
        if snapshot:
            primary.execute(sql.SQL("set transaction snapshot {}").format(snapshot))
        yield


def bring_definitions(
    route: Route, primary: Connection, portal: Connection, workers: Workers, sheet: int
) -> int:
    """Definition changes that `primary` sees come before the rows; returns how many there were.

    The tables that go whole because of them are on the sheet before the first one is carried.
    """

    def owe(schema: str, table: str) -> None:
        keylist.owe_whole(portal, route.pool, sheet, schema, table, "its definition was changed")

    return definitions.bring(primary, workers.on_copy, owe)


def turn_on(route: Route, primary: Connection, position: int) -> None:
    """Both ends at `position`, and the stream on."""
    slot.release(primary, route.slot)
    stands = slot.find(primary, route.slot)
    if stands is None:
        raise LookupError(f"slot {route.slot} is gone from the primary")
    if stands.confirmed < position:  # the capture's last confirmation did not get through
        primary.execute(
            "select pg_replication_slot_advance(%s, %s::pg_lsn)", (route.slot, lsn.render(position))
        )
    with connect(route.secondary_conninfo, "hand-over") as secondary:
        subscription.start_at(
            secondary, route.slot, make_conninfo(route.primary_conninfo), route.publication, position
        )


class _Waiting:
    """Tells for whom is waited: people once for each set of transactions, whoever keeps it every time."""

    def __init__(self, say: Say, report: Report) -> None:
        self._say, self._report = say, report
        self._told: set[tuple[int | None, datetime | None]] | None = None

    def __call__(self, running: list[Transaction]) -> None:
        found = {(each.pid, each.began) for each in running}
        if self._told is None:
            self._report(Began(phases.WAITING))
        if found != self._told:
            names = "; ".join(map(str, running)) or "the next control point"
            self._say("767", f"Phase 1, part 2: waiting for {names}")
        self._told = found
        self._report(WaitingFor(tuple(running)))
