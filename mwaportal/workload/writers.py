"""The process of the writers: several clients at once, until it is told to stop.

python -m mwaportal.workload.writers --conninfo ... --ledger DIRECTORY [--writers 4] [--rate PER_SECOND]
[--kinds KIND,KIND]
"""

import argparse
import subprocess
import sys
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from mwaportal.workload import clients
from mwaportal.workload.acknowledgements import LedgerFile, read
from mwaportal.workload.shop import APP
from mwaportal.workload.transactions import WEIGHTS
from mwaportal.workload.writer import Writer


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
    arguments = ["--conninfo", conninfo, "--ledger", str(directory.resolve()), "--writers", str(writers)]
    arguments += ["--rate", str(rate), "--kinds", ",".join(kinds)]
    return clients.spawn("mwaportal.workload.writers", arguments, directory / "writers.log")


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
    past = read(given.ledger)
    writers = [
        Writer(given.conninfo, number, LedgerFile(given.ledger, number), past.get(number), kinds)
        for number in range(1, given.writers + 1)
    ]
    return 0 if clients.run(writers, given.ledger, given.rate) else 1


if __name__ == "__main__":
    sys.exit(main())
