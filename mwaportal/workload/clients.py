"""What the shop's applications share: clients that never give up, and the process that runs them."""

import json
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg

from mwaportal.workload.transactions import Session

_STOP_SECONDS = 10
# Seconds from an error to the next attempt to connect. Each attempt costs both servers a process: with 3 ms
# the clients of a role swap take more of two cores than the swap itself, and wait a third longer for it.
_PAUSE = 0.02
_LONG_PAUSE = 0.05  # the same once nothing has worked for _PATIENCE seconds: an outage should not cost a core
_PATIENCE = 1.0


class Client(ABC):
    """Works in a session, and in a new one after every error; `run` is its thread."""

    # psycopg.Rollback: the session broke in a rollback
    outlives: tuple[type[Exception], ...] = (psycopg.Error, psycopg.Rollback)

    def __init__(self, conninfo: str) -> None:
        self.commits: Counter[str] = Counter()  # by kind of transaction
        self.errors: Counter[str] = Counter()  # by kind of error
        self.last_errors: dict[str, str] = {}
        self._conninfo = conninfo
        self._worked = time.monotonic()

    @abstractmethod
    def work(self, session: Session, stop: threading.Event, interval: float) -> None:
        """Make one transaction after the other (see `paced`) until `stop`; an error ends the session."""

    def run(self, stop: threading.Event, interval: float) -> None:
        """Work until `stop`, with `interval` seconds from transaction to transaction at least.

        Raises what `outlives` does not name, as when an account cannot be written.
        """
        while not stop.is_set():
            try:
                with closing(psycopg.connect(self._conninfo, autocommit=True)) as session:
                    self.work(session, stop, interval)
            except self.outlives as error:
                self.count(error)
                waiting = time.monotonic() - self._worked > _PATIENCE
                stop.wait(_LONG_PAUSE if waiting else _PAUSE)

    def worked(self, kind: str) -> None:
        """Count a transaction that has been acknowledged."""
        self.commits[kind] += 1
        self._worked = time.monotonic()

    def count(self, error: Exception) -> None:
        """Count an error."""
        kind = type(error).__name__
        if isinstance(error, psycopg.Error) and error.sqlstate:
            kind = f"{error.sqlstate} {kind}"
        self.errors[kind] += 1
        self.last_errors[kind] = str(error).strip()


def paced(stop: threading.Event, interval: float) -> Iterator[None]:
    """Once for each transaction, until `stop`."""
    due = time.monotonic()
    while not stop.is_set():
        if interval:
            due = max(due + interval, time.monotonic() - 1)  # an outage is not made up for by a burst
            stop.wait(due - time.monotonic())
        yield


@dataclass(frozen=True)
class Status:
    """What the clients that keep their account in a directory have met with."""

    commits: Counter[str]  # by kind of transaction; "found committed" where the answer had been lost
    errors: Counter[str]  # by SQLSTATE and kind
    last_errors: dict[str, str]  # the latest message of each kind


def status(directory: Path) -> Status:
    """The sum over all processes that have worked there; half a second behind a living one."""
    found = Status(Counter(), Counter(), {})
    for path in sorted(directory.glob("status-*.json")):
        one = json.loads(path.read_text())
        found.commits.update(one["commits"])
        found.errors.update(one["errors"])
        found.last_errors.update(one["last_errors"])
    return found


def _report(path: Path, clients: Sequence[Client]) -> None:
    now = Status(Counter(), Counter(), {})
    for client in clients:  # dict() copies at once, while the client's thread goes on counting
        now.commits.update(dict(client.commits))
        now.errors.update(dict(client.errors))
        now.last_errors.update(dict(client.last_errors))
    path.with_suffix(".new").write_text(json.dumps(vars(now), indent=1))
    path.with_suffix(".new").replace(path)


def spawn(module: str, arguments: list[str], log: Path) -> "subprocess.Popen[bytes]":
    """Start a module as a process; what it has to say goes to `log`. SIGTERM ends it with status 0."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as out:
        return subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # a Ctrl-C in the terminal is its parent's to pass on
        )


def run(clients: Sequence[Client], directory: Path, rate: float) -> bool:
    """Work until SIGTERM or SIGINT, with `rate` transactions/s of all together, 0 for as many as possible.

    False if a client did not end in time, or before it was told to.
    """
    stop = threading.Event()
    told = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    interval = len(clients) / rate if rate else 0
    threads = [threading.Thread(target=c.run, args=(stop, interval), daemon=True) for c in clients]
    for thread in threads:
        thread.start()
    report = directory / f"status-{time.time_ns()}.json"
    while not told.wait(0.5) and all(thread.is_alive() for thread in threads):
        _report(report, clients)
    healthy = all(thread.is_alive() for thread in threads)
    stop.set()
    deadline = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    _report(report, clients)
    return healthy and not any(thread.is_alive() for thread in threads)
