"""The process of the writers: several clients at once, until it is told to stop.

python -m mwaportal.workload.writers --conninfo ... --ledger DIRECTORY [--writers 4] [--rate PER_SECOND]
[--kinds KIND,KIND]
"""

import argparse
import json
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mwaportal.workload.acknowledgements import LedgerFile, read
from mwaportal.workload.shop import APP
from mwaportal.workload.transactions import WEIGHTS
from mwaportal.workload.writer import Writer

_STOP_SECONDS = 10


def conninfo_for(first: str, second: str) -> str:
    """A connection string for the writers: whichever of two servers accepts writes, `first` asked first.

    Given are connection strings of administrators to the same database on both. Passwords are left out, for
    the result goes on a command line: one that role app needs belongs into the password file (PGPASSFILE).
    """
    one, other = conninfo_to_dict(first), conninfo_to_dict(second)
    return make_conninfo(
        host=f"{one.get('host', '')},{other.get('host', '')}",
        port=f"{one.get('port', 5432)},{other.get('port', 5432)}",
        dbname=one["dbname"],
        user=APP,
        target_session_attrs="read-write",
        connect_timeout=2,
        application_name="shop",
    )


def spawn(
    conninfo: str, directory: Path, *, writers: int = 4, rate: float = 0, kinds: tuple[str, ...] = ()
) -> "subprocess.Popen[bytes]":
    """Start the process; what it has to say goes to writers.log in the ledger's directory.

    `rate` is the commits/s of all writers together, 0 for as many as possible; `kinds` are the transactions
    that they make, all of them if not given. SIGTERM ends it with status 0.
    """
    directory.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "mwaportal.workload.writers", "--conninfo", conninfo]
    command += ["--ledger", str(directory.resolve()), "--writers", str(writers), "--rate", str(rate)]
    command += ["--kinds", ",".join(kinds)]
    with (directory / "writers.log").open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=Path(__file__).parents[2],
            start_new_session=True,  # a Ctrl-C in the terminal is its parent's to pass on
        )


@dataclass(frozen=True)
class Status:
    """What the writers of a ledger have met with."""

    commits: Counter[str]  # by kind of transaction; "found committed" where the answer had been lost
    errors: Counter[str]  # by SQLSTATE and kind
    last_errors: dict[str, str]  # the latest message of each kind


def status(directory: Path) -> Status:
    """The sum over all processes that have written this ledger; half a second behind a living one."""
    found = Status(Counter(), Counter(), {})
    for path in sorted(directory.glob("status-*.json")):
        one = json.loads(path.read_text())
        found.commits.update(one["commits"])
        found.errors.update(one["errors"])
        found.last_errors.update(one["last_errors"])
    return found


def _report(path: Path, writers: list[Writer]) -> None:
    now = Status(Counter(), Counter(), {})
    for writer in writers:  # dict() copies at once, while the writer's thread goes on counting
        now.commits.update(dict(writer.commits))
        now.errors.update(dict(writer.errors))
        now.last_errors.update(dict(writer.last_errors))
    path.with_suffix(".new").write_text(json.dumps(vars(now), indent=1))
    path.with_suffix(".new").replace(path)


def run(conninfo: str, directory: Path, count: int, rate: float, kinds: tuple[str, ...] = ()) -> bool:
    """Write until SIGTERM or SIGINT. False if a writer did not end in time, or before it was told to."""
    stop = threading.Event()
    told = threading.Event()

    def end(number: int, frame: FrameType | None) -> None:
        told.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    past = read(directory)
    writers = [Writer(conninfo, n, LedgerFile(directory, n), past.get(n), kinds) for n in range(1, count + 1)]
    interval = count / rate if rate else 0
    threads = [threading.Thread(target=w.run, args=(stop, interval), daemon=True) for w in writers]
    for thread in threads:
        thread.start()
    report = directory / f"status-{time.time_ns()}.json"
    while not told.wait(0.5) and all(thread.is_alive() for thread in threads):
        _report(report, writers)
    healthy = all(thread.is_alive() for thread in threads)
    stop.set()
    deadline = time.monotonic() + _STOP_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    _report(report, writers)
    return healthy and not any(thread.is_alive() for thread in threads)


def main() -> int:
    """The command line; 0 after an orderly end."""
    parser = argparse.ArgumentParser(description="Write to the shop until stopped.")
    parser.add_argument("--conninfo", required=True)
    parser.add_argument("--ledger", required=True, type=Path)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=0)
    parser.add_argument("--kinds", default="")
    given = parser.parse_args()
    given.ledger.mkdir(parents=True, exist_ok=True)
    kinds = tuple(filter(None, given.kinds.split(",")))
    if unknown := set(kinds) - set(WEIGHTS):
        parser.error(f"--kinds has {', '.join(sorted(unknown))}; there are {', '.join(WEIGHTS)}")
    return 0 if run(given.conninfo, given.ledger, given.writers, given.rate, kinds) else 1


if __name__ == "__main__":
    sys.exit(main())
