"""The role swap of one pool: its rows, its fence, its way back.

The pool is TRACKING when it begins. Rounds bring what is owed until almost nothing is; then the primary is
fenced, capture reads the stream to the fence (which proves that nothing was written after it), the rest is
brought, sequences are made exact, and the secondary can be opened. See docs/decisions for why neither an
apply worker nor synchronous commits stand inside the fence.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from nodes.postgres import catalog, criteria, lsn, publication, sequences, transactions
from nodes.postgres.catalog import Table
from nodes.postgres.connect import Connection, connect, one

from . import definitions, keylist, subscription, way_back
from .capture_client import CaptureProcess
from .fenced import FencedSwap
from .handover import bring_sheet, shrink
from .refresh import Listed
from .rounds import Workers, split
from .samerows import LastRows

_FEW_KEYS = 5_000  # what is owed when the last rounds begin
_LAST_ROUNDS = 8
_LAST_KEYS = 50  # fewer are brought under the fence as fast
# A number is given out before it is committed: how many there are tells more than the last one.
_CHANGES = """
    select count(*), (array_agg(concat_ws(' ', command, identity) order by id desc))[1]
    from mwa.definition_changes where origin = mwa.node()
"""


class SwapRefused(Exception):
    """The swap cannot be made now; the message names the figure that is in the way."""


@dataclass
class PoolSwap(FencedSwap):
    """One pool whose roles are exchanged by its tracked keys.

    The order of calls: prepare, approach, close_primary, drain, commit, open_secondary, finish, close;
    abort instead where one of them fails.
    """

    capture: CaptureProcess
    # Sessions for what goes on at the same time.
    _beside: list[Connection] = field(default_factory=list, init=False)

    def prepare(self) -> None:
        """Everything that takes time: sessions, rounds, and the proof that the way back works."""
        route = self.route
        self._primary = connect(route.primary_conninfo, "swap")
        self._secondary = connect(route.secondary_conninfo, "swap")
        self._beside = [connect(c, "swap") for c in (route.primary_conninfo, route.secondary_conninfo)]
        self._portal = connect(route.portal_conninfo, "swap")
        self._workers = Workers(
            route.primary_conninfo, route.secondary_conninfo, route.portal_conninfo, route.jobs
        )
        with self._step("way back prepared"):
            subscription.drop(self._secondary, route.slot)
            way_back.prepare(route, self.reverse_slot, self._primary, self._secondary)
        with self._step("rounds") as step:
            rows, rounds = shrink(route, self.capture, self._primary, self._portal, self._workers, _FEW_KEYS)
            step.text = f"{rows} rows in {rounds} rounds"
            way_back.position(self._secondary, self.reverse_slot)  # so that the last time is quick
        self._refuse_what_would_not_fit()
        self._changes = self._changes_so_far()[0]
        if missing := definitions.pending(self._primary, self._secondary):
            raise SwapRefused(f"{len(missing)} definition changes are not on the secondary yet")
        self._known = self._workers.tables()  # these hold if no definition has changed when the fence is up
        there = {(sequence.schema, sequence.name) for sequence in catalog.sequences(self._secondary)}
        self._sequences = [s for s in criteria.sequences(self._primary) if (s.schema, s.name) in there]
        self._make_fence(self._workers.source_pids() | {self._beside[0].info.backend_pid})

    def approach(self) -> None:
        """The last rounds, right before the fence: what is owed then is what changed during the last one."""
        with self._step("last rounds") as step:
            brought: list[int] = []
            while len(brought) < _LAST_ROUNDS and not _steady(brought):
                sheet = self.capture.begin_sheet() - 1
                owed = keylist.owed(self._portal, self.route.pool, sheet)
                if not brought:  # under the fence the sessions that compare should know the tables already
                    last = LastRows(*self._owed(sheet))
                    for session in self._beside:
                        last.hashes(session)
                brought.append(sum(table.keys for table in owed))
                bring_sheet(self.route, self._primary, self._portal, self._workers, owed, sheet, self._known)
            step.text = f"{', '.join(map(str, brought))} rows"

    def drain(self) -> None:
        """Read the stream to the fence, bring what is left, make sequences exact, compare.

        The reverse stream then begins behind all that was brought.
        """
        self._refuse_changed_definitions()  # none can follow any more
        with self._step("proof from the stream") as step:
            reached = self.capture.until(self._fence.mark(), seconds=self.budget_seconds)
            self._refuse_rows_behind_the_fence(reached["last_change"])
            step.text = f"nothing was written after the fence at {lsn.render(self._fenced_at)}"
        self._sheet = reached["sheet"]
        with ThreadPoolExecutor(2) as beside:
            carried = beside.submit(self._carry_sequences)
            with self._step("drain") as step:
                whole, listed = self._owed(self._sheet)
                last = LastRows(whole, listed)
                here = beside.submit(last.hashes, self._beside[0])
                step.text = f"{self._workers.bring(whole, listed)} rows"
            carried.result()
            positioned = beside.submit(self._position_way_back)
            with self._step("compare"):
                differing = last.differing(here.result(), last.hashes(self._beside[1]))
            positioned.result()
        if differing:
            raise SwapRefused(f"the nodes differ in {', '.join(differing)}")

    def finish(self) -> None:
        """The old primary becomes the secondary, and nothing is owed to it."""
        super().finish()
        keylist.tear_off(self._portal, self.route.pool, self._sheet)

    def abort(self) -> None:
        """The primary is open again and keeps its role; the way back is taken down."""
        if fence := getattr(self, "_fence", None):
            fence.reopen()
        way_back.undo(self.route, self.reverse_slot)

    def close(self) -> None:
        """Close every session."""
        for name in ("_workers", "_primary", "_secondary", "_portal"):
            if session := getattr(self, name, None):
                session.close()
        for session in self._beside:
            session.close()

    def _owed(self, sheet: int) -> tuple[list[Table], list[Listed]]:
        owed = keylist.owed(self._portal, self.route.pool, sheet)
        return split(self._portal, self._known.still_there(owed))

    def _carry_sequences(self) -> None:
        with self._step("sequences") as step:
            values = sequences.read(self._primary, self._sequences)
            sequences.put(self._secondary, values)
            step.text = f"{len(values)} set"

    def _position_way_back(self) -> None:
        with self._step("reverse stream positioned"):
            self._workers.flush()  # a slot cannot be moved beyond what is on disk
            way_back.position(self._secondary, self.reverse_slot)

    def _changes_so_far(self) -> tuple[int, str]:
        row = self._primary.execute(_CHANGES).fetchone()
        assert row is not None
        return row[0], row[1]

    def _refuse_changed_definitions(self) -> None:
        count, newest = self._changes_so_far()
        if count != self._changes:
            raise SwapRefused(f"a definition was changed that is not on the secondary yet: {newest}")

    def _refuse_what_would_not_fit(self) -> None:
        if publication.unpublished(self._primary):
            raise SwapRefused("a new table has not joined the mirror yet")
        long = [t for t in transactions.writing(self._primary) if t.seconds > self.budget_seconds]
        if long:
            raise SwapRefused(
                f"a transaction has been running for {long[0].seconds:.0f} s, longer than the budget of"
                f" {self.budget_seconds:g} s: {long[0]}"
            )
        prepared = one(
            self._primary, "select count(*) from pg_prepared_xacts where database = current_database()"
        )
        if prepared:
            raise SwapRefused(
                f"{prepared} prepared transactions are open in {self.database}; commit or roll them back"
            )


def _steady(brought: list[int]) -> bool:
    """Whether another round would bring as much as the last one; after a burst it would not."""
    if not brought or brought[-1] < _LAST_KEYS:
        return bool(brought)
    least = min(brought[:-1], default=0)
    return 0.8 * least < brought[-1] < 1.25 * least
