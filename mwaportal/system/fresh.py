"""Start over: stop whatever runs below a state directory of the demo, and delete it.

Run as `python -m mwaportal.system.fresh DIRECTORY`, before anything has read its keys.
"""

import shutil
import sys
from pathlib import Path

from nodes.postgres.embedded import EmbeddedServer

_SERVERS = {"source": 16, "copy": 18, "portal": 18}


def fresh(home: Path) -> None:
    """Delete a state directory. Refuses one that is not a demo's: it may know of real pairs."""
    if home.exists() and any(home.iterdir()) and not (home / "portal").is_dir():
        raise SystemExit(f"{home} is not a state directory of the portal; nothing is deleted")
    if (home / "portal" / "PG_VERSION").exists() and not (home / "source" / "PG_VERSION").exists():
        raise SystemExit(f"{home} holds a portal without the servers of a demo; nothing is deleted")
    for name, version in _SERVERS.items():
        if (home / name / "PG_VERSION").exists():
            EmbeddedServer(home / name, version).stop("immediate")
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(files_of(home), ignore_errors=True)


def files_of(home: Path) -> Path:
    """Where the files of both nodes are: beside the state directory, whose content is never tracked."""
    return home.with_name(f"{home.name}-files")


if __name__ == "__main__":
    fresh(Path(sys.argv[1]).resolve())
