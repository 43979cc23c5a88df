"""The process of the application that writes files beside the database, until it is told to stop.

python -m mwaportal.workload.files --conninfo ... --account DIRECTORY --root SYSTEM_IDENTIFIER=DIRECTORY
--root ... [--rate PER_SECOND] [--kinds KIND,KIND] [--keep PATHS]
"""

import argparse
import subprocess
import sys
from pathlib import Path

from mwaportal.workload import clients
from mwaportal.workload.file_client import FileClient
from mwaportal.workload.file_journal import AccountFile
from mwaportal.workload.file_operations import KINDS
from nodes.postgres.connect import connect, one


def identifier(conninfo: str) -> int:
    """A server's system identifier: it tells the nodes apart, by whatever address they were reached.

    Raises `Unreachable`.
    """
    with connect(conninfo, "shop") as connection:
        return int(one(connection, "select system_identifier from pg_control_system()"))


def spawn(
    conninfo: str, roots: dict[int, Path], directory: Path, *, rate: float = 20,
    kinds: tuple[str, ...] = (), keep: int = 10_000,
) -> "subprocess.Popen[bytes]":  # fmt: skip
    """Start the process; what it has to say goes to files.log in the account's directory.

    `conninfo` as from `writers.conninfo_for`; `roots` by `identifier`. `rate` is operations/s, 0 for as many
    as possible; with more than `keep` paths whole directories go. SIGTERM ends it with status 0.
    """
    arguments = ["--conninfo", conninfo, "--account", str(directory.resolve()), "--rate", str(rate)]
    arguments += ["--kinds", ",".join(kinds), "--keep", str(keep)]
    for server, root in roots.items():
        arguments += ["--root", f"{server}={root.resolve()}"]
    return clients.spawn("mwaportal.workload.files", arguments, directory / "files.log")


def main() -> int:
    """The command line; 0 after an orderly end."""
    parser = argparse.ArgumentParser(description="Write files beside the shop until stopped.")
    parser.add_argument("--conninfo", required=True)
    parser.add_argument("--account", required=True, type=Path)
    parser.add_argument("--root", required=True, action="append")
    parser.add_argument("--rate", type=float, default=20)
    parser.add_argument("--kinds", default="")
    parser.add_argument("--keep", type=int, default=10_000)
    given = parser.parse_args()
    kinds = tuple(filter(None, given.kinds.split(",")))
    if unknown := set(kinds) - set(KINDS):
        parser.error(f"--kinds has {', '.join(sorted(unknown))}; there are {', '.join(KINDS)}")
    named = [root.partition("=") for root in given.root]
    roots = {int(server): Path(root) for server, _, root in named}
    client = FileClient(
        given.conninfo, roots, AccountFile(given.account), kinds=kinds, keep=given.keep
    )  # fmt: skip
    return 0 if clients.run([client], given.account, given.rate) else 1


if __name__ == "__main__":
    sys.exit(main())
