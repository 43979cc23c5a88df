"""The client that writes files beside the database, on the host whose database takes its rows.

A file is written and closed first, then the row that names it is committed; a row is gone before its file is.
So at every moment the file of each committed row exists.

Each operation on files lies within a transaction that holds a row lock, which only a primary gives. Whether
the session still lives is asked of its socket before each step, and proved by the commit: an operation whose
session has ended stops touching files. What can still happen to a file after a fence is the one step of some
microseconds that was under way, or due to begin, when the server ended the session. No commit comes out of
that operation, and the account has it as under way: its outcome is settled on the next primary.
"""

import select
import threading
from pathlib import Path

import psycopg

from mwaportal.workload.clients import Client, paced
from mwaportal.workload.file_account import Operation, State, state_of
from mwaportal.workload.file_journal import AccountFile
from mwaportal.workload.file_operations import any_plan
from mwaportal.workload.file_steps import Plan
from mwaportal.workload.transactions import Session

_START = """
    select system_identifier, (select coalesce(max(number), 0) from public.invoices) from pg_control_system()
"""
_HOLD = "select from public.settings where key = 'rows' for key share"
_INSERT = "insert into public.invoices (number, path) values (%s, %s)"
_DELETE = "delete from public.invoices where path = any(%s)"


class SessionEnded(psycopg.OperationalError):
    """The server has ended the session: from here on no file is touched."""


class NoRoot(psycopg.DataError):
    """A server has accepted the session for which no file root was given."""


class FileClient(Client):
    """One application; `roots` are the file roots of the servers, by system identifier."""

    outlives = (*Client.outlives, OSError)

    def __init__(
        self, conninfo: str, roots: dict[int, Path], file: AccountFile, *,
        kinds: tuple[str, ...] = (), keep: int = 10_000,
    ) -> None:  # fmt: skip
        super().__init__(conninfo)
        self._roots = roots
        self._file = file
        self._kinds = kinds
        self._keep = keep

    def work(self, session: Session, stop: threading.Event, interval: float) -> None:
        """Make operations until `stop`. Raises psycopg.Error, OSError of a file, and `AccountFailed`."""
        root, last = self.start(session)
        for _ in paced(stop, interval):
            number = max(last, self._file.now.number) + 1
            kind, plan = any_plan(self._file.now, number, self._keep, self._kinds)
            self.make(session, root, number, kind, plan)

    def start(self, session: Session) -> tuple[Path, int]:
        """Which root this session's server has, and the last number there; settles what is under way."""
        row = session.execute(_START).fetchone()
        if row is None or row[0] not in self._roots:
            raise NoRoot(f"no file root for server {row and row[0]}; there are {list(self._roots)}")
        root = self._roots[row[0]]
        if operation := self._file.now.under_way:
            self._settle(session, root, operation)
        return root, row[1]

    def make(self, session: Session, root: Path, number: int, kind: str, plan: Plan) -> bool:
        """Make one operation; False where a file is not as the account says: that is noted instead."""
        if plan.rows_first:
            session.execute(_DELETE, (list(plan.rows_first),))
        with session.transaction():
            session.execute(_HOLD)
            changes, steps = plan.make(root)
            if self._note_lost(session, root, {path: before for path, (before, _) in changes.items()}):
                return False
            if plan.row:
                session.execute(_INSERT, (number, plan.row))
            self._file.begin(number, kind, changes)
            for step in steps:
                _still_open(session)
                step()
        self._file.done()
        self.worked(kind)
        return True

    def _note_lost(self, session: Session, root: Path, expected: dict[str, State]) -> bool:
        found = {path: state_of(root, path) for path, state in expected.items() if state is not None}
        lost = {path: state for path, state in found.items() if state != expected[path]}
        if lost:
            session.execute(_HOLD)  # it was this node's to say, all the time that it was looked at
        for path, state in lost.items():
            self._file.lose(path, state)
        return bool(lost)

    def _settle(self, session: Session, root: Path, operation: Operation) -> None:
        with session.transaction():
            session.execute(_HOLD)
            row = operation.kind == "invoice" and _committed(session, operation)
            found = {path: state_of(root, path) for path in operation.changes}
            lost = [path for path in found if row and found[path] != operation.changes[path][1]]
            for path, (before, after) in operation.changes.items():
                made = found[path] == after and (row or operation.kind != "invoice")
                if not row and before is None and found[path] is not None and not made:
                    _still_open(session)
                    (root / path).unlink()
                    found[path] = None
        for path in lost or operation.unexplained(found):
            self._file.lose(path, found[path])
        self._file.settle(found)


def _committed(session: Session, operation: Operation) -> bool:
    # The insert waits for a session that has the number and is still ending, so the answer is final.
    paths = list(operation.changes)
    insert = f"{_INSERT} on conflict do nothing"
    if session.execute(insert, (operation.number, paths[0])).rowcount == 0:
        return True
    session.execute(_DELETE, (paths,))
    return False


def _still_open(session: Session) -> None:
    # A server that ends a session says so before the process is gone, and thus before a fence is up.
    poll = select.poll()
    poll.register(session.fileno(), select.POLLIN)
    if poll.poll(0):
        raise SessionEnded("the server has ended the session, or has something to say in the middle of it")
