"""`make bench`: one JSON line per figure, both sides measured in the same run."""

import importlib
import json
import subprocess
import sys

NAMES = (
    "copy",
    "resync",
    "capture",
    "overhead",
    "swap",
    "compare",
    "wal",
    "definitions",
    "files",
    "files_watch",
    "portal",
)
PARTS = ("portal_change",)  # of another one; alone for a short look


def main(wanted: str) -> int:
    """Run one bench, or all."""
    if wanted not in ("all", *NAMES, *PARTS):
        sys.stderr.write(f"BENCH is {wanted}; needed is one of {', '.join(NAMES)}\n")
        return 2
    if wanted == "all":  # each in a process of its own: the portal's settings are read once in each
        return max([subprocess.call([sys.executable, "-m", "mwaportal.bench", name]) for name in NAMES])
    for figure in importlib.import_module(f"mwaportal.bench.{wanted}").run():
        sys.stdout.write(json.dumps(figure) + "\n")
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "all"))
